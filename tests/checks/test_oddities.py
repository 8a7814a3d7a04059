"""Checks of events in pieces find what the plain definition finds in all of them at once."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from event_worlds import HOUR_MS, NOON, worlds
from hypothesis import given
from hypothesis import strategies as st
from plain_oddities import CHECKS, plain_oddities

from liverank.config import Config, parse_config
from liverank.events.checks import entities, rankings
from liverank.events.checks.checks import FINDINGS, find_oddities
from liverank.events.checks.contents import ContentNumbers
from liverank.events.checks.finding import Finding
from liverank.events.checks.hashed import HashIndex, HashSet
from liverank.events.content_ids import with_content_ids, with_numbers
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.frame import frame_of

CONFIGS = [
    parse_config(text)
    for text in (
        '[label]\ninteraction = "join"\n',
        '[label]\ninteraction = "join"\nmin_value = 5\n[interactions]\njoin = ""\n',
        '[label]\ninteraction = "buy"\n[candidates]\ninteraction = "click"\nwithin = "1h"\n',
    )
]


@given(worlds(), st.sampled_from(CONFIGS))
def test_pieces_give_the_findings_of_the_whole(frames: list[pl.DataFrame], config: Config) -> None:
    whole = pl.concat(frames)
    plain = plain_oddities(whole, config, now_ms=NOON) if whole.height else []
    assert find_oddities(frames, config, now_ms=NOON) == plain


@given(worlds())
def test_where_few_names_are_kept_counts_are_right_and_examples_true(
    frames: list[pl.DataFrame],
) -> None:
    whole = pl.concat(frames)
    plain = plain_oddities(whole, CONFIGS[0], now_ms=NOON) if whole.height else []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entities, "_NAMES", 1)
        patch.setattr(rankings, "_TEXTS", 1)
        found = find_oddities(frames, CONFIGS[0], now_ms=NOON)
    assert [(one.name, one.count) for one in found] == [(one.name, one.count) for one in plain]
    texts = {text for row in whole.iter_rows() for text in row if isinstance(text, str)}
    for one in found:
        assert len(one.examples) <= 3
        if one.name in ("ends_before_starts", "users_never_introduced", "unknown_rankings"):
            assert set(one.examples) <= texts


def only(found: list[Finding], name: str) -> Finding | None:
    return next((finding for finding in found if finding.name == name), None)


def test_every_finding_has_one_name_and_a_plain_definition() -> None:
    assert len(set(FINDINGS)) == len(FINDINGS)
    plain = [check.__name__ for check in CHECKS]
    of_logs_alone = {"backfilled_rankings"}  # has a test of its own
    assert plain == [name for name in FINDINGS if name not in of_logs_alone], (
        "each finding has a plain definition in plain_oddities.py, in the order of the report"
    )
    assert find_oddities([], CONFIGS[0], now_ms=NOON) == []


@given(worlds())
def test_backfilled_rankings_are_those_with_a_later_event_before_them(
    frames: list[pl.DataFrame],
) -> None:
    whole = pl.concat(frames)
    odd, latest = [], 0
    for row in whole.iter_rows(named=True):
        at, arrived = row["time"], row["arrived"]
        if arrived is not None and at > arrived + 300_000:
            at = arrived
        if row["event"] == "ranking" and row["cut"] is None and at < latest:
            odd.append(f"ranking {row['id']} at {row['time']}")
        latest = max(latest, at)
    found = only(find_oddities(frames, CONFIGS[0], now_ms=NOON, of_log=True), "backfilled_rankings")
    assert (0 if found is None else found.count) == len(odd)
    assert (() if found is None else found.examples) == tuple(dict.fromkeys(odd))[:3]


def test_a_ranking_that_says_its_cut_is_read_there_however_late_it_came() -> None:
    late = Ranking(time=NOON, id="q1", user="u1", items=["a"], cut=0)
    frame = frame_of([User(time=NOON + 1, user="u1"), late], arrived_ms=NOON)
    assert only(find_oddities([frame], CONFIGS[0], now_ms=0, of_log=True), FINDINGS[7]) is None


def test_a_clock_that_runs_ahead_makes_no_ranking_late() -> None:
    ahead = frame_of([User(time=NOON + HOUR_MS, user="u1")], arrived_ms=NOON)
    ranking = frame_of([Ranking(time=NOON + 1, id="q1", user="u1", items=["a"])], arrived_ms=NOON)
    found = find_oddities([ahead, ranking], CONFIGS[0], now_ms=0, of_log=True)
    assert only(found, "backfilled_rankings") is None
    clocks = only(found, "clocks_in_the_future")
    assert clocks is not None
    assert "more than 5m ahead of their arrival; they count as their arrival" in clocks.message


def test_ids_of_a_log_are_not_looked_at_again() -> None:
    twice = frame_of([User(time=NOON, user="u1", id="x")] * 2)
    assert only(find_oddities([twice], CONFIGS[0], now_ms=0), "duplicates") is not None
    assert only(find_oddities([twice], CONFIGS[0], now_ms=0, of_log=True), "duplicates") is None


def test_long_lists_are_compared_a_stretch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("liverank.events.checks.shown._AT_ONCE", 5)
    ranked = [
        Ranking(time=NOON, id=f"q{n}", user="u1", items=[f"i{k}" for k in range(n)])
        for n in range(9)
    ]
    acts = [
        Interaction(time=NOON + 1, type="join", user="u1", item=f"i{k}", ranking=f"q{n}")
        for n in range(9)
        for k in range(9)
    ]
    frame = frame_of([*ranked, *acts, Item(time=NOON, item="a")])
    found = find_oddities([frame], CONFIGS[0], now_ms=NOON)
    assert found == plain_oddities(frame, CONFIGS[0], now_ms=NOON)
    foreign = only(found, "items_not_in_ranking")
    assert foreign is not None
    assert foreign.count == sum(9 - n for n in range(9))


hashes = st.lists(st.integers(0, 9) | st.integers(0, 2**64 - 1), max_size=12)


@given(st.lists(hashes, max_size=8), hashes)
def test_hashes_are_numbered_as_they_come(batches: list[list[int]], asked: list[int]) -> None:
    index, held, numbers = HashIndex(), HashSet(), dict[int, int]()
    for batch in batches:
        new = []
        for one in batch:
            new.append(one not in numbers)
            numbers.setdefault(one, len(numbers))
        array = np.array(batch, np.uint64)
        assert index.number(array).tolist() == [numbers[one] for one in batch]
        assert held.add(array).tolist() == new
    wanted = np.array(asked, np.uint64)
    assert index.find(wanted).tolist() == [numbers.get(one, -1) for one in asked]
    assert held.has(wanted).tolist() == [one in numbers for one in asked]
    assert sorted(held.all().tolist()) == sorted(numbers)
    assert index.size == len(numbers)


same_or_not = st.lists(
    st.builds(
        User,
        time=st.integers(NOON, NOON + 1),
        user=st.sampled_from(["u1", "u2"]),
        id=st.none() | st.just("own"),
    ),
    max_size=12,
)


@given(st.lists(same_or_not, min_size=1, max_size=3), st.integers(1, 5))
def test_equal_events_of_a_file_are_numbered_however_it_is_cut(
    files: list[list[User]], rows: int
) -> None:
    numbers = ContentNumbers()
    for number, events in enumerate(files):
        whole = frame_of(events)
        pieces = [with_content_ids(piece) for piece in whole.iter_slices(rows)]
        path = Path(f"{number}.jsonl")
        found = [one for piece in pieces for one in numbers.numbered(piece, path)["id"]]
        ids = with_content_ids(whole)["id"]
        assert found == with_numbers(ids, whole["id"].is_null()).to_list()
