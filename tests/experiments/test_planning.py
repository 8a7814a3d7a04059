"""Plans agree with plain tables, with published sizes, and with each other."""

import numpy as np
import polars as pl
import pytest
from experiment_logs import START, World, log_of
from scipy import stats

from liverank.config import parse_config
from liverank.errors import ExperimentError
from liverank.experiments.metrics.from_config import metrics_of
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.planning.baseline import Baseline, participation_sd
from liverank.experiments.planning.from_log import read_log, wanted_for, window_of
from liverank.experiments.planning.size import Design, size_of, smallest_lift
from liverank.experiments.planning.traffic import Traffic

CONFIG = parse_config(
    '[label]\ninteraction = "join"\n[metrics.joins]\nkind = "mean"\ninteraction = "join"'
)


def test_the_sizes_of_the_published_effects_come_out() -> None:
    """69 thousand an arm for +1.96 % of 20 % active days: what a correlation of 0.4 gives."""
    active = Baseline(metric="active", value=0.2, sd=participation_sd(0.2, 28))
    assert size_of(active, Design(days=28), None, 0.0196).users_an_arm == pytest.approx(
        69_000, rel=0.005
    )
    # joins by impressions: a user's linearised rate varies by 1.94 times the rate
    rate = Baseline(metric="rate", value=0.1, sd=0.194)
    assert size_of(rate, Design(days=28), None, 0.0199).users_an_arm == pytest.approx(
        149_000, rel=0.005
    )
    # clicks with a heavy tail: a user's count varies by 3.49 times the mean
    clicks = Baseline(metric="clicks", value=2.0, sd=6.98)
    assert size_of(clicks, Design(days=28), None, 0.0842).users_an_arm == pytest.approx(
        27_000, rel=0.005
    )


def test_the_spread_of_active_days_is_that_of_correlated_days() -> None:
    rng = np.random.default_rng(1)
    share, days, correlation, users = 0.3, 14, 0.25, 200_000
    # a beta-binomial: days of one user are correlated by 1 / (a + b + 1)
    size = 1 / correlation - 1
    chance = rng.beta(share * size, (1 - share) * size, users)
    active = rng.binomial(days, chance) / days
    assert active.std() == pytest.approx(participation_sd(share, days, correlation), rel=0.01)


def test_users_enough_for_an_effect_show_just_that_effect() -> None:
    base = Baseline(metric="m", value=3.0, sd=5.0, saved=0.3)
    design = Design(days=28, control_share=0.5, variant_share=0.25, alpha=0.02, looks=10)
    size = size_of(base, design, Traffic((), 1000.0), 0.05)
    assert size.users is not None
    assert smallest_lift(base, design, size.users, design.cost()) == pytest.approx(0.05, rel=1e-3)
    assert size.users_without_cuped == pytest.approx(size.users / 0.7, rel=1e-3)
    assert size.users > size.users_one_look  # type: ignore[operator]
    assert size.days == -(-size.users // 1000)


def test_a_plan_keeps_its_promise_in_simulated_experiments() -> None:
    base = Baseline(metric="m", value=1.0, sd=2.0)
    size = size_of(base, Design(days=7), None, 0.3)
    assert size.users_an_arm is not None
    rng = np.random.default_rng(4)
    shape = (2000, size.users_an_arm)
    control = rng.gamma(0.25, 4.0, shape)  # mean 1, sd 2
    variant = rng.gamma(0.25, 4.0, shape) + 0.3
    p = stats.ttest_ind(variant, control, axis=1, equal_var=False).pvalue
    assert (p < 0.05).mean() == pytest.approx(0.8, abs=0.03)


def test_a_baseline_of_the_log_is_that_of_the_plain_table() -> None:
    world = World(users=1500, days=8, pre_days=8, arrivals=0.3)
    log = log_of(world)
    window = window_of(START - 8 * DAY_MS, START + 8 * DAY_MS, 8)
    assert window.days == 8
    metrics = metrics_of(CONFIG, ["joins", "clicks_to_explore"])
    wanted = wanted_for(metrics, window, surface=None, unit_field=None, listed_as=None)
    found = read_log([log.select(wanted.columns)], wanted, metrics, window)
    first = log.filter(pl.col("event") == "ranking").group_by("user").agg(at=pl.col("time").min())
    joins = log.filter(pl.col("type") == "join").join(first, on="user")
    counts = joins.filter(pl.col("time") > pl.col("at")).group_by("user").agg(n=pl.len())
    table = first.join(counts, on="user", how="left")["n"].fill_null(0)
    baseline = found.baselines[0]
    assert found.users == len(table) == 1500
    assert baseline.value == pytest.approx(table.mean(), rel=0.01)
    assert baseline.sd == pytest.approx(table.std(), rel=0.05)
    assert baseline.saved > 0.15
    assert found.traffic.users_by(8) == 1500
    assert found.traffic.later == pytest.approx(0, abs=1)


def test_a_log_of_half_a_day_makes_no_baseline() -> None:
    with pytest.raises(ExperimentError, match=r"covers 0\.5 days.*--baseline"):
        window_of(0, DAY_MS / 2, 28)
