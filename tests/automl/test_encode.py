"""Encoders keep targets to themselves, and give a row the same features in training and later."""

import datetime

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.automl.data.columns import read_columns
from liverank.automl.data.splits import fold_of_rows
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.categories import EncodingOptions
from liverank.automl.preprocessing.encoder import CategoryCross, fit_transform, take_rows
from liverank.errors import BundleError, ServingError, TrainingError
from liverank.models.encoder.columns import Input, read_values
from liverank.models.encoder.encoder import Encoder
from liverank.models.encoder.steps import Arithmetic

INPUTS = (
    Input(name="size", type="number"),
    Input(name="open", type="boolean"),
    Input(name="city", type="category"),
    Input(name="shop", type="category", numeric=True),
    Input(name="at", type="time"),
    Input(name="born", type="time"),
    Input(name="title", type="text"),
    Input(name="tags", type="list", separator="|"),
)
CROSSES = (
    Arithmetic(names=("size / shop",), left="size", right="size", operation="over"),
    CategoryCross(("city", "shop")),
    CategoryCross(("size",)),
)
ENCODINGS = {"size": "both", "city": "both", "shop": "levels"}
START = datetime.datetime(2026, 1, 1)


def raw_rows(n, seed, missing=0.1):
    """Values as a file may hold them, some of them missing."""
    generator = np.random.default_rng(seed)
    words = np.array(["ai", "live", "music", "talk", "show"])

    def some(make):
        return [None if generator.random() < missing else make() for _ in range(n)]

    return {
        "size": some(lambda: int(generator.integers(0, 6))),
        "open": some(lambda: bool(generator.random() < 0.5)),
        "city": some(lambda: f"c{generator.geometric(0.3)}"),
        "shop": some(lambda: int(generator.geometric(0.1))),
        "at": some(lambda: START + datetime.timedelta(hours=int(generator.integers(0, 9000)))),
        "born": some(lambda: START - datetime.timedelta(days=int(generator.integers(0, 999)))),
        "title": some(lambda: " ".join(generator.choice(words, 3))),
        "tags": some(lambda: "|".join(generator.choice(words, 2))),
    }


def columns_of(raw):
    return {form.name: read_values(form, raw[form.name]) for form in INPUTS}


def is_learned(name):
    return name.startswith(("mean(", "share("))


@st.composite
def tables(draw):
    seed, n = draw(st.integers(0, 9999)), draw(st.integers(5, 90))
    classes = draw(st.sampled_from([1, 3]))
    generator = np.random.default_rng(seed)
    target = generator.integers(0, 3, n).astype(np.float64)
    if classes == 1:
        target = generator.integers(0, 9, n) / 4
    at_ms = generator.integers(0, n, n) * 1000.0 if draw(st.booleans()) else None
    weight = generator.integers(1, 4, n).astype(np.float64) if draw(st.booleans()) else None
    groups = generator.integers(0, 10, n) if draw(st.booleans()) else None
    options = {"classes": classes, "at_ms": at_ms, "weight": weight, "groups": groups}
    options["gap_ms"] = draw(st.sampled_from([0.0, 3000.0])) if at_ms is not None else 0.0
    return columns_of(raw_rows(n, seed)), target, options


@settings(max_examples=60)
@given(tables(), st.data())
def test_no_row_sees_its_own_target_nor_one_of_the_future(table, data):
    columns, target, options = table
    row = data.draw(st.integers(0, len(target) - 1))
    changed = target.copy()
    changed[row] = 2.0 if target[row] != 2.0 else 1.0
    plain = EncodingOptions(
        tokens=0, encodings=ENCODINGS
    )  # which words are kept depends on the target
    _, before = fit_transform(
        columns, INPUTS, TrainingTarget(target, **options), feature_crosses=CROSSES, options=plain
    )
    _, after = fit_transform(
        columns, INPUTS, TrainingTarget(changed, **options), feature_crosses=CROSSES, options=plain
    )
    np.testing.assert_array_equal(before[row], after[row])
    if options["at_ms"] is not None:
        earlier = options["at_ms"] <= options["at_ms"][row] + options["gap_ms"]
        np.testing.assert_array_equal(before[earlier], after[earlier])
    elif options["groups"] is not None:
        same = options["groups"] == options["groups"][row]
        np.testing.assert_array_equal(before[same], after[same])


