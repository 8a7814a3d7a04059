"""Ranking in process: order, ties, limits, reasons, and what goes into the log."""

import math
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_servers import CONFIG, a_bundle, a_spec

from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import write_bundle
from liverank.config import Serving, parse_config
from liverank.errors import LogBusyError, LogError, LogFullError
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.frame import events_of, frame_of
from liverank.events.log import Log
from liverank.events.wire import encode_event
from liverank.features.stream.event_arrays import stream_of
from liverank.serving.http.events_in import take_events
from liverank.serving.http.messages import BadRequestError, RankRequest
from liverank.serving.processes.board import Board
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel, choose_level
from liverank.serving.ranking.order_kernel import best_positions
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.ranking.ranking_log import ALWAYS_LOGGED, RankingWriter, ranking_event
from liverank.serving.ranking.what_if import typical_values, what_if_reasons
from liverank.serving.service import Service
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog, LogSlice, fold_log

SETTINGS = parse_config(CONFIG)
SPEC = a_spec()
ROOMS = [f"r{number}" for number in range(12)]


def folded_of(*events, layout=SPEC.layout):
    folded = FoldedLog(layout, SETTINGS)
    frame = frame_of(events, seqs=range(1, len(events) + 1), arrived_ms=10_000)
    folded.fold(LogSlice(len(events), stream_of(frame, layout, max_future_ms=0), frame))
    return folded


def ranked_by(ranker, folded, request, *, at_ms=10_000, limit=99, request_id="q", **more):
    live = LivePublisher(folded.live).table
    view = View(folded.state, live, ranker, generation=1)
    return rank(view, Hashes(), request, request_id=request_id, at_ms=at_ms, limit=limit, **more)


