"""Ids are numbers and levels: what either says of the target is found, and chosen by trial."""

import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.id_tables import ID_TABLES
from liverank import automl
from liverank.automl.budget import Deadline
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.options import SearchOptions
from liverank.automl.preprocessing.categories import EncodingOptions
from liverank.automl.preprocessing.encoder import fit_transform
from liverank.automl.profile.profile import profile_table
from liverank.automl.profile.table_roles import TableRoles
from liverank.automl.search.encoding_selection import choose_encodings
from liverank.automl.table_preparation import prepare_table
from liverank.automl.trials.plan import decode_plan, encode_plan
from liverank.models.encoder.columns import Input, level_of, read_values
from liverank.models.encoder.step_functions import level_codes, rows_of_levels, trailing_numbers

FOREVER = Deadline(1e9, lambda: 0.0)


def proposed_encodings(name, seed=0):
    table = ID_TABLES[name].make(seed)
    return profile_table(table, TableRoles(target=table.columns[-1])).encodings


@given(st.lists(st.one_of(st.none(), st.text("ab-+._ 0123456789e", max_size=12)), max_size=20))
def test_a_trailing_number_is_the_text_itself_or_its_last_digits(texts):
    def plain(text):
        whole = text and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text)
        digits = text and re.search(r"\d+$", text)
        if whole and digits and abs(float(text)) < 3e38:
            return float(text)
        return float(digits[0]) if digits else np.nan

    values = np.array([*texts, None], object)
    np.testing.assert_array_equal(trailing_numbers(values), [plain(text) for text in values])


@given(
    st.lists(st.sampled_from([0.0, -0.0, 3.0, 2.5, -7.0, 1e16, 123456789.0, np.nan]), min_size=1),
    st.lists(
        st.sampled_from(["0", "3", "2.5", "-7", "3.0", "x", "10000000000000000"]), unique=True
    ),
)
def test_a_number_has_the_row_of_its_level(values, levels):
    rows = rows_of_levels(tuple(levels), of_numbers=True)
    found = level_codes([np.array(values)], rows)
    texts = np.array([level_of(value) for value in values], object)
    np.testing.assert_array_equal(found, level_codes([texts], rows_of_levels(tuple(levels))))


@pytest.mark.parametrize("is_in_time", [False, True])
def test_both_encodings_are_the_number_and_those_of_a_category(is_in_time):
    generator = np.random.default_rng(0)
    numbers = generator.zipf(1.3, 600) % 500
    at_ms = np.sort(generator.uniform(0, 1e9, 600)) if is_in_time else None
    target = TrainingTarget(generator.random(600), at_ms=at_ms)
    number, category = Input(name="x", type="number"), Input(name="x", type="category")
    raw = [None if n == 7 else int(n) for n in numbers]

    def encoded(form, **encodings):
        columns = {"x": read_values(form, raw)}
        return fit_transform(columns, [form], target, options=EncodingOptions(encodings=encodings))

    encoder, features = encoded(number, x="both")
    plain, by_level = encoded(category)
    assert encoder.names == ("x", *plain.names)
    np.testing.assert_array_equal(features[:, 0], [np.nan if n is None else n for n in raw])
    np.testing.assert_array_equal(features[:, 1:], by_level)
    later = [3, 7777, None, 1]
    np.testing.assert_array_equal(
        encoder.transform({"x": read_values(number, later)})[:, 1:],
        plain.transform({"x": read_values(category, later)}),
    )
    text = Input(name="x", type="category")
    named = {"x": np.array([None if n is None else f"user_{n}" for n in raw], object)}
    options = EncodingOptions(encodings={"x": "both"})
    encoder, again = fit_transform(named, [text], target, options=options)
    assert encoder.names[0] == "number(x)"
    np.testing.assert_array_equal(again, features)


def test_what_ids_say_of_the_target_proposes_their_encodings():
    assert proposed_encodings("order") == {}
    assert proposed_encodings("level") == {"outlet": "both"}
    assert proposed_encodings("both") == {"seller": "both"}
    assert proposed_encodings("neither") == {"box_id": "number"}
    assert proposed_encodings("text") == {"member": "number", "desk": "levels", "box": "levels"}
    clicks = proposed_encodings("clicks")
    assert clicks["ad_id"] == clicks["advertiser_id"] == "both"
    assert clicks["query_id"] == clicks["title_id"] == clicks["person_id"] == "number"


