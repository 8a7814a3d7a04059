"""Columns that say nothing new are found and named."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liverank.automl.preprocessing.redundant_features import redundant_columns
from liverank.dataset.rows import Rows

VALUES = st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf")])


def rows_of(columns):
    features = np.array(columns, np.float32).T.copy()
    names = tuple(f"f{place}" for place in range(len(columns)))
    n = len(features)
    return Rows(features, np.zeros(n, np.uint8), np.arange(n), np.arange(n), names)


def same(one, other):
    return all(a == b or (np.isnan(a) and np.isnan(b)) for a, b in zip(one, other, strict=True))


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=40)
    )
)
def test_what_is_left_out_is_constant_or_equals_an_earlier_column_that_stays(columns):
    redundant = redundant_columns(rows_of(columns))
    stay = [place for place in range(len(columns)) if f"f{place}" not in redundant]
    for place, column in enumerate(columns):
        if same(column, [column[0]] * len(column)):
            assert redundant[f"f{place}"] == "constant"
        elif f"f{place}" in redundant:
            twin = int(redundant[f"f{place}"].removeprefix("same as f"))
            assert twin in stay
            assert twin < place
            assert same(column, columns[twin])
        else:
            assert not any(same(column, columns[other]) for other in stay if other < place)
