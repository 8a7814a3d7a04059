"""The rules that every event keeps, as expressions over a frame of events.

These are the same rules as in ``liverank.events.event``, which checks one JSON object; this module
checks millions of rows. A new rule goes into both; tests/sources/test_rules.py compares them event
by event. Invariant: a row that passes here would decode without an error there.
"""

import msgspec
import polars as pl

from liverank.events.actions import AUTOPILOT_ACTIONS, EXPERIMENT_ACTIONS, ITEM_STATES
from liverank.events.event import (
    KINDS,
    MAX_ID,
    MAX_TIME_MS,
    MAX_VALUE,
)
from liverank.events.frame import SCHEMA
from liverank.events.row_text import row_text

KEYS = {
    kind: {field.name: field.required for field in msgspec.structs.fields(struct)}
    for kind, struct in KINDS.items()
}
"""The keys of each kind of event, and whether they are required."""

_DEFAULTS: dict[str, tuple[str, object]] = {
    "state": ("item", "updated"),
    "active": ("edge", True),
    "surface": ("ranking", "default"),
}
_IDS = (
    "id",
    "user",
    "item",
    "relation",
    "target",
    "type",
    "ranking",
    "surface",
    "variant",
    "model",
    "experiment",
)


def with_defaults(frame: pl.DataFrame) -> pl.DataFrame:
    """Fill in defaults of optional keys: state, surface, and whether an edge is active.

    >>> frame = pl.DataFrame({"event": ["item", "user"]}).with_columns(
    ...     pl.lit(None).alias(name) for name in ("state", "active", "surface")
    ... )
    >>> with_defaults(frame)["state"].to_list()
    ['updated', None]
    """
    return frame.with_columns(
        pl.when(pl.col(name).is_null() & (pl.col("event") == kind))
        .then(pl.lit(value))
        .otherwise(pl.col(name))
        .alias(name)
        for name, (kind, value) in _DEFAULTS.items()
    )


def first_broken_rule(kinds: set[str]) -> pl.Expr:
    """Why a row of a frame is not a valid event, in one line; null where it is valid.

    ``kinds`` are the kinds of event in the frame; rules of other kinds are left out.

    >>> from liverank.events.event import User
    >>> from liverank.events.frame import frame_of
    >>> frame = frame_of([User(time=0, user="u1")]).with_columns(user=pl.lit(None, pl.String))
    >>> frame.select(first_broken_rule({"user"})).item()
    '`user` is missing'
    """
    broken = [
        _reason(~pl.col("event").is_in(list(KINDS)), f"`event` is none of {', '.join(KINDS)}"),
        _reason(pl.col("event").is_null(), "`event` is missing"),
    ]
    for kind in sorted(kinds & set(KINDS)):
        required = [key for key, is_required in KEYS[kind].items() if is_required]
        unused = [key for key in SCHEMA if key not in {*KEYS[kind], "seq", "arrived", "event"}]
        this = pl.col("event") == kind
        broken += [_reason(this & pl.col(key).is_null(), f"`{key}` is missing") for key in required]
        broken += [
            _reason(this & pl.col(key).is_not_null(), f"an event of kind {kind} has no `{key}`")
            for key in unused
        ]
    broken.append(
        pl.when(~pl.col("time").is_between(0, MAX_TIME_MS)).then(
            row_text(f"`time` is not within 0 and {MAX_TIME_MS}: {{}}", pl.col("time"))
        )
    )
    for key in _IDS:
        length = pl.col(key).str.len_bytes()
        too_long = (length > MAX_ID) & (pl.col(key).str.len_chars() > MAX_ID)
        broken.append(_reason((length == 0) | too_long, f"`{key}` is not 1 to {MAX_ID} characters"))
    if "item" in kinds:
        broken.append(
            pl.when(~pl.col("state").is_in(ITEM_STATES)).then(
                row_text(f"`state` is none of {', '.join(ITEM_STATES)}: {{}}", pl.col("state"))
            )
        )
    for kind, actions in (("experiment", EXPERIMENT_ACTIONS), ("autopilot", AUTOPILOT_ACTIONS)):
        if kind in kinds:
            is_unknown = (pl.col("event") == kind) & ~pl.col("action").is_in(actions)
            text = f"`action` is none of {', '.join(actions)}: {{}}"
            broken.append(pl.when(is_unknown).then(row_text(text, pl.col("action"))))
    if "interaction" in kinds:
        broken.append(_reason(~pl.col("value").is_finite(), "`value` is not finite"))
        is_out = pl.col("value").is_finite() & (pl.col("value").abs() > MAX_VALUE)
        broken.append(_reason(is_out, f"`value` is beyond {MAX_VALUE:g}"))
    if "ranking" in kinds:
        broken += _ranking_rules()
    return pl.coalesce(broken)


def _ranking_rules() -> list[pl.Expr]:
    items, propensities = pl.col("items"), pl.col("propensities")
    candidates = pl.col("candidates")
    rules = [*_item_rules("items"), *_item_rules("candidates")]
    left_out = items.list.set_difference(candidates).list.len() > 0
    rules.append(
        _reason(candidates.is_not_null() & left_out, "`candidates` does not hold all of `items`")
    )
    for name in ("scores", "propensities"):
        numbers = pl.col(name)
        rules += [
            _reason(numbers.list.len() != items.list.len(), f"`{name}` is not as long as `items`"),
            _reason(
                numbers.list.eval(pl.element().is_null() | ~pl.element().is_finite()).list.any(),
                f"`{name}` holds what is not a number",
            ),
        ]
    out = (propensities.list.min() <= 0) | (propensities.list.max() > 1)
    rules.append(_reason(out, "`propensities` are not above 0 and at most 1"))
    size, scored = pl.col("vectors").bin.size(), pl.coalesce(candidates, items).list.len()
    count = pl.col("candidate_count")
    too_few = (count < scored) | (count < 1)
    rules.append(_reason(too_few, "`candidate_count` is less than what is named, or less than 1"))
    misfits = (size == 0) | (scored == 0) | (size % (4 * scored) != 0)
    misfits &= pl.col("vectors").is_not_null()
    rules.append(_reason(misfits, "`vectors` are not float32 rows, one for each scored item"))
    return rules


def _item_rules(name: str) -> list[pl.Expr]:
    items = pl.col(name)
    lengths = items.list.eval(pl.element().str.len_chars())
    bad_item = items.list.eval(pl.element().is_null()).list.any() | (
        (lengths.list.min() == 0) | (lengths.list.max() > MAX_ID)
    )
    return [
        _reason(bad_item, f"`{name}` holds an id that is not 1 to {MAX_ID} characters"),
        _reason(items.list.n_unique() != items.list.len(), f"`{name}` names an item twice"),
    ]


def _reason(broken: pl.Expr, text: str) -> pl.Expr:
    return pl.when(broken).then(pl.lit(text))