def test_texts_that_never_recur_are_used_where_the_order_of_their_numbers_matters():
    generator = np.random.default_rng(0)
    number = generator.permutation(60_000)[:2000]
    table = pl.DataFrame(
        {
            "order": [f"order-{each}" for each in number],
            "row": [f"r{each}" for each in generator.permutation(2000)],
            "x": generator.random(2000),
            "late": (generator.random(2000) < number / 60_000).astype(int),
            "noise": generator.integers(0, 2, 2000),
        }
    )
    late = profile_table(table.drop("noise"), TableRoles(target="late"))
    assert late.encodings == {"order": "number"}
    assert (late["order"].role, late["row"].role) == ("feature", "unused")
    noise = profile_table(table.drop("late"), TableRoles(target="noise"))
    assert noise["order"].role == "unused"
    assert noise.encodings == {}


def test_named_ids_of_few_rows_each_are_numbers_too_unless_each_row_has_its_own():
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 3000)
    few = pl.DataFrame({"user_id": generator.integers(0, 2500, 3000) * 7, "y": y})
    assert profile_table(few, TableRoles(target="y")).encodings == {"user_id": "both"}
    # As floats, many of these would be equal.
    own = pl.DataFrame(
        {"user_id": 2**60 + generator.permutation(9000)[:3000], "x": generator.random(3000), "y": y}
    )
    profile = profile_table(own, TableRoles(target="y"))
    assert (profile.encodings, profile["user_id"].role) == ({}, "unused")


def test_numbers_that_may_be_merged_as_floats_have_no_levels():
    generator = np.random.default_rng(0)
    level = generator.integers(0, 40, 4000)
    table = pl.DataFrame({"x": 2**60 + level, "y": level % 2})
    assert profile_table(table, TableRoles(target="y")).encodings == {}


def prepared(name, **options):
    table = ID_TABLES[name].make(0)
    roles = TableRoles(target=table.columns[-1])
    return prepare_table(
        table, roles, SearchOptions(budget_s=1.0, **options), None, Deadline(0.0, lambda: 0.0)
    )


def test_numbers_whose_rows_share_their_outcome_are_a_leak_as_names_are():
    generator = np.random.default_rng(0)
    account = generator.integers(0, 300, 2000)
    number = generator.permutation(90_000)[:300]
    outcome = generator.integers(0, 2, 300)[account]
    target = np.where(generator.random(2000) < 0.06, 1 - outcome, outcome)
    table = pl.DataFrame({"account": number[account], "x": generator.random(2000), "y": target})
    found = prepare_table(
        table, TableRoles(target="y"), SearchOptions(budget_s=1.0), None, Deadline(0.0, lambda: 0.0)
    )
    assert [(leak.kind, leak.column) for leak in found.leaks] == [("memorises", "account")]


def test_without_time_the_proposal_is_kept_and_the_report_says_how_each_is_used():
    found = prepared("text")
    assert dict(found.data.encodings) == proposed_encodings("text")
    reasons = {column.form.name: column.reason for column in found.profile.columns}
    assert reasons["member"].endswith("; used as a number")
    assert reasons["desk"].endswith("; encoded by its levels")


def test_trials_undo_a_proposal_that_is_clearly_wrong():
    data = replace(prepared("text").data, encodings={})
    wrong = {"member": "levels", "desk": "number"}
    chosen = choose_encodings(data, wrong, FOREVER)
    assert chosen["member"] in ("number", "both")
    assert chosen["desk"] in ("levels", "both")


def test_a_recorded_plan_gives_the_same_model_and_old_plans_are_read(tmp_path):
    table = ID_TABLES["both"].make(0).head(3000)
    options = {"target": "bought", "families": ["linear", "lightgbm"]}
    first = automl.fit(table, budget_s=4, **options)
    assert first.plan.encodings == {"seller": "both"}
    again = automl.fit(table, budget_s=60, plan=first.plan, **options)
    for result, name in ((first, "first"), (again, "again")):
        result.save(tmp_path / name, created_ms=0)
    one, other = (tmp_path / name / "model.npz" for name in ("first", "again"))
    assert one.read_bytes() == other.read_bytes()
    old = encode_plan(first.plan).replace(b'"encodings":{"seller":"both"},', b"")
    assert decode_plan(old).encodings == {}
