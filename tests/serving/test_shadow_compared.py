"""A challenger in shadow is compared with the champion as two plain rankings would be."""

import asyncio
import math
import time
from dataclasses import replace

import numpy as np
import pytest
from rank_servers import a_bundle
from test_ranker import BY_POPULARITY, SPEC, folded_of

from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import write_bundle
from liverank.events.autopilot_steps import detail_of
from liverank.events.event import Interaction, Item, User
from liverank.experiments.release import Release
from liverank.serving.http.messages import RankRequest
from liverank.serving.processes.board import Board
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.ranking.ranking_log import SHADOW_SAMPLE, is_sampled
from liverank.serving.releases.challenger import Challenger
from liverank.serving.releases.comparison import Sample, compare
from liverank.serving.releases.shadow import (
    FIRST_REPORT_MS,
    MAX_SHARE,
    REPORT_MS,
    SIMULATED_SHARE,
    Shadow,
)
from liverank.serving.reports import ShadowReport
from liverank.serving.state.live_table import LivePublisher

MANY = [f"room{number}" for number in range(40)]
RELEASE = Release(version="v", stage="shadow", since_ms=0, champion="c")
AT_MS = 10_000


def ranker_of(tmp_path_factory, seed):
    directory = tmp_path_factory.mktemp("bundles") / "one"
    write_bundle(directory, a_bundle(SPEC, seed=seed))
    return make_ranker(FallbackLevel(load_bundle(directory), None, None), SPEC.layout)


@pytest.fixture(scope="module")
def rankers(tmp_path_factory):
    return [ranker_of(tmp_path_factory, seed) for seed in (0, 3)]


@pytest.fixture(scope="module")
def folded():
    return folded_of(
        *(User(time=0, user=f"u{number}", fields={"language": "en"}) for number in range(5)),
        *(Item(time=place, item=room, state="started") for place, room in enumerate(MANY)),
        *(
            Interaction(time=100 + place, type="join", user=f"u{place % 5}", item=room)
            for place, room in enumerate(MANY * 3)
            if place % 7 < 3
        ),
    )


def view_of(folded, ranker, challenger=None):
    live = LivePublisher(folded.live).table
    return View(folded.state, live, ranker, generation=1, challenger=challenger)


def plain(view, request_id, limit=99):
    request = RankRequest(user="u1")
    return rank(view, Hashes(), request, request_id=request_id, at_ms=AT_MS, limit=limit)


def sample_of(view, request_id):
    items = plain(view, request_id).candidates.hashes
    return Sample(view, RankRequest(user="u1"), request_id, AT_MS, items)


@pytest.mark.parametrize("request_id", ["q1", "q2", "q3", "q4"])
@pytest.mark.parametrize("is_popular", [False, True])
def test_a_comparison_is_that_of_two_plain_rankings(folded, rankers, request_id, is_popular):
    champion = BY_POPULARITY if is_popular else rankers[0]
    views = [view_of(folded, ranker) for ranker in (champion, rankers[1])]
    tops = [set(plain(view, request_id, limit=10).items) for view in views]
    means = [float(plain(view, request_id).scores.mean()) for view in views]
    found = compare(sample_of(views[0], request_id), rankers[1])
    assert found.candidates == len(MANY)
    assert found.overlap_at_10 == len(tops[0] & tops[1]) / 10
    assert found.score == pytest.approx(means[1])
    if is_popular:
        assert math.isnan(found.champion_score)
    else:
        assert found.champion_score == pytest.approx(means[0])
        assert 0 < found.overlap_at_10 < 1, "the two models must differ for this to say anything"
    assert found.champion_us > 0
    assert found.challenger_us > 0


def shadow_of(*, is_simulated=True):
    board = Board(1)
    return Shadow(board.workers[0], is_simulated=is_simulated), board.workers[0]


def offer(shadow, view, request_id, at_ms=AT_MS):
    items = plain(view, request_id).candidates.hashes
    shadow.offer(view, RankRequest(user="u1"), request_id, at_ms, items)


