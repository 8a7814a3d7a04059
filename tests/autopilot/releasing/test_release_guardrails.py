"""Guardrails are quiet about a challenger that does no harm, and catch one that does."""

import math
from collections import Counter

import numpy as np
import pytest

from liverank.autopilot.releasing.counts import COLUMNS, Evidence
from liverank.autopilot.releasing.guardrails import (
    LEAST_PEOPLE,
    RULES,
    guardrails,
    harm_in,
    smallest_visible_fall,
)
from liverank.experiments.statistics.always_valid import always_valid_bound
from liverank.experiments.statistics.moments import Moments
from made_canary import Canary, Outcome, run_canary


def outcomes(canary: Canary, runs: int) -> list[Outcome]:
    return [run_canary(canary, seed) for seed in range(runs)]


@pytest.mark.parametrize(("rate", "runs"), [(0.05, 400), (0.004, 200)], ids=["usual", "rare"])
def test_over_a_whole_canary_at_most_one_in_twenty_harmless_challengers_is_dropped(
    rate: float, runs: int
) -> None:
    dropped = [one for one in outcomes(Canary(25, rate=rate), runs) if one.hour is not None]
    assert len(dropped) <= 0.05 * runs


@pytest.mark.parametrize(
    ("canary", "name"),
    [
        (Canary(250, harm=0.3), "label rate"),
        (Canary(50, fallbacks=0.2), "share of fallbacks"),
        (Canary(250, lost=0.4), "sample ratio"),
    ],
    ids=["worse lists", "fallbacks", "people who are missing"],
)
def test_harm_is_caught_and_named(canary: Canary, name: str) -> None:
    found = outcomes(canary, 20)
    assert sum(one.hour is not None for one in found) >= 18
    assert Counter(by for one in found for by in one.harmed).most_common(1)[0][0] == name


def rows(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson([3, 18, 1, 0.1, 2], (count, len(COLUMNS)))


def test_an_interval_is_the_difference_of_the_ratios_by_the_plain_delta_method() -> None:
    control, treated = rows(1, 900).astype(float), rows(2, 100).astype(float)
    evidence = Evidence(Moments.of(control), Moments.of(treated), None, 700.0)
    rate = guardrails(evidence)[0]
    ratios = [arm[:, 2].sum() / arm[:, 1].sum() for arm in (control, treated)]
    variances = []
    for arm, ratio in zip((control, treated), ratios, strict=True):
        apart = (arm[:, 2] - ratio * arm[:, 1]) / arm[:, 1].mean()
        variances.append(apart.var(ddof=1) / len(arm))
    both = np.concatenate([control, treated])
    ratio = both[:, 2].sum() / both[:, 1].sum()
    apart = (both[:, 2] - ratio * both[:, 1]) / both[:, 1].mean()
    pooled = apart.var(ddof=1) * (1 / 900 + 1 / 100)
    half = always_valid_bound(0.025, 1000, 700.0) * math.sqrt(max(sum(variances), pooled))
    assert (rate.control, rate.treated) == pytest.approx(tuple(ratios))
    assert rate.low == pytest.approx(ratios[1] - ratios[0] - half)
    assert rate.high == pytest.approx(ratios[1] - ratios[0] + half)
    assert smallest_visible_fall(guardrails(evidence)) == pytest.approx(half / ratios[0])


def test_a_few_people_without_a_success_are_no_harm() -> None:
    control = rows(3, 900).astype(float)
    control[:, 2] = np.arange(900) % 20 == 0
    treated = control[:60].copy()
    treated[:, 2] = 0
    results = guardrails(Evidence(Moments.of(control), Moments.of(treated), None, 700.0))
    assert harm_in(results) is None


@pytest.mark.parametrize("people", [0, 1, LEAST_PEOPLE - 1])
def test_with_too_few_people_nothing_is_known_and_the_reason_says_so(people: int) -> None:
    arms = Evidence(Moments.of(rows(1, 900)), Moments.of(rows(2, people)), None, 700.0)
    results = guardrails(arms)
    assert [one.name for one in results] == list(RULES)
    for one in results:
        assert math.isnan(one.low)
        assert str(people) in one.reason
    assert smallest_visible_fall(results) == math.inf


def test_where_nothing_happens_nothing_is_known() -> None:
    still = np.zeros((200, len(COLUMNS)))
    results = guardrails(Evidence(Moments.of(still), Moments.of(still), 0.5, 100.0))
    assert harm_in(results) is None
    assert all(math.isnan(one.high) for one in results)


@pytest.mark.parametrize("against_heuristic", [False, True])
def test_late_lists_are_no_harm_against_a_heuristic_which_never_falls_back(
    against_heuristic: bool,
) -> None:
    control, treated = rows(1, 5000).astype(float), rows(2, 50_000).astype(float)
    control[:, COLUMNS.index("fallbacks")] = 0
    late = np.random.default_rng(3).random(50_000) < 0.015  # 0.5 % of the lists
    treated[:, COLUMNS.index("fallbacks")] = late
    arms = Moments.of(control), Moments.of(treated)
    results = guardrails(Evidence(*arms, None, 700.0, against_heuristic))
    assert (harm_in(results) is None) == against_heuristic
    assert len(results) == len(RULES) - against_heuristic
