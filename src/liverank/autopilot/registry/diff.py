"""How two bundles differ: what they come from, their figures, their features, and how they rank.

Invariant: a bundle does not differ from itself, and both rank the same lists with the features that
serving would have read.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from liverank.automl.report.formats import upgraded
from liverank.autopilot.frames import Frames
from liverank.autopilot.registry.rank_diff import RankDiff, rank_diff
from liverank.bundle.bundle import Bundle
from liverank.bundle.lineage import Lineage
from liverank.config import Config
from liverank.errors import DatasetError

MOST_MOVED = 10
"""Features in both bundles that are named, those whose importance moved most."""
Value = str | int | float | None


class FieldDiff(msgspec.Struct, frozen=True):
    """A value of both bundles; None where a bundle has none."""

    name: str
    a: Value
    b: Value


class BundleDiff(msgspec.Struct, frozen=True, kw_only=True):
    """How bundle ``b`` differs from bundle ``a``."""

    a: str
    b: str
    lineage: tuple[FieldDiff, ...]
    """The facts of their lineages; of the config and the versions, only what differs."""
    figures: tuple[FieldDiff, ...]
    """Figures of their reports, each on its own holdout lists: not on the same ones."""
    only_a: tuple[str, ...]
    """Features that only ``a`` reads."""
    only_b: tuple[str, ...]
    moved: tuple[FieldDiff, ...]
    """Features of both whose importance, a share of 1, moved most; the largest move first."""
    ranks: RankDiff | None
    """How both rank the newest lists of the log; None if there are none."""


def diff_bundles(
    a: Bundle,
    b: Bundle,
    frames: Frames | None,
    config: Config,
    *,
    lists: int = 200,
    on_progress: Callable[[str, float], None] | None = None,
) -> BundleDiff:
    """How two bundles differ; the ``lists`` newest rankings of the log are ranked by both.

    Without ``frames``, or where they hold no ranking, ``ranks`` is None. Raises DatasetError where
    ``lists`` is less than 1, LogError and its kinds.
    """
    if lists < 1:
        raise DatasetError(f"`lists` is {lists}; expected 1 or more")
    before, after = set(a.spec.names), set(b.spec.names)
    ranks = None
    if frames is not None:
        ranks = rank_diff(a, b, frames, config, lists=lists, on_progress=on_progress)
    return BundleDiff(
        a=a.version,
        b=b.version,
        lineage=_facts(a.lineage, b.lineage),
        figures=_both(figures_of(a.report), figures_of(b.report)),
        only_a=tuple(sorted(before - after)),
        only_b=tuple(sorted(after - before)),
        moved=_moved(a.report, b.report, before & after),
        ranks=ranks,
    )


def facts_of(lineage: Lineage | None) -> dict[str, Value]:
    """The facts of a lineage by name; keys of the config begin with ``config.``.

    >>> facts_of(None)
    {}
    """
    if lineage is None:
        return {}
    fields = msgspec.to_builtins(lineage)
    config = fields.pop("config")
    facts = dict(_flat(fields))
    return facts | dict(_flat({"config": msgspec.json.decode(config)}))


def figures_of(report: Mapping[str, Any]) -> dict[str, Value]:
    """Figures of a report by name: rows, those of the holdout rows, and of the holdout lists."""
    report = upgraded(dict(report))
    data, against = report.get("data") or {}, report.get("against") or {}
    methods = against.get("methods") or {}
    named = {"rows": data.get("rows"), "positives": data.get("positives")}
    named |= report.get("held_out") or {}
    for title, method in (("model", "model"), ("heuristic", against.get("best_heuristic"))):
        named |= {f"{title} {name}": value for name, value in (methods.get(method) or {}).items()}
    return named


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Value]]:
    """The leaves of nested objects by their dotted names; lists as JSON."""
    for key, inner in value.items():
        name = f"{prefix}{key}"
        if isinstance(inner, dict):
            yield from _flat(inner, f"{name}.")
        elif isinstance(inner, (list, tuple)):
            yield name, msgspec.json.encode(inner).decode()
        else:
            yield name, inner


def _facts(a: Lineage | None, b: Lineage | None) -> tuple[FieldDiff, ...]:
    """The facts of both; none of the config and the versions where a bundle has no lineage."""
    is_known = a is not None and b is not None
    return tuple(
        one
        for one in _both(facts_of(a), facts_of(b))
        if not one.name.startswith(("config.", "versions.")) or (is_known and one.a != one.b)
    )


def _both(a: Mapping[str, Value], b: Mapping[str, Value]) -> tuple[FieldDiff, ...]:
    return tuple(FieldDiff(name, a.get(name), b.get(name)) for name in {**a, **b})


def _moved(
    a: Mapping[str, Any], b: Mapping[str, Any], names: Iterable[str]
) -> tuple[FieldDiff, ...]:
    """The features whose importance moved most; a feature without importance has none."""
    before, after = a.get("importance") or {}, b.get("importance") or {}
    moves = [
        FieldDiff(name, float(before.get(name, 0.0)), float(after.get(name, 0.0)))
        for name in sorted(names)
        if before.get(name, 0.0) != after.get(name, 0.0)
    ]
    moves.sort(key=lambda move: -abs(float(move.b or 0.0) - float(move.a or 0.0)))
    return tuple(moves[:MOST_MOVED])