@settings(max_examples=60)
@given(tables())
def test_what_needs_no_target_is_the_same_later_bit_for_bit(table):
    columns, target, options = table
    encoder, features = fit_transform(
        columns,
        INPUTS,
        TrainingTarget(target, **options),
        feature_crosses=CROSSES[:2],
        options=EncodingOptions(encodings=ENCODINGS),
    )
    again = encoder.transform(columns)
    in_time = options["at_ms"] is not None
    for index, name in enumerate(encoder.names):
        if not name.startswith("mean(") and not (in_time and is_learned(name)):
            np.testing.assert_array_equal(features[:, index], again[:, index], err_msg=name)


@settings(max_examples=25)
@given(tables(), st.data())
def test_a_training_row_is_encoded_by_an_encoder_of_the_rows_it_may_see(table, data):
    columns, target, options = table
    if options["at_ms"] is None:
        return
    encoder, features = fit_transform(
        columns, INPUTS, TrainingTarget(target, **options), feature_crosses=CROSSES
    )
    row = data.draw(st.integers(0, len(target) - 1))
    at_ms = options["at_ms"]
    seen = at_ms < at_ms[row] - options["gap_ms"]
    if not seen.any():
        means = [p for p, name in enumerate(encoder.names) if name.startswith("mean(city")]
        assert np.isnan(features[row, means]).all()
        return
    part = {
        key: value[seen] if isinstance(value, np.ndarray) else value
        for key, value in options.items()
    }
    past, _ = fit_transform(
        take_rows(columns, seen),
        INPUTS,
        TrainingTarget(target[seen], **part),
        feature_crosses=CROSSES,
    )
    expected = past.transform(take_rows(columns, np.array([row])))[0]
    for index, name in enumerate(past.names):
        of_levels = is_learned(name) and "title" not in name and "tags" not in name
        if of_levels and name in encoder.names:
            found = features[row, encoder.names.index(name)]
            assert found == pytest.approx(expected[index], rel=1e-5, abs=1e-6, nan_ok=True), name


@settings(max_examples=40)
@given(tables())
def test_means_out_of_fold_are_those_of_the_plain_definition(table):
    columns, target, options = table
    options |= {"at_ms": None, "gap_ms": 0.0, "classes": 1}
    city = {"city": columns["city"]}
    encoder, features = fit_transform(city, INPUTS[2:3], TrainingTarget(target, **options), seed=7)
    if "mean(city)" not in encoder.names:
        return
    n, defaults = len(target), EncodingOptions()
    mean = encoder.names.index("mean(city)")
    fold = fold_of_rows(np.zeros(n), defaults.folds, seed=7, groups=options["groups"])
    weight = np.ones(n) if options["weight"] is None else options["weight"]
    later = encoder.transform(city)

    def mean_above(rows, level):
        same = [i for i in rows if columns["city"][i] == level]
        if len(same) < defaults.least:
            same = []
        prior = (target * weight)[rows].sum() / weight[rows].sum()
        total = (target * weight)[same].sum() + defaults.smoothing * prior
        return total / (weight[same].sum() + defaults.smoothing) - prior

    for i, level in enumerate(columns["city"]):
        others = np.flatnonzero(fold != fold[i])
        assert later[i, mean] == pytest.approx(mean_above(np.arange(n), level), abs=1e-6)
        if len(others):
            assert features[i, mean] == pytest.approx(mean_above(others, level), abs=1e-6)
        else:
            assert np.isnan(features[i, mean])


