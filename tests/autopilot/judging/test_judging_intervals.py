"""Intervals cover the truth, nobody gains by having served, and quiet worlds rarely refuse."""

from functools import cache

import numpy as np
import pytest

from liverank.autopilot.judging import ratios
from liverank.autopilot.judging.checks import Evidence, checks_of
from liverank.autopilot.judging.components import (
    ServedRows,
    order_components,
    reach_of,
    weights_of,
)
from liverank.autopilot.judging.label_figures import Answers, label_verdict
from liverank.autopilot.judging.ratios import Ratios
from liverank.autopilot.judging.segments import Segment
from liverank.autopilot.judging.verdict import Speed
from liverank.dataset.bootstrap import Clusters, mean_interval
from liverank.models.sigmoid_kernel import sigmoid_kernel

ITEMS = 12
UNBIASED = "unbiased_ndcg@10"
POSITION = -0.5 * np.log1p(np.arange(ITEMS))
"""Effect of the positions on the log-odds of a success."""


def served(n_people, seed, *, noise=0.7, shared=0.9, worse=0.0):
    """Lists of people who differ, ordered by the champion: rows, margins by method, effects.

    Challenger and champion know the truth with equal noise, of which they share a part; ``worse``
    is more noise of the challenger.
    """
    random = np.random.default_rng(seed)
    lists_of = random.integers(1, 7, n_people)
    users = np.repeat(np.arange(1, n_people + 1), lists_of).astype(np.uint64)
    shape = len(users), ITEMS
    level = np.repeat(random.normal(0, 0.7, n_people), lists_of)[:, None]
    truth = random.normal(size=shape) - 2.0 + level
    both = np.sqrt(shared) * random.normal(size=shape)
    champion, challenger = (
        truth + noise * (both + np.sqrt(1 - shared) * random.normal(size=shape)) for _ in range(2)
    )
    challenger = challenger + worse * random.normal(size=shape)
    order = np.argsort(-champion, axis=1)
    truth, champion, challenger = (
        np.take_along_axis(values, order, axis=1).ravel()
        for values in (truth, champion, challenger)
    )
    effects = np.tile(POSITION, len(users))
    labels = (random.random(len(truth)) < sigmoid_kernel(truth + effects)).astype(np.uint8)
    rows = ServedRows(
        labels,
        weights_of((champion + challenger) / 2, effects, np.ones(len(truth))),
        np.repeat(np.arange(len(users)), ITEMS),
        users,
        np.ones(len(truth), np.bool_),
    )
    margins = {
        "challenger": challenger,
        "champion": champion,
        "popularity": random.random(len(truth)),
    }
    return rows, margins, effects


def verdict_of(rows, margins, effects, segments=()):
    answers = {
        name: Answers(values, None if name == "popularity" else effects)
        for name, values in margins.items()
    }
    return label_verdict("click", rows, answers, segments, seed=0)


def checks(label, segments=()):
    speed = Speed(scoring_us=50.0, items=55, bytes=9, features=3)
    evidence = Evidence([label], segments, dict.fromkeys(("challenger", "champion"), speed), True)
    return checks_of(evidence)


def test_a_ratio_has_the_interval_of_every_other_bootstrap():
    random = np.random.default_rng(0)
    users = random.integers(0, 40, 200).astype(np.uint64)
    values, weights = random.normal(size=200), random.random(200)
    collected = Ratios(users)
    collected.add("mean", values * weights, weights)
    drawn = collected.drawn(seed=3)
    expected = mean_interval(values, Clusters(users.view(np.int64)), weights=weights, seed=3)
    assert drawn.values["mean"] == pytest.approx(np.average(values, weights=weights))
    assert np.quantile(drawn.draws["mean"], [0.025, 0.975]) == pytest.approx(expected)


def test_more_people_than_clusters_are_drawn_in_groups_with_the_same_uncertainty(monkeypatch):
    random = np.random.default_rng(0)
    users = np.repeat(np.arange(1, 2_001), 3).astype(np.uint64)
    values = np.repeat(random.normal(size=2_000), 3) + random.normal(size=6_000)
    errors = []
    for most in (10_000, 500):
        monkeypatch.setattr(ratios, "MOST_CLUSTERS", most)
        collected = Ratios(users)
        collected.add("mean", values, np.ones(6_000))
        errors.append(collected.drawn(seed=1).draws["mean"].std())
    assert errors[1] == pytest.approx(errors[0], rel=0.12)


def test_no_lists_have_no_figures():
    nothing = ServedRows(
        np.empty(0, np.uint8),
        np.empty(0),
        np.empty(0, np.int64),
        np.ones(3, np.uint64),
        np.empty(0, np.bool_),
    )
    label, _ = verdict_of(
        nothing, {"challenger": np.empty(0), "popularity": np.empty(0)}, np.empty(0)
    )
    assert label.lists == 0
    assert label.methods["challenger"][UNBIASED].value is None
    assert label.base_log_loss is None


