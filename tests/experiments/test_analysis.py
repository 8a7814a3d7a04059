"""Tables of experiments: equal to tea-tasting and plain sums, and a clear word for what is odd."""

import datetime
import math
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
import tea_tasting as tt
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from liverank.errors import ExperimentError
from liverank.experiments.analysis import (
    Analysis,
    TableSpec,
    analyse,
    parse_covariate,
    parse_metric,
)
from liverank.experiments.analysis.arms import choose_control

USERS = tt.make_users_data(rng=42, n_users=2000, covariates=True, return_type="polars")


def spec_of(*metrics: str, **options: Any) -> TableSpec:
    chosen = {"unit": "user", "variant": "variant", **options}
    return TableSpec(metrics=[parse_metric(text) for text in metrics], **chosen)


def with_covariates(spec: TableSpec, *covariates: str) -> TableSpec:
    parsed = tuple(parse_covariate(text)[1] for text in covariates)
    return replace(spec, metrics=[replace(one, covariates=parsed) for one in spec.metrics])


def small(n: int = 400, **columns: Any) -> pl.DataFrame:
    random = np.random.default_rng(1)
    table = {
        "user": np.arange(n),
        "variant": np.where(np.arange(n) % 2, "test", "control"),
        "y": random.poisson(2.0, n),
        "views": 1 + random.poisson(5.0, n),
    }
    return pl.DataFrame({**table, **columns})


def notes_of(found: Analysis, word: str) -> list[str]:
    return [note for note in found.notes if word in note]


def test_a_table_is_analysed_as_by_tea_tasting() -> None:
    experiment = tt.Experiment(
        orders=tt.Mean("orders", "orders_covariate"),
        rate=tt.RatioOfMeans("orders", "sessions", "orders_covariate", "sessions_covariate"),
    )
    told = experiment.analyze(USERS)
    mean = with_covariates(spec_of("orders=mean(orders)"), "orders_covariate")
    ratio = with_covariates(
        spec_of("rate=ratio(orders,sessions)"), "rate=ratio(orders_covariate,sessions_covariate)"
    )
    for spec in (mean, ratio):
        result = analyse(USERS, spec).results[0]
        other = told[result.metric]
        assert result.comparison.lift == pytest.approx(other.rel_effect_size, rel=1e-9)
        assert result.comparison.lift_ci == pytest.approx(
            (other.rel_effect_size_ci_lower, other.rel_effect_size_ci_upper), rel=1e-9
        )
        assert result.p == pytest.approx(other.pvalue, rel=1e-9)


def test_several_variants_are_each_analysed_as_by_tea_tasting() -> None:
    third = USERS.with_columns(variant=pl.col("variant") + pl.col("user") % 2 * pl.col("variant"))
    told = tt.Experiment(orders=tt.Mean("orders", "orders_covariate")).analyze(
        third, control=0, all_variants=True
    )
    found = analyse(third, with_covariates(spec_of("orders=mean(orders)"), "orders_covariate"))
    for result in found.results:
        other = told[0, int(result.variant)]["orders"]
        assert result.p == pytest.approx(other.pvalue, rel=1e-9)
        assert result.comparison.value == pytest.approx(other.treatment, rel=1e-9)


def test_arrays_by_name_are_a_table_too() -> None:
    arrays = {name: USERS[name].to_numpy() for name in USERS.columns}
    spec = spec_of("mean(orders)")
    assert analyse(arrays, spec) == analyse(USERS, spec)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10_000))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    spec = with_covariates(spec_of("rate=ratio(orders,sessions)"), "orders_covariate")
    shuffled = analyse(USERS.sample(fraction=1.0, shuffle=True, seed=seed), spec)
    plain = analyse(USERS, spec)
    assert shuffled.split == plain.split
    for one, other in zip(shuffled.results, plain.results, strict=True):
        assert one.p == pytest.approx(other.p, rel=1e-8)
        assert one.comparison.lift_ci == pytest.approx(other.comparison.lift_ci, rel=1e-8)


def days_table(users: int = 300, seed: int = 5) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    rows = [
        {
            "user": user,
            "variant": "test" if user % 2 else "control",
            "day": datetime.date(2026, 1, 1 + day),
            "y": int(random.poisson(1.0)),
            "views": int(random.poisson(3.0)),
            "before": float(user % 7),
        }
        for user in range(users)
        for day in range(int(random.integers(0, 5)), 10)
    ]
    return pl.DataFrame(rows).sample(fraction=1.0, shuffle=True, seed=seed)