@settings(max_examples=40)
@given(tables(), st.data())
def test_words_and_elements_forget_their_own_row_too(table, data):
    columns, target, options = table
    row = data.draw(st.integers(0, len(target) - 1))
    changed = target.copy()
    changed[row] = 2.0 if target[row] != 2.0 else 1.0
    means = []
    for given_target in (target, changed):
        encoder, features = fit_transform(
            columns, INPUTS[6:], TrainingTarget(given_target, **options)
        )
        means.append(
            {
                name: features[row, index]
                for index, name in enumerate(encoder.names)
                if name.startswith("mean(")
            }
        )
    assert means[0] == pytest.approx(means[1], rel=1e-5, abs=1e-6, nan_ok=True)


@settings(max_examples=40)
@given(tables(), tables())
def test_an_encoder_takes_any_later_rows_and_each_for_itself(table, later):
    columns, target, options = table
    encoder, _ = fit_transform(
        columns, INPUTS, TrainingTarget(target, **options), feature_crosses=CROSSES
    )
    rows = {**later[0], "city": later[0]["city"].copy()}
    rows["city"][0] = "a city never seen"
    together = encoder.transform(rows)
    assert together.dtype == np.float32
    assert not np.isinf(together).any()
    alone = [encoder.transform(take_rows(rows, np.array([i]))) for i in range(len(later[1]))]
    np.testing.assert_array_equal(together, np.vstack(alone))


@settings(max_examples=40)
@given(tables(), st.data())
def test_an_encoder_survives_its_arrays_and_narrowing(table, data):
    columns, target, options = table
    encoder, _ = fit_transform(
        columns, INPUTS, TrainingTarget(target, **options), feature_crosses=CROSSES
    )
    whole = encoder.transform(columns)
    again = Encoder.from_arrays(encoder.to_arrays())
    np.testing.assert_array_equal(whole, again.transform(columns))
    assert again.spec == encoder.spec
    kept = sorted(data.draw(st.sets(st.integers(0, encoder.n_features - 1), min_size=1)))
    narrow = encoder.keep_features(np.array(kept))
    assert narrow.names == tuple(encoder.names[index] for index in kept)
    read = {form.name: columns[form.name] for form in narrow.inputs}
    np.testing.assert_array_equal(whole[:, kept], narrow.transform(read))


def test_rare_and_unseen_levels_are_one_and_missing_ones_another():
    city = np.array(
        ["Ulm"] * 30 + ["Bonn"] * 30 + ["Kiel"] * 30 + ["Rom"] * 3 + [None] * 20, object
    )
    target = np.repeat([1.0, 0.0, 0.0, 1.0, 0.5], [30, 30, 30, 3, 20])
    encoder, _ = fit_transform(
        {"city": city}, [Input(name="city", type="category")], TrainingTarget(target)
    )
    assert encoder.names == ("city=Bonn", "city=Kiel", "city=Ulm", "mean(city)")
    later = {"city": np.array(["Rom", "Oslo", None, "Ulm"], object)}
    features = encoder.transform(later)
    np.testing.assert_array_equal(features[0], features[1])
    assert features[0, 3] == 0
    assert features[2, 3] == pytest.approx((10 + 10 * target.mean()) / 30 - target.mean(), rel=1e-5)
    assert features[3].tolist()[:3] == [0, 0, 1]


def test_many_levels_are_encoded_by_share_and_mean_and_a_number_stays_one():
    shop = np.arange(2000) % 80
    target = (shop % 2).astype(np.float64)
    form = Input(name="shop", type="category", numeric=True)
    columns = {"shop": read_values(form, shop.tolist())}
    encoder, _ = fit_transform(columns, [form], TrainingTarget(target))
    assert encoder.names == ("shop", "share(shop)", "mean(shop)")
    low, high = encoder.transform({"shop": read_values(form, ["4", "5.0"])})
    assert (low[0], high[0]) == (4, 5)
    assert low[1] == high[1] == np.float32(1 / 80)
    assert low[2] < -0.3 < 0.3 < high[2]


def test_several_classes_get_a_mean_each_and_the_rarest_none():
    n = 1200
    target = np.arange(n) % 12.0
    city = np.array([f"c{int(t) // 2}" for t in target], object)
    encoder, _ = fit_transform(
        {"city": city}, [Input(name="city", type="category")], TrainingTarget(target, classes=12)
    )
    means = [name for name in encoder.names if name.startswith("mean(")]
    assert len(means) == 10
    first = encoder.transform({"city": np.array(["c0"], object)})[0]
    assert first[encoder.names.index("mean(city, 0)")] > 0.3