@cache
def the_truth():
    """The difference of unbiased NDCG over very many people."""
    rows, margins, _ = served(50_000, 1, worse=0.5)
    own, other = (
        order_components(margins[name], rows)[UNBIASED] for name in ("challenger", "champion")
    )
    return own.numerators.sum() / own.denominators.sum() - (
        other.numerators.sum() / other.denominators.sum()
    )


def test_intervals_of_differences_cover_the_truth():
    covered = 0
    for seed in range(150):
        rows, margins, effects = served(60, 1_000 + seed, worse=0.5)
        label, _ = verdict_of(rows, margins, effects)
        found = label.differences["champion"][UNBIASED]
        covered += found.low <= the_truth() <= found.high
    assert 0.89 <= covered / 150 <= 0.985
    assert the_truth() < -0.01


def test_whoever_served_the_lists_has_no_advantage():
    rows, margins, effects = served(6_000, 5, shared=0.5)
    label, _ = verdict_of(rows, margins, effects)
    plain, unbiased = (label.differences["champion"][name] for name in ("ndcg@10", UNBIASED))
    assert plain.high < -0.02, "although both are as good"
    assert unbiased.low < 0 < unbiased.high
    assert abs(unbiased.value) < 0.01
    assert label.methods["champion"]["calibration"].value == pytest.approx(
        label.methods["challenger"]["calibration"].value, abs=0.03
    )


def until_a_success(rows, margins, seed, *, go_on=0.85):
    """The same lists where people look from the top, tire, and stop at a success."""
    random = np.random.default_rng(seed)
    shape = len(rows.users), ITEMS
    labels = rows.labels.reshape(shape)
    before = np.cumsum(labels, axis=1) - labels
    seen = (before == 0) & (np.cumprod(random.random(shape) < go_on, axis=1) > 0)
    seen[:, 0] = True
    seen = seen.ravel()
    positions = np.tile(np.arange(float(ITEMS)), shape[0])
    mean = (margins["champion"] + margins["challenger"]) / 2
    effects = np.tile(POSITION, shape[0])
    weights = weights_of(mean, effects, reach_of(positions, seen))
    return rows._replace(labels=rows.labels * seen, weights=weights, seen=seen)


def test_where_people_stop_at_a_success_the_order_of_the_lists_is_not_held_against_the_champion():
    rows, margins, effects = served(8_000, 5, shared=0.5)
    rows = until_a_success(rows, margins, 6)
    label, _ = verdict_of(rows, margins, effects)
    plain, unbiased = (label.differences["champion"][name] for name in ("ndcg@10", UNBIASED))
    assert plain.low > 0.02, "although both are as good"
    assert abs(unbiased.value) < 0.02
    by_chance = label.differences["popularity"]
    assert by_chance[UNBIASED].low > 0.1, "popularity is a random order here"
    champion = label.methods["champion"]
    popular = label.methods["popularity"]
    assert champion["ndcg@10"].value < popular["ndcg@10"].value, "plain NDCG has it upside down"
    assert champion[UNBIASED].value > popular[UNBIASED].value + 0.1


def in_segments(rows, random):
    """Twelve segments of lists, by the person, some of which overlap."""
    group = random.integers(0, 8, int(rows.users.max()) + 1)[rows.users]
    return [
        *(Segment(f"group {n}", group == n) for n in range(8)),
        *(Segment(f"pair {n}", (group == n) | (group == n + 4)) for n in range(4)),
    ]


def test_a_challenger_as_good_is_accepted_in_nearly_all_quiet_worlds():
    refused = []
    for seed in range(40):
        rows, margins, effects = served(500, 3_000 + seed)
        segments = in_segments(rows, np.random.default_rng(seed))
        label, of_segments = verdict_of(rows, margins, effects, segments)
        refused += [check.name for check in checks(label, of_segments) if not check.passed]
    assert len(refused) <= 4, refused
    assert refused.count("segments") <= 3


def test_a_challenger_that_is_clearly_worse_is_refused_in_nearly_all_worlds():
    accepted = 0
    for seed in range(40):
        rows, margins, effects = served(500, 5_000 + seed, worse=1.0)
        label, _ = verdict_of(rows, margins, effects)
        accepted += all(check.passed for check in checks(label))
    assert accepted <= 2


def test_a_segment_in_which_the_challenger_is_worse_is_found_among_many():
    found = 0
    for seed in range(20):
        rows, margins, effects = served(800, 7_000 + seed)
        segments = in_segments(rows, np.random.default_rng(seed))
        noise = np.random.default_rng(seed).normal(0, 2.0, len(rows.labels))
        bad = segments[3].lists[rows.of_list]
        margins["challenger"] = np.where(bad, margins["challenger"] + noise, margins["challenger"])
        _, of_segments = verdict_of(rows, margins, effects, segments)
        worse = {one.name for one in of_segments if one.worse}
        found += "group 3" in worse
        assert worse <= {"group 3", "pair 3"}
    assert found >= 18
