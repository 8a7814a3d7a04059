"""The rules for rows agree with those of the wire form, event by event."""

import msgspec
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.errors import EventError
from liverank.events.actions import AUTOPILOT_ACTIONS, EXPERIMENT_ACTIONS, ITEM_STATES
from liverank.events.frame import SCHEMA
from liverank.events.sources.frame_rules import KEYS, first_broken_rule, with_defaults
from liverank.events.wire import decode_event

ids = st.one_of(st.none(), st.sampled_from(["", "a", "b", "é" * 512, "é" * 513, "x" * 600]))
numbers = st.one_of(st.none(), st.floats(-1, 2), st.just(0.5))
VALUES: dict[str, st.SearchStrategy[object]] = {
    "event": st.sampled_from(sorted(KEYS)),
    "time": st.one_of(
        st.none(), st.sampled_from([-1, 0, 5, 253_402_300_799_999, 253_402_300_800_000])
    ),
    "state": st.one_of(st.none(), st.sampled_from([*ITEM_STATES, "begun"])),
    "action": st.one_of(
        st.none(), st.sampled_from([*EXPERIMENT_ACTIONS, *AUTOPILOT_ACTIONS, "begun"])
    ),
    "active": st.one_of(st.none(), st.booleans()),
    "value": numbers,
    "cut": st.one_of(st.none(), st.integers(0, 9)),
    "generation": st.one_of(st.none(), st.integers(1, 9)),
    "items": st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=4)),
    "candidates": st.one_of(
        st.none(), st.lists(st.sampled_from(["a", "b", "c", "d", ""]), max_size=5)
    ),
    "candidate_count": st.one_of(st.none(), st.integers(-1, 6)),
    "scores": st.one_of(st.none(), st.lists(st.floats(-1, 1), max_size=4)),
    "propensities": st.one_of(
        st.none(), st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5]), max_size=4)
    ),
    "vectors": st.one_of(st.none(), st.sampled_from([0, 4, 6, 8, 12, 16, 24]).map(bytes)),
}


@st.composite
def rows(draw: st.DrawFn) -> dict[str, object]:
    kind = draw(VALUES["event"])
    row: dict[str, object] = dict.fromkeys(SCHEMA)
    row["event"] = kind
    for key in KEYS[str(kind)]:
        if key != "fields":
            row[key] = draw(VALUES.get(key, ids))
    return row


def as_wire(row: dict[str, object]) -> bytes:
    """The row as JSON: what is null is left out."""
    return msgspec.json.encode({key: value for key, value in row.items() if value is not None})


def is_event(row: dict[str, object]) -> bool:
    try:
        decode_event(as_wire(row))
    except EventError:
        return False
    return True


@settings(max_examples=300)
@given(rows=st.lists(rows(), min_size=1, max_size=12))
def test_a_row_breaks_a_rule_exactly_when_its_wire_form_does_not_decode(
    rows: list[dict[str, object]],
) -> None:
    frame = with_defaults(pl.DataFrame(rows, schema=SCHEMA))
    reasons = frame.select(first_broken_rule(set(KEYS))).to_series().to_list()
    for row, reason in zip(rows, reasons, strict=True):
        assert (reason is None) == is_event(row), (row, reason)


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_a_key_of_another_kind_of_event_is_refused(kind: str) -> None:
    for key in set(SCHEMA) - set(KEYS[kind]) - {"seq", "arrived", "event"}:
        row: dict[str, object] = dict.fromkeys(SCHEMA)
        row |= dict.fromkeys((name for name, needed in KEYS[kind].items() if needed), "x")
        row |= {"event": kind, "time": 0}
        if kind == "ranking":
            row["items"] = ["x"]
        if kind in ("experiment", "autopilot"):
            row["action"] = "started" if kind == "experiment" else "released"
        sound = pl.DataFrame([row], schema=SCHEMA)
        assert sound.select(first_broken_rule({kind})).item() is None
        numbers = {"value": 1.0, "cut": 1, "generation": 1, "active": True, "candidate_count": 9}
        row[key] = numbers.get(key, "x")
        row[key] = [1.0] if key in ("scores", "propensities") else row[key]
        row[key] = ["x"] if key in ("items", "candidates") else row[key]
        row[key] = b"four" if key == "vectors" else row[key]
        reason = pl.DataFrame([row], schema=SCHEMA).select(first_broken_rule({kind})).item()
        assert reason == f"an event of kind {kind} has no `{key}`"