def test_a_report_adds_up_the_comparisons_of_the_sampled_requests(folded, rankers):
    challenger = Challenger(RELEASE, rankers[1], None, None)
    view = view_of(folded, rankers[0], challenger)
    ids = [f"q{number}" for number in range(60)]
    sampled = [name for name in ids if is_sampled(name, SIMULATED_SHARE, SHADOW_SAMPLE)]
    assert 5 < len(sampled) < 30
    shadow, counts = shadow_of()
    for name in ids:
        offer(shadow, view, name)
    assert shadow.report(AT_MS + FIRST_REPORT_MS - 1) is None, "not due yet"
    step = shadow.report(AT_MS + FIRST_REPORT_MS)
    assert (step.action, step.model) == ("shadowed", "v")
    report = detail_of(step, ShadowReport)
    each = [compare(sample_of(view, name), rankers[1]) for name in sampled]
    assert (report.requests, report.failures) == (len(sampled), 0)
    assert report.candidates == 40 * len(sampled)
    assert report.overlap_at_10 == pytest.approx(np.mean([one.overlap_at_10 for one in each]))
    assert report.mean_score == pytest.approx(np.mean([one.score for one in each]))
    assert report.mean_champion_score == pytest.approx(
        np.mean([one.champion_score for one in each])
    )
    assert (report.champion_us, report.challenger_us) == (None, None), "the same log each time"
    assert (counts["shadowed"], counts["shadow_failures"]) == (len(sampled), 0)
    offer(shadow, view, sampled[0])
    at_ms = AT_MS + FIRST_REPORT_MS + REPORT_MS
    assert shadow.report(at_ms - 1) is None
    assert detail_of(shadow.report(at_ms), ShadowReport).requests == 1, "from the last report on"


def test_a_challenger_that_does_not_score_is_a_failure_with_its_reason(folded, rankers):
    class Broken:
        def answers(self, _columns):
            return np.full(len(MANY), np.nan)

    bundle = rankers[1].level.bundle
    broken = replace(bundle, heads={"join": Broken()})
    gives_nan = make_ranker(FallbackLevel(broken, None, None), SPEC.layout)
    for ranker, trouble, words in (
        (None, "bundle v is gone", "bundle v is gone"),
        (gives_nan, None, "not finite"),
    ):
        for stage in ("shadow", "canary") if ranker is None else ("shadow",):
            release = Release(version="v", stage=stage, since_ms=0, champion="c")
            view = view_of(folded, rankers[0], Challenger(release, ranker, trouble, None))
            shadow, counts = shadow_of()
            for number in range(40):
                offer(shadow, view, f"q{number}")
            report = detail_of(shadow.report(AT_MS + FIRST_REPORT_MS), ShadowReport)
            assert report.requests == 0
            assert report.failures == counts["shadow_failures"] > 3
            assert words in report.trouble
            assert (report.overlap_at_10, report.mean_score) == (None, None)


def test_a_loaded_challenger_in_canary_is_not_compared(folded, rankers):
    release = Release(version="v", stage="canary", since_ms=0, champion="c", share=0.1)
    view = view_of(folded, rankers[0], Challenger(release, rankers[1], None, None))
    shadow, counts = shadow_of()
    for number in range(40):
        offer(shadow, view, f"q{number}")
    assert counts["shadowed"] == 0
    assert shadow.report(AT_MS + REPORT_MS) is None


def test_comparisons_of_another_stage_or_challenger_are_not_added_up(folded, rankers):
    shadow, _ = shadow_of()
    for version in ("v", "w"):
        release = Release(version=version, stage="shadow", since_ms=0, champion="c")
        view = view_of(folded, rankers[0], Challenger(release, rankers[1], None, None))
        for number in range(40):
            offer(shadow, view, f"{version}{number}")
    step = shadow.report(AT_MS + FIRST_REPORT_MS)
    wanted = sum(is_sampled(f"w{number}", SIMULATED_SHARE, SHADOW_SAMPLE) for number in range(40))
    assert (step.model, detail_of(step, ShadowReport).requests) == ("w", wanted)


@pytest.mark.timeout(30)
def test_comparisons_take_no_more_than_their_share_of_real_time_and_none_while_busy(
    folded, rankers, monkeypatch
):
    taken = []

    def timed(sample, challenger):
        began = time.perf_counter()
        found = compare(sample, challenger)
        taken.append(time.perf_counter() - began)
        return found

    monkeypatch.setattr("liverank.serving.releases.shadow.compare", timed)
    challenger = Challenger(RELEASE, rankers[1], None, None)
    view = view_of(folded, rankers[0], challenger)
    shadow, counts = shadow_of(is_simulated=False)

    async def serve(seconds, *, is_busy):
        until = time.perf_counter() + seconds
        number = 0
        while time.perf_counter() < until:
            offer(shadow, view, f"q{number}")
            await shadow.look(is_busy=is_busy)
            number += 1

    asyncio.run(serve(0.2, is_busy=True))
    assert (taken, int(counts["shadowed"])) == ([], 0)
    asyncio.run(serve(2.0, is_busy=False))
    assert len(taken) > 3
    assert sum(taken[:-1]) < MAX_SHARE * 2.0, "the last one may have begun at the very end"
    report = detail_of(shadow.report(AT_MS + FIRST_REPORT_MS), ShadowReport)
    assert report.requests == counts["shadowed"] == len(taken)
    assert 0 < report.challenger_us < 1e6 * sum(taken)