@pytest.fixture(scope="module")
def world():
    """Twelve live rooms, of which the first ones were joined more."""
    return folded_of(
        User(time=0, user="u1", fields={"language": "en"}),
        *(Item(time=place, item=room, state="started") for place, room in enumerate(ROOMS)),
        *(
            Interaction(time=100, type="join", user="u1", item=room)
            for place, room in enumerate(ROOMS)
            for _ in range((12 - place) // 4)
        ),
    )


@pytest.fixture(scope="module")
def by_bundle(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundles") / "one"
    write_bundle(directory, a_bundle(SPEC))
    return make_ranker(FallbackLevel(load_bundle(directory), None, None), SPEC.layout)


BY_POPULARITY = make_ranker(FallbackLevel(None, "popular", "no bundle"), SPEC.layout)


@given(
    items=st.lists(st.sampled_from([*ROOMS, "stranger"]), max_size=20),
    exclude=st.lists(st.sampled_from(ROOMS), max_size=3),
    limit=st.integers(1, 15),
    request_id=st.sampled_from(["q1", "q2"]),
    has_model=st.booleans(),
)
def test_a_list_is_the_best_of_the_distinct_candidates_in_falling_order(
    world, by_bundle, items, exclude, limit, request_id, has_model
):
    ranker = by_bundle if has_model else BY_POPULARITY

    def ask(names, most=limit):
        request = RankRequest(user="u1", items=names, exclude=exclude)
        return ranked_by(ranker, world, request, request_id=request_id, limit=most)

    ranked, everything = ask(items), ask(items[::-1], 100)

    assert set(everything.items) == set(items) - set(exclude)
    assert len(everything.items) == len(set(everything.items))
    assert ranked.items == everything.items[:limit]
    assert ranked.scores.tolist() == sorted(ranked.scores, reverse=True)


@settings(max_examples=300)
@given(
    scores=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]) | st.floats(0, 1), max_size=40),
    seed=st.integers(0, 2**64 - 1),
    limit=st.integers(1, 50),
    has_second=st.booleans(),
    repeats=st.sampled_from([1, 1, 1, 60]),
    data=st.data(),
)
def test_the_order_is_by_score_then_the_second_number_then_the_mixed_hash(
    scores, seed, limit, has_second, repeats, data
):
    scores = np.tile(np.array(scores), repeats)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    hashes = random.integers(0, 2**64, len(scores), np.uint64)
    second = random.choice([0.0, 1.0], len(scores) if has_second else 0)

    mixed = (hashes ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    keys = (mixed ^ (mixed >> np.uint64(32)), *([-second] if has_second else []), -scores)
    expected = np.lexsort(keys)[:limit]

    best = best_positions(scores, second, hashes, np.uint64(seed), limit)
    assert best.tolist() == expected.tolist()


def test_without_candidates_all_that_is_live_is_ranked(world):
    ranked = ranked_by(BY_POPULARITY, world, RankRequest(user="u1"))

    assert sorted(ranked.items) == sorted(ROOMS)
    assert ranked.items[0] == "r0"
    assert set(ranked.items[1:5]) == {"r1", "r2", "r3", "r4"}
    assert (ranked.model, ranked.fallback, ranked.cut) == (None, "popular", world.seq)


def test_an_empty_world_and_an_empty_list_of_candidates_give_an_empty_list(by_bundle):
    for ranker in (by_bundle, BY_POPULARITY):
        for items in (None, []):
            request = RankRequest(user="u1", items=items, explain=True)
            ranked = ranked_by(ranker, folded_of(), request, at_ms=0, limit=5)
            assert ranked.items == []


def test_popularity_fades_as_time_passes_without_events(world):
    request = RankRequest(user="stranger", items=ROOMS[:1])
    scores = [
        ranked_by(BY_POPULARITY, world, request, at_ms=at_ms).scores[0]
        for at_ms in (100, 3_600_100, 7_200_100)
    ]
    assert scores == pytest.approx([3, 1.5, 0.75])


def test_an_effect_is_the_log_odds_lost_when_the_feature_is_typical(by_bundle):
    model = by_bundle.level.bundle.model
    rows = np.random.default_rng(3).normal(size=(4, len(SPEC.names))).astype(np.float32)
    rows[0, 5] = np.nan
    typical = typical_values(rows)
    assert np.array_equal(typical, np.nanmedian(rows, axis=0))

    for row, reasons in zip(rows, what_if_reasons(model, SPEC.names, rows, typical), strict=True):
        effects = []
        for column in range(len(row)):
            other = row.copy()
            other[column] = typical[column]
            effects.append(abs((model.margins(row[None]) - model.margins(other[None]))[0, 0]))
        assert [abs(reason.effect) for reason in reasons] == sorted(effects, reverse=True)[:3]


def kept(event):
    """What a log gives back of a served ranking."""
    with TemporaryDirectory() as directory, Log.open(Path(directory)) as log:
        log.append_served([event], arrived_ms=0)
        [frame] = log.read()
        [ranking] = events_of(frame)
        return ranking


def event_as_kept(event):
    """The same with scores as float32, which is how they are kept."""
    words = msgspec.structs.asdict(event)
    return Ranking(**words | {"scores": np.float32(event.scores).tolist()})


def ranked_among(count, ranker=BY_POPULARITY, **request):
    names = [f"x{number}" for number in range(count)]
    asked = RankRequest(user="u1", items=names, **request)
    return asked, ranked_by(ranker, folded_of(), asked, at_ms=7, limit=2)


@pytest.mark.parametrize(
    ("count", "explain", "share", "is_logged"),
    [
        (2, True, 1.0, False),  # nothing was cut
        (3, False, 0.0, True),
        (ALWAYS_LOGGED, False, 0.0, True),
        (ALWAYS_LOGGED + 1, False, 0.0, False),
        (ALWAYS_LOGGED + 1, True, 0.0, True),
        (ALWAYS_LOGGED + 1, False, 1.0, True),
    ],
)
def test_candidates_are_logged_when_a_list_was_cut_from_them(count, explain, share, is_logged):
    request, ranked = ranked_among(count, explain=explain)
    serving = Serving(log_candidates=share)
    event = ranking_event(request, ranked, request_id="q", at_ms=7, generation=1, serving=serving)

    assert (event.candidates is not None) == is_logged
    assert event.candidate_count == (count if count > 2 and not is_logged else None)
    assert kept(event) == event_as_kept(event)


def test_about_the_configured_share_of_long_lists_logs_its_candidates():
    request, ranked = ranked_among(ALWAYS_LOGGED + 1)
    logged = sum(
        ranking_event(
            request,
            ranked,
            request_id=f"q{number}",
            at_ms=7,
            generation=1,
            serving=Serving(log_candidates=0.05),
        ).candidates
        is not None
        for number in range(4000)
    )
    assert abs(logged / 4000 - 0.05) < 4 * math.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.parametrize("limit", [1, 5, len(ROOMS)])
def test_logged_vectors_are_the_rows_that_the_model_read_of_what_was_scored(
    world, by_bundle, limit
):
    request = RankRequest(user="u1", items=ROOMS)
    ranked = ranked_by(by_bundle, world, request, limit=limit)
    serving = Serving(log_vectors=1.0, log_candidates=0.0)
    event = ranking_event(request, ranked, request_id="q", at_ms=7, generation=1, serving=serving)

    rows = np.frombuffer(event.vectors, "<f4").reshape(len(ROOMS), len(SPEC.names))
    scored = event.items if event.candidates is None else event.candidates
    scores = dict(zip(scored, by_bundle.level.bundle.model.answers(rows), strict=True))
    assert sorted(scored) == sorted(ROOMS)
    assert [scores[item] for item in event.items] == event.scores.tolist()
    assert len(set(scores.values())) > 2, "rows in another order would show"
    assert kept(event) == event_as_kept(event)


def test_vectors_are_logged_for_about_the_configured_share_whatever_else_is(by_bundle):
    request, ranked = ranked_among(ALWAYS_LOGGED + 1, by_bundle)
    serving = Serving(log_vectors=0.2, log_candidates=0.2)
    events = [
        ranking_event(
            request, ranked, request_id=f"q{number}", at_ms=7, generation=1, serving=serving
        )
        for number in range(4000)
    ]
    assert abs(sum(event.vectors is not None for event in events) / 4000 - 0.2) < 0.03
    assert abs(sum(event.candidates is not None for event in events) / 4000 - 0.36) < 0.04


def test_no_vectors_are_logged_where_no_bundle_ranked_or_nothing_was_scored(by_bundle):
    for count, ranker in [(3, BY_POPULARITY), (0, by_bundle)]:
        request, ranked = ranked_among(count, ranker)
        serving = Serving(log_vectors=1.0)
        event = ranking_event(
            request, ranked, request_id="q", at_ms=7, generation=1, serving=serving
        )
        assert event.vectors is None


class RefusingLog:
    """A log that refuses what it is given, as a full or busy one does."""

    def __init__(self, error: LogError) -> None:
        self.error = error

    def append(self, events: object, *, arrived_ms: int, until_s: float | None = None) -> None:
        raise self.error

    append_served = append


@pytest.mark.parametrize(("error", "status"), [(LogFullError, 507), (LogBusyError, 503)])
def test_a_full_or_busy_log_refuses_events_with_a_status_that_says_so(error, status):
    body = encode_event(Item(time=1_795_428_000_000, item="r1"))
    with pytest.raises(BadRequestError, match="log: no luck") as caught:
        take_events(RefusingLog(error("no luck")), body, arrived_ms=0)
    assert caught.value.status == status


def test_rankings_that_cannot_be_logged_are_counted():
    request, ranked = ranked_among(2)
    event = ranking_event(request, ranked, request_id="q", at_ms=7, generation=1, serving=Serving())
    for error in (LogFullError("full"), LogBusyError("busy")):
        writer = RankingWriter(RefusingLog(error), clock_ms=lambda: 7)
        for _ in range(5):
            writer.put(event)
        writer.close()
        assert writer.lost == 5


def test_a_corrupt_pointer_to_the_current_bundle_is_told_and_does_not_stop_serving(tmp_path):
    (tmp_path / "bundles").mkdir()
    (tmp_path / "bundles/current.json").write_bytes(b"{")
    level = choose_level(tmp_path)
    assert (level.bundle, level.fallback) == (None, "popular")
    assert "current.json: cannot be read" in str(level.reason)


def test_a_log_folds_to_the_same_in_slices_of_any_size(tmp_path):
    with Log.open(tmp_path / "log") as log:
        log.append(
            [Item(time=place, item=f"r{place % 7}", state="started") for place in range(50)],
            arrived_ms=100,
        )
        whole = fold_log(log, SPEC.layout, SETTINGS)
        pieces = FoldedLog(SPEC.layout, SETTINGS)
        while (piece := pieces.read_slice(log, max_rows=3)) is not None:
            pieces.fold(piece)
    request = RankRequest(user="u1")
    one, other = (
        ranked_by(BY_POPULARITY, folded, request, at_ms=200, limit=9) for folded in (whole, pieces)
    )
    assert (one.items, one.scores.tolist()) == (other.items, other.scores.tolist())
    assert one.cut == other.cut == 50


def test_before_the_log_has_been_read_a_ranking_is_put_off(tmp_path):
    board = Board(1)
    board.folding["last_seq"] = 1
    with Log.open(tmp_path / "log") as log:
        service = Service(log, SETTINGS, board, 0, snapshots=tmp_path, clock_ms=lambda: 7)
        with pytest.raises(BadRequestError, match="the log is being read, 0 of 1 events") as caught:
            service.rank(RankRequest(user="u1"), read_at=time.perf_counter())
        assert caught.value.status == 503
        service.close()
