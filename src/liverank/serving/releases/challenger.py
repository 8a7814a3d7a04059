"""The challenger on trial in a worker: its bundle, and for whom it ranks.

Invariant: a challenger that does not load, or needs another layout of state, ranks for nobody, and
the reason is reported.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from liverank.experiments.release import Release
from liverank.serving.experiments.loading import load_ranker
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.ranker import Ranker, View, rank
from liverank.serving.server_log.events import write_event


@dataclass(frozen=True, slots=True)
class Challenger:
    """A release with its loaded bundle."""

    release: Release
    ranker: Ranker | None
    """None if the bundle cannot rank here."""
    trouble: str | None
    """Why it cannot."""
    view: View | None
    """The view for people whom it serves; None if it serves nobody."""

    @property
    def is_compared(self) -> bool:
        """Whether requests are compared: in shadow, and always if it cannot rank."""
        return self.release.stage == "shadow" or self.ranker is None

    def view_of(self, user: str, champion: View) -> View:
        """The view that a user's rankings are made from: the challenger's or the champion's."""
        if self.view is not None and self.release.serves(user):
            return self.view
        return champion


def with_challenger(
    view: View, release: Release | None, *, root: Path | None, before: View | None
) -> View:
    """The view with the challenger of a release, which is loaded, and ranks once to compile.

    ``root`` is the root of the bundles; what ``before`` has loaded is used again.
    """
    if release is None:
        return view
    version = release.version
    known = _known(version, before)
    loaded = load_ranker(version, view.state, root=root, known=known)
    if isinstance(loaded, str):
        trouble = f"challenger {version} is not tried: {loaded}"
        was = None if before is None else before.challenger
        if was is None or was.trouble != trouble:
            write_event("bundle_refused", trouble, bundle=version)
        return replace(view, challenger=Challenger(release, None, trouble, None))
    own = replace(view, ranker=loaded, explore=0.0)
    request = RankRequest(user="-", items=["-"])
    rank(own, Hashes(), request, request_id="-", at_ms=0, limit=1)
    serving = own if release.stage == "canary" else None
    return replace(view, challenger=Challenger(release, loaded, None, serving))


def _known(version: str, before: View | None) -> Ranker | None:
    """The ranker of this version in an earlier view, or None."""
    if before is None:
        return None
    challenger = before.challenger
    rankers = [before.ranker, None if challenger is None else challenger.ranker]
    for ranker in rankers:
        bundle = None if ranker is None else ranker.level.bundle
        if bundle is not None and bundle.version == version:
            return ranker
    return None