def test_the_days_of_a_unit_are_summed() -> None:
    table = days_table()
    spec = with_covariates(
        spec_of("mean(y)", "ratio(y,views)", "quantile(y,0.5)", time="day"), "before"
    )
    sums: dict[int, list[float]] = {}
    for row in table.iter_rows(named=True):
        own = sums.setdefault(row["user"], [0.0, 0.0])
        own[0] += row["y"]
        own[1] += row["views"]
    once = pl.DataFrame(
        {
            "user": list(sums),
            "variant": ["test" if user % 2 else "control" for user in sums],
            "y": [own[0] for own in sums.values()],
            "views": [own[1] for own in sums.values()],
            "before": [float(user % 7) for user in sums],
        }
    )
    by_day, by_unit = analyse(table, spec), analyse(once, replace(spec, time=None))
    for one, other in zip(by_day.results, by_unit.results, strict=True):
        assert one.p == pytest.approx(other.p, rel=1e-9)
        assert one.comparison.n_variant == 150


def test_the_rate_of_new_units_says_until_when_to_wait() -> None:
    random = np.random.default_rng(2)
    table = small(
        2000,
        y=random.normal(10, 3, 2000) + np.where(np.arange(2000) % 2, 0.2, 0.0),
        day=[datetime.date(2026, 3, 1) + datetime.timedelta(days=i // 200) for i in range(2000)],
    )
    found = analyse(table, spec_of("mean(y)", time="day"))
    decision = found.decision
    assert decision.action == "wait"
    assert decision.until_users is not None
    assert decision.until_ms is not None
    days = math.ceil((decision.until_users - 2000) / 200)
    end = datetime.datetime(2026, 3, 11, tzinfo=datetime.UTC) + datetime.timedelta(days=days)
    assert decision.until_ms == int(end.timestamp() * 1000)
    assert f"{end:%Y-%m-%d}" in decision.sentence


def test_clusters_are_compared_as_by_cluster_robust_least_squares() -> None:
    random = np.random.default_rng(8)
    sizes = random.integers(1, 9, 500)
    cluster = np.repeat(np.arange(500), sizes)
    n = len(cluster)
    y = random.normal(size=500)[cluster] + random.normal(3, 1, n) + 0.3 * (cluster % 2)
    table = pl.DataFrame({"user": np.arange(n), "variant": cluster % 2, "home": cluster, "y": y})

    found = analyse(table, spec_of("mean(y)", cluster="home"))

    told = sm.OLS(y, sm.add_constant((cluster % 2).astype(float))).fit(
        cov_type="cluster", cov_kwds={"groups": cluster, "use_correction": False}
    )
    comparison = found.results[0].comparison
    assert comparison.difference == pytest.approx(told.params[1])
    assert comparison.se == pytest.approx(told.bse[1], rel=0.005)
    assert comparison.n_control == 250
    assert found.split.counts == (250, 250)
    unclustered = analyse(table, spec_of("mean(y)")).results[0].comparison
    assert comparison.se > 1.4 * unclustered.se


def test_a_clustered_covariate_and_quantile_run_too() -> None:
    table = small(400, home=np.arange(400) // 4 * 2 + np.arange(400) % 2)
    spec = spec_of("mean(y)", "quantile(y,0.4)", cluster="home")
    found = analyse(table, with_covariates(spec, "views"))
    assert found.results[0].comparison.n_control == 100
    assert notes_of(found, "a quantile is not adjusted")


def test_several_arms_are_each_compared_with_the_control_and_corrected_together() -> None:
    table = small(600, variant=["old", "b", "c"] * 200)
    found = analyse(table, spec_of("mean(y)", "mean(views)", control="old"))
    assert [(one.metric, one.variant) for one in found.results] == [
        ("mean(y)", "b"),
        ("mean(y)", "c"),
        ("mean(views)", "b"),
        ("mean(views)", "c"),
    ]
    smallest = min(found.results, key=lambda one: one.p)
    assert smallest.adjusted_p == pytest.approx(min(1.0, 4 * smallest.p))


def test_a_broken_split_is_not_to_be_trusted_and_says_where() -> None:
    lost = small(4000, country=np.where(np.arange(4000) % 5, "gb", "ie")).filter(
        ~((pl.col("country") == "ie") & (pl.col("variant") == "test") & (pl.col("user") % 3 > 0))
    )
    found = analyse(lost, spec_of("mean(y)", segments=("country",)))
    assert not found.split.ok
    assert found.split.p == pytest.approx(stats.chisquare(found.split.counts).pvalue, rel=0.1)
    assert found.decision.sentence.startswith("Do not trust these results: the split is broken")
    assert any(reason.startswith("by country: ie has ") for reason in found.decision.reasons)


def test_where_no_segment_is_named_columns_of_a_few_values_are_tried() -> None:
    table = small(
        6000, browser=np.arange(6000) // 2 % 3, other=np.arange(6000) // 2 % 2, email=range(6000)
    )
    is_lost = (pl.col("browser") == 2) & (pl.col("variant") == "test") & (pl.col("user") % 5 > 0)
    reasons = analyse(table.filter(~is_lost), spec_of("mean(y)")).decision.reasons
    assert any(reason.startswith("by browser: 2 has 1,000 / ") for reason in reasons)
    assert not any("by email" in reason or "by views" in reason for reason in reasons)


def test_a_split_that_broke_on_one_day_says_which() -> None:
    days = [datetime.date(2026, 3, 1 + i // 500) for i in range(4000)]
    table = small(4000, day=days).filter(
        ~((pl.col("day") == datetime.date(2026, 3, 4)) & (pl.col("variant") == "test"))
    )
    found = analyse(table, spec_of("mean(y)", time="day"))
    assert "by day: 2026-03-04 has 250 / 0" in found.decision.reasons


def test_a_part_that_is_off_is_told_of_where_the_whole_is_as_planned() -> None:
    table = small(4000, country=np.where(np.arange(4000) < 1000, "ie", "gb"))
    arms = np.where(np.arange(4000) % 2, "test", "control")
    arms[:1000] = np.where(np.arange(1000) % 5, "test", "control")  # 800 of 1000
    arms[1000:1600] = "control"
    found = analyse(
        table.with_columns(variant=pl.Series(arms)), spec_of("mean(y)", segments=("country",))
    )
    assert found.split.ok
    assert notes_of(found, "by country: ie has 200 / 800")


def test_a_split_is_checked_against_the_planned_shares() -> None:
    table = small(1000, variant=["control", "test", "test", "test"] * 250)
    assert not analyse(table, spec_of("mean(y)")).split.ok
    assert analyse(table, spec_of("mean(y)", shares={"test": 0.75})).split.ok


def test_a_split_near_the_edge_is_told_of() -> None:
    table = small(10_000, variant=["control"] * 4865 + ["test"] * 5135)
    found = analyse(table, spec_of("mean(y)"))
    assert found.split.ok
    assert notes_of(found, "the split is near the edge: its p is 0.007")


def test_looks_widen_the_interval_and_raise_p() -> None:
    table = small(2000)
    once = analyse(table, spec_of("mean(y)"))
    again = analyse(table, spec_of("mean(y)", looks=(0.25, 0.5)))
    assert again.results[0].p > once.results[0].p
    assert again.level > 0.99
    assert notes_of(once, "one look")
    assert notes_of(again, "look 2")
    assert "4,000 units" in again.decision.sentence


@pytest.mark.parametrize(
    ("given", "number"),
    [
        ([True, False], (1.0, 0.0)),
        (["12%", " 3.5 %"], (0.12, 0.035)),
        (["0,5%", "1,25 %"], (0.005, 0.0125)),
        (["1,5", "2,25"], (1.5, 2.25)),
        (["yes", "No"], (1.0, 0.0)),
        (["7", "-1e2"], (7.0, -100.0)),
    ],
)
def test_numbers_are_read_however_they_were_written(
    given: list[Any], number: tuple[float, float]
) -> None:
    table = small(400, y=given * 200, user=np.arange(400) // 2 * 2 + np.arange(400) % 2)
    comparison = analyse(table, spec_of("mean(y)")).results[0].comparison
    assert (comparison.control, comparison.value) == pytest.approx(number)


@pytest.mark.parametrize("variant", [[0, 1], [0.0, 1.0], [False, True], ["0", " 1"], ["A", "B"]])
def test_variants_may_be_numbers_booleans_or_text(variant: list[Any]) -> None:
    found = analyse(small(variant=variant * 200), spec_of("mean(y)"))
    assert found.control == str(variant[0]).strip().removesuffix(".0").replace("False", "false")


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        ({"user": [1, 1, *range(2, 400)]}, {}, "are in two arms or more, such as `1`"),
        ({"user": [1, 1] * 200}, {}, "these rows look like totals of the arms"),
        ({"variant": ["a"] * 399 + ["b"]}, {}, "arm `b` of `variant` has 1 unit"),
        ({"variant": ["a"] * 400}, {}, "only one arm, `a`"),
        ({"variant": [None] * 400}, {}, "no row has both"),
        ({"variant": range(400)}, {}, "has 400 different values"),
        ({"y": ["3", "many"] * 200}, {}, "holds text in 200 of 400 rows, first `many` in row 2"),
        ({"y": ["1,234", "2,345"] * 200}, {}, "which may be a thousand or a decimal"),
        (
            {"y": [1.0, math.inf] * 200},
            {},
            "holds infinite values, or such beyond 1e+50, in 200 rows, first in row 2",
        ),
        ({"y": [[1]] * 400}, {}, "need numbers"),
        ({}, {"unit": "usr"}, "no column `usr`; did you mean `user`?"),
        ({}, {"control": "contrl"}, "no variant `contrl`; did you mean `control`?"),
        ({}, {"shares": {"tset": 0.5}}, "no variant `tset`; did you mean `test`?"),
        ({}, {"shares": {"test": 1.5}}, "leave nothing for `control`"),
        ({}, {"shares": {"test": 0.0}}, "a share is above 0"),
        ({}, {"alpha": 5.0}, "between 0 and 0.5"),
        ({}, {"looks": (0.5, 0.25)}, "rising shares"),
        ({"day": ["soon"] * 400}, {"time": "day"}, "`soon`, which is no time"),
        ({"day": [None] * 400}, {"time": "day"}, "has no time in 400 rows"),
        ({"home": [1] * 400}, {"cluster": "home"}, "the arms were not assigned by `home`"),
    ],
)
def test_an_odd_table_is_refused_with_a_clear_word(
    columns: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExperimentError) as caught:
        analyse(small(**columns), spec_of("mean(y)", **options))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("views", "words"),
    [([0] * 400, "every `views` of arm `control` is 0"), ([-1, 3] * 200, "negative `views`")],
)
def test_a_denominator_of_nothing_is_refused(views: list[int], words: str) -> None:
    with pytest.raises(ExperimentError) as caught:
        analyse(small(views=views), spec_of("ratio(y,views)"))
    assert words in str(caught.value)


def test_a_table_without_rows_or_metrics_is_refused() -> None:
    with pytest.raises(ExperimentError, match="the table has no rows"):
        analyse(small().head(0), spec_of("mean(y)"))
    with pytest.raises(ExperimentError, match="there is no metric"):
        analyse(small(), spec_of())
    with pytest.raises(ExperimentError, match="two metrics are named"):
        analyse(small(), spec_of("a=mean(y)", "a=mean(views)"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conversion", "not understood"),
        ("mean(y", "not understood"),
        ("a=median(y)", "there is no `median`"),
        ("ratio(y)", "takes 2 values between its brackets, and there are 1"),
        ("mean()", "there are 0"),
        ("quantile(y,90)", "`90` is no quantile"),
    ],
)
def test_a_metric_that_is_not_understood_is_refused_with_the_forms_there_are(
    text: str, words: str
) -> None:
    with pytest.raises(ExperimentError) as caught:
        parse_metric(text)
    assert words in str(caught.value)


def test_a_column_whose_name_holds_a_comma_stands_in_quotes() -> None:
    assert parse_metric('x=ratio("a,b", c (d))').columns == ("a,b", "c (d)")


def test_copies_of_a_day_are_refused_and_copies_of_a_moment_told() -> None:
    table = small(400, day=["2026-01-01"] * 400)
    with pytest.raises(ExperimentError, match="400 rows repeat a unit and time"):
        analyse(pl.concat([table, table]), spec_of("mean(y)", time="day"))
    moments = small(400, day=["2026-01-01 10:30"] * 400)
    found = analyse(pl.concat([moments, moments]), spec_of("mean(y)", time="day"))
    assert notes_of(found, "remove them if they are copies")
    assert notes_of(analyse(pl.concat([table, table]), spec_of("mean(y)")), "which are summed")
    one = analyse(pl.concat([table, table.head(1)]), spec_of("mean(y)"))
    assert notes_of(
        one, "1 of 400 units have several rows, such as `0`; they are summed, so remove"
    )


def test_a_covariate_that_changes_within_a_unit_is_refused() -> None:
    table = days_table().with_columns(before=pl.col("views"))
    with pytest.raises(ExperimentError, match="covariate `before` changes between the rows"):
        analyse(table, with_covariates(spec_of("mean(y)", time="day"), "before"))
    with pytest.raises(ExperimentError, match="give the covariate a column of its own"):
        analyse(table, with_covariates(spec_of("mean(y)", time="day"), "y"))


def test_units_in_two_arms_are_left_out_where_that_is_asked_for() -> None:
    table = pl.concat([small(), small(2).with_columns(variant=pl.lit("test"))])
    found = analyse(table, spec_of("mean(y)", drop_mixed=True))
    assert found.split.counts == (199, 200)
    assert notes_of(found, "they are left out")


def test_missing_values_are_left_out_of_their_metric_alone_and_told() -> None:
    y = [None if i % 10 == 0 else float(i % 7) for i in range(400)]
    found = analyse(small(y=y), spec_of("mean(y)", "mean(views)"))
    first, second = (result.comparison for result in found.results)
    assert (first.n_control, second.n_control) == (160, 200)
    assert notes_of(found, "40 units have no value and are left out of it (control 40, test 0)")
    assert (found.decision.action, found.decision.variant) == ("wait", None)
    assert found.decision.sentence.startswith(
        "Wait: mean(y) cannot be trusted: its values are missing in one arm more than in another "
        "(control 20 %, test 0 %)"
    )


def test_a_covariate_that_one_arm_lacks_is_refused() -> None:
    before = [None if i % 2 else float(i % 5) for i in range(400)]
    with pytest.raises(ExperimentError, match="would take the effect away"):
        analyse(small(before=before), with_covariates(spec_of("mean(y)"), "before"))


def test_ids_that_no_float_tells_apart_are_refused() -> None:
    table = small().with_columns(user=pl.int_range(400).cast(pl.Float64) * 4096 + 2.0**60)
    with pytest.raises(ExperimentError, match="different units would be one"):
        analyse(table, spec_of("mean(y)"))


def test_a_name_that_says_control_is_the_control() -> None:
    assert choose_control(["A_treatment", "B_control"], None, []) == "B_control"


def test_a_missing_covariate_leaves_nobody_out() -> None:
    y = small()["y"].to_list()
    before = [None if i % 3 == 0 else one for i, one in enumerate(y)]
    found = analyse(small(before=before), with_covariates(spec_of("mean(y)"), "before"))
    comparison = found.results[0].comparison
    assert comparison.n_control == 200
    assert 0.4 < comparison.variance_saved < 0.9


@pytest.mark.parametrize(
    ("columns", "metric", "words"),
    [
        ({"y": [3] * 400}, "mean(y)", "does not vary between units"),
        ({"views": [0, 2, 4, 0] * 100}, "ratio(y,views)", "200 units have a denominator of 0"),
        ({"y": [-1] + [1] * 399}, "mean(y)", "1 values are negative, the least -1"),
        ({"y": [0] * 396 + [1] * 4}, "mean(y)", "only 2 units of the rarer kind"),
        ({"y": [5000] + [1, 2] * 199 + [1]}, "mean(y)", "of arm control's total; cap"),
        ({"y": [-1, 1, 1, -1] * 100}, "mean(y)", "not clearly away from zero"),
        ({"y": [0, 0, 0, 0, 1] * 80}, "quantile(y,0.5)", "which many units share"),
        ({"variant": ["a", "b", None, "b"] * 100}, "mean(y)", "have no `variant` and are left out"),
        ({"y": [-5, -4, -6, -5] * 100}, "mean(y)", "control's value is below zero"),
        ({"variant": ["a", "b"] * 190 + ["c"] * 20}, "mean(y)", "arm c has only 20 units"),
        ({"variant": ["a", "b", "B", "A"] * 100}, "mean(y)", "`A` and `a` differ only in case"),
        ({"user": [None, *range(399)]}, "mean(y)", "1 rows (0.25 %) have no `user`"),
    ],
)
def test_what_weakens_a_result_is_told_in_a_note(
    columns: dict[str, Any], metric: str, words: str
) -> None:
    found = analyse(small(**columns), spec_of(metric))
    assert notes_of(found, words), found.notes


def test_a_constant_metric_decides_nothing() -> None:
    found = analyse(small(y=[3] * 400), spec_of("mean(y)"))
    assert math.isnan(found.results[0].p)
    assert found.decision.action == "wait"
    assert "does not vary" in found.decision.sentence
