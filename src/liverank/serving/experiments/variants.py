"""Ranking by the variant that a unit is assigned to.

Invariant: whatever keeps a variant from being served, the list is logged with it (intention to
treat), and says why it was ranked in another way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from liverank.bundle.bundle import Bundle
from liverank.config_experiments import MIXES, Variant, parse_rank
from liverank.errors import StateBusyError
from liverank.experiments.assignment.assign import Assignment
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.arms import arm_of
from liverank.serving.experiments.assigner import Assigner
from liverank.serving.experiments.policies import (
    Asked,
    at_random,
    by_popularity,
    by_weights,
    combined,
)
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.ranker import NO_LIMIT, RankedList, Ranker, TimeLimit, View, rank

POPULAR, NEWEST = "popular", "newest"
_CURRENT = "current"
"""The fallback of a variant that has a bundle of its own which cannot be served."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Ranks by variants; ``rank`` takes the place of ``ranker.rank``.

    ``rankers`` are of the variants' own bundles by version, ``refused`` why others cannot be
    served.
    """

    assigner: Assigner
    table: ArmTable
    rankers: Mapping[str, Ranker]
    refused: Mapping[str, str]

    def bundle(self, version: str) -> Bundle | None:
        """The variants' own bundle of that version, or None."""
        ranker = self.rankers.get(version)
        return None if ranker is None else ranker.level.bundle

    @property
    def trouble(self) -> str | None:
        """What somebody should look at: bundles that are not served, targets that hold nobody."""
        told = list(self.refused.values())
        told += [
            placed.target.trouble
            for placed in self.assigner.placed.values()
            if placed.target.trouble is not None
        ]
        return "; ".join(told) or None

    def rank(
        self,
        view: View,
        hashes: Hashes,
        request: RankRequest,
        *,
        request_id: str,
        at_ms: int,
        limit: int,
        time_limit: TimeLimit = NO_LIMIT,
    ) -> RankedList:
        """Rank a request by the variant of its unit, or as the server does where it has none."""
        given = self.assigner.assign(request.user, request.surface, request.fields, at_ms=at_ms)
        asked = Asked(view, hashes, request, request_id, at_ms, limit, time_limit)
        if given is None or given.variant is None:
            return _by_server(asked)
        ranked = self._by_variant(asked, given, given.variant)
        ranked.variant = given.label
        return ranked

    def _by_variant(self, asked: Asked, given: Assignment, name: str) -> RankedList:
        variant: Variant = self.assigner.placed[given.experiment].experiment.variants[name]
        arm = arm_of(given.experiment, name)
        if variant.rank is None:
            return self._by_weights(asked, variant.weights, arm)
        policies = parse_rank(variant.rank)
        if policies[0] not in MIXES:
            return self._by_policy(asked, policies[0], arm)
        lists = [self._by_policy(asked, policy, arm) for policy in policies[1:]]
        return combined(asked, lists, variant.rank)

    def _by_policy(self, asked: Asked, policy: str, arm: int) -> RankedList:
        if policy == "popular":
            return by_popularity(asked, self.table, arm)
        if policy == "random":
            return at_random(asked)
        if policy == "model":
            return self._by_model(asked, arm)
        version = policy.removeprefix("bundle:")
        ranker = self.rankers.get(version)
        if ranker is not None:
            return self._by_model(replace(asked, view=replace(asked.view, ranker=ranker)), arm)
        ranked = self._by_model(asked, arm)
        reason = self.refused.get(version, f"bundle {version} is not loaded")
        fallback = ranked.fallback or _CURRENT
        return replace(ranked, fallback=fallback, reason=_both(reason, ranked.reason))

    def _by_weights(self, asked: Asked, weights: Mapping[str, float], arm: int) -> RankedList:
        bundle = asked.view.ranker.level.bundle
        if bundle is None or asked.time_limit.skip_reason is not None:
            return self._by_model(asked, arm)
        missing = [label for label in weights if label not in bundle.heads and label != POPULAR]
        if missing:
            reason = f"bundle {bundle.version} has no model of {', '.join(missing)}"
            ranked = self._by_model(asked, arm)
            fallback = ranked.fallback or _CURRENT
            return replace(ranked, fallback=fallback, reason=_both(reason, ranked.reason))
        try:
            return by_weights(asked, weights, self.table, arm)
        except StateBusyError as error:
            return self._popular_instead(asked, arm, str(error))

    def _by_model(self, asked: Asked, arm: int) -> RankedList:
        """As the server ranks by a bundle, or where it does not by the arm's popularity."""
        level = asked.view.ranker.level
        if asked.time_limit.skip_reason is not None or level.bundle is None:
            return self._popular_instead(asked, arm, asked.time_limit.skip_reason or level.reason)
        ranked = _by_server(asked)
        if ranked.fallback not in (POPULAR, NEWEST):
            return ranked
        return self._popular_instead(asked, arm, ranked.reason)

    def _popular_instead(self, asked: Asked, arm: int, reason: str | None) -> RankedList:
        ranked = by_popularity(asked, self.table, arm)
        return replace(
            ranked, fallback=ranked.fallback or POPULAR, reason=_both(reason, ranked.reason)
        )


def _by_server(asked: Asked) -> RankedList:
    """As the server ranks where there is no experiment."""
    return rank(
        asked.view,
        asked.hashes,
        asked.request,
        request_id=asked.request_id,
        at_ms=asked.at_ms,
        limit=asked.limit,
        time_limit=asked.time_limit,
    )


def _both(first: str | None, second: str | None) -> str | None:
    """Reasons one after the other."""
    return "; and ".join(one for one in (first, second) if one is not None) or None