def test_words_and_elements_that_explain_most_are_features():
    generator = np.random.default_rng(0)
    filler = [f"w{i}" for i in range(40)]
    title, target = [], generator.integers(0, 2, 1500).astype(np.float64)
    for won in target:
        words = [*generator.choice(filler, 4)]
        title.append(
            " ".join([*words, "Great, offer!"] if won and generator.random() < 0.5 else words)
        )
    form = Input(name="title", type="text")
    columns = {"title": read_values(form, title)}
    encoder, features = fit_transform(
        columns, [form], TrainingTarget(target), options=EncodingOptions(shown=3)
    )
    assert set(encoder.names[1:4]) == {
        "title has great",
        "title has offer",
        "title has great offer",
    }
    mean = features[:, encoder.names.index("mean(title)")]
    assert np.corrcoef(mean, target)[0, 1] > 0.5
    noise = generator.integers(0, 2, 1500).astype(np.float64)
    encoder, features = fit_transform(columns, [form], TrainingTarget(noise))
    mean = features[:, encoder.names.index("mean(title)")]
    assert abs(np.corrcoef(mean, noise)[0, 1]) < 0.1  # none of it remembers its own row


def test_times_give_the_parts_that_recur_and_the_days_between():
    at = [START + datetime.timedelta(hours=7 * i) for i in range(2000)]
    born = [START - datetime.timedelta(days=i % 300) for i in range(2000)]
    forms = [Input(name="at", type="time"), Input(name="born", type="time")]
    table = pl.DataFrame({"at": at, "born": born})
    columns = read_columns(table, forms)
    encoder, features = fit_transform(columns, forms, TrainingTarget(np.arange(2000.0)), time="at")
    named = dict(zip(encoder.names, features[5], strict=True))
    moment = at[5]
    assert named["hour(at)"] == moment.hour
    assert named["weekday(at)"] == moment.weekday()
    assert named["day(at)"] == moment.day
    assert named["month(at)"] == moment.month
    assert named["day_of_year(at)"] == moment.timetuple().tm_yday
    assert "elapsed(at)" not in named
    assert "elapsed(born)" in named
    assert named["days from born to at"] == pytest.approx((at[5] - born[5]).total_seconds() / 86400)


def test_rows_that_cannot_be_encoded_raise_errors_with_the_reason():
    encoder, _ = fit_transform(
        {"size": np.arange(9.0)},
        [Input(name="size", type="number")],
        TrainingTarget(np.arange(9.0)),
    )
    with pytest.raises(ServingError, match="the rows lack `size` of the 1 columns"):
        encoder.transform({"sizes": np.arange(3.0)})
    with pytest.raises(TrainingError, match="the table lacks 1 of 1 columns that the model reads"):
        read_columns(pl.DataFrame({"sizes": [1]}), encoder.inputs)
    with pytest.raises(TrainingError, match="without a time"):
        fit_transform({}, [], TrainingTarget(np.zeros(2), at_ms=np.array([1.0, np.nan])))


def test_arrays_that_make_no_encoder_are_refused():
    encoder, _ = fit_transform(
        {"city": np.array(["a", "b", "c"] * 9, object)},
        [Input(name="city", type="category")],
        TrainingTarget(np.arange(27.0)),
    )
    arrays = encoder.to_arrays()
    for name, wrong, says in (
        ("spec", np.zeros(3), "not JSON as bytes"),
        ("spec", np.frombuffer(b"{}", np.uint8), "cannot be read"),
        ("table.0", np.zeros((2, 2)), "is not float64"),
        ("table.7", np.zeros((2, 2)), "unknown array"),
    ):
        with pytest.raises(BundleError, match=says):
            Encoder.from_arrays({**arrays, name: wrong})
    with pytest.raises(BundleError, match="reads `city`, which is no input"):
        Encoder(msgspec.structs.replace(encoder.spec, inputs=()), encoder.tables)
