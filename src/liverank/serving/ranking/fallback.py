"""What ranks when the current bundle cannot: the ladder, and the levels that need no model.

    current bundle -> previous bundle -> most popular now -> newest

Invariant: there is always a level, and it says why the ones above it did not answer.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.bundle import store
from liverank.bundle.bundle import Bundle, load_bundle
from liverank.errors import BundleError
from liverank.features.compiler import Compiler, Program
from liverank.features.kinds.count import Count
from liverank.features.kinds.lifecycle import Age
from liverank.features.layout.layout import Layout
from liverank.quantities import nearest

HALF_LIFE = "1h"
"""The memory of "popular now" is the config's half-life nearest to this."""


@dataclass(frozen=True)
class FallbackLevel:
    """The bundle that ranks, or None; and why it is not the current one, where it is not."""

    bundle: Bundle | None
    fallback: str | None
    reason: str | None
    promoted: str | None = None
    """The version that was to be served when this level was chosen; "" where it cannot be told."""
    directory: Path | None = None
    """Where the bundle lies."""


def choose_level(root: Path) -> FallbackLevel:
    """The highest level of a deployment's bundles that holds.

    >>> choose_level(Path("no/such/place")).reason
    'no bundle was promoted yet; `liverank train` makes one'
    """
    try:
        current = store.current(root)
        if current is None:
            return FallbackLevel(
                None, "popular", "no bundle was promoted yet; `liverank train` makes one"
            )
    except BundleError as error:
        return FallbackLevel(None, "popular", str(error), "")
    try:
        place = store.place_of(root, current)
        return FallbackLevel(store.load(root, current), None, None, current, place)
    except BundleError as error:
        reason = f"the current bundle does not load: {error}"
    try:
        previous = store.previous(root)
        if previous is None:
            return FallbackLevel(None, "popular", f"{reason}; there is no previous one", current)
        place = store.place_of(root, previous)
        return FallbackLevel(store.load(root, previous), "previous", reason, current, place)
    except BundleError as error:
        return FallbackLevel(
            None, "popular", f"{reason}; nor does the previous one: {error}", current
        )


def fixed_level(directory: Path) -> FallbackLevel:
    """One given bundle. Raises BundleError when it does not load."""
    return FallbackLevel(load_bundle(directory), None, None, directory=directory)


def popularity_program(layout: Layout) -> Program:
    """The program that reads how old an item is and how popular it is now."""
    return Compiler(layout).program(list(popularity_expressions(layout)))


def popularity_expressions(layout: Layout) -> list[Age | Count]:
    """What ``popularity`` reads, a column each.

    The age in seconds, the decayed successes in all, and those of people who share a category
    (language, country) with the person.
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
    """Scores by "most popular now" and by "newest", float64[n] each, of what the program read.

    A success among people like this one counts once more for each category they share. An unknown
    age is the oldest.

    >>> popular, newest = popularity(np.array([[1, 2, np.nan], [3, 2, 1]], np.float32))
    >>> popular.tolist(), newest.tolist()
    ([2.0, 3.0], [0.5, 0.25])
    """
    newest = np.nan_to_num(1.0 / (1.0 + columns[:, 0].astype(np.float64)), nan=0.0)
    return np.nansum(columns[:, 1:].astype(np.float64), axis=1), newest
