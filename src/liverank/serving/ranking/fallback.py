"""Fallback levels, which rank when the current bundle cannot.

    current bundle -> previous bundle -> most popular now -> newest

Invariant: some level can always rank, and it has the reason why the levels above cannot.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.bundle import store
from liverank.bundle.bundle import Bundle, load_bundle
from liverank.bundle.pointer import read_pointer
from liverank.errors import BundleError
from liverank.features.compiler import Compiler, Program
from liverank.features.kinds.count import Count
from liverank.features.kinds.lifecycle import Age
from liverank.features.layout.layout import Layout
from liverank.quantities import nearest

HALF_LIFE = "1h"
"""Preferred half-life of "popular now"; the config's nearest half-life is used."""


@dataclass(frozen=True)
class FallbackLevel:
    """The bundle that ranks, or None; and the fallback and its reason unless it is the current."""

    bundle: Bundle | None
    fallback: str | None
    reason: str | None
    promoted: str | None = None
    """Version that was promoted when this level was chosen; "" if unknown."""
    directory: Path | None = None
    """Directory of the bundle."""
    withdrawn: str | None = None
    """Why the bundle that was promoted last does not serve, where it was withdrawn."""

    @property
    def was_never_promoted(self) -> bool:
        """Whether there was no promotion yet, so that popularity ranks."""
        return self.bundle is None and self.promoted is None and self.withdrawn is None


def choose_level(root: Path) -> FallbackLevel:
    """The highest fallback level of a deployment that works.

    >>> choose_level(Path("no/such/folder")).reason
    'no bundle was promoted yet; `liverank train` makes one'
    """
    try:
        pointer = read_pointer(root)
    except BundleError as error:
        return FallbackLevel(None, "popular", str(error), "")
    current, why = pointer.current, pointer.withdrawn
    if current is None:
        reason = "no bundle was promoted yet; `liverank train` makes one"
        if why is not None:
            reason = f"bundle {pointer.previous} was withdrawn: {why}"
        return FallbackLevel(None, "popular", reason, withdrawn=why)
    try:
        directory = store.directory_of(root, current)
        return FallbackLevel(store.load(root, current), None, None, current, directory)
    except BundleError as error:
        reason = f"the current bundle does not load: {error}"
    previous = pointer.previous
    if previous is None:
        return FallbackLevel(None, "popular", f"{reason}; there is no previous bundle", current)
    try:
        directory = store.directory_of(root, previous)
        bundle = store.load(root, previous)
        return FallbackLevel(bundle, "previous", reason, current, directory)
    except BundleError as error:
        return FallbackLevel(
            None, "popular", f"{reason}; nor does the previous bundle: {error}", current
        )


def fixed_level(directory: Path) -> FallbackLevel:
    """The level of one given bundle. Raises BundleError if it does not load."""
    return FallbackLevel(load_bundle(directory), None, None, directory=directory)


def popularity_program(layout: Layout) -> Program:
    """The program that reads the age and the present popularity of items."""
    return Compiler(layout).program(list(popularity_expressions(layout)))


def popularity_expressions(layout: Layout) -> list[Age | Count]:
    """The features that ``popularity`` reads, one per column.

    They are the age in seconds, the decayed count of all successes, and the decayed counts of
    successes by users who share a category (language, country) with the requesting user.
    """
    shared = tuple(
        f"user.{field.name}"
        for field in layout.fields
        if field.entity == "user" and field.type == "category"
    )
    scopes = [
        scope
        for scope in layout.scopes
        if scope.parts == ("item",) or (scope.parts[1:] == ("item",) and scope.parts[0] in shared)
    ]
    expressions: list[Age | Count] = [Age("started")]
    expressions += [
        Count(scope.name, layout.label, nearest(scope.half_lives(layout.label), HALF_LIFE)[0])
        for scope in scopes
    ]
    return expressions


def popularity(
    columns: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Scores by "most popular now" and by "newest", float64[n] each.

    ``columns`` float32[n, features] are the features of the popularity program. A success counts
    once, and once more for each category that its user shares with the requesting user. An unknown
    age counts as the oldest.

    >>> popular, newest = popularity(np.array([[1, 2, np.nan], [3, 2, 1]], np.float32))
    >>> popular.tolist(), newest.tolist()
    ([2.0, 3.0], [0.5, 0.25])
    """
    newest = np.nan_to_num(1.0 / (1.0 + columns[:, 0].astype(np.float64)), nan=0.0)
    return np.nansum(columns[:, 1:].astype(np.float64), axis=1), newest
