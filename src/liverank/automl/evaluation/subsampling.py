"""Limits the rows of a large table to those that can be read and encoded within the budget.

Rows are left out evenly over the table, before anything is learned from it.
Invariant: what was decided by the clock is a number of rows, which the plan records.
"""

import polars as pl

from liverank.automl.budget import Deadline
from liverank.automl.data.columns import read_columns
from liverank.automl.data.training_target import TrainingTarget
from liverank.automl.preprocessing.categories import EncodingOptions
from liverank.automl.preprocessing.encoder import fit_transform
from liverank.automl.profile.profile import TableProfile
from liverank.automl.profile.roles import read_roles
from liverank.dataset.sampling import evenly_spread_rows

_SAMPLED_ROWS = 10_000
_SURELY_FITS = 2_000_000
"""Tables with at most this many cells are not timed."""
_SHARE = 0.3
"""Share of the remaining time that preparing rows may take."""
_PASSES = 3
"""Number of times that all rows are encoded: for the search, for more folds, for the refit."""
_LEAST_ROWS = 20_000


def rows_in_time(table: pl.DataFrame, profile: TableProfile, deadline: Deadline) -> int | None:
    """Number of rows that there is time for; None for all of them.

    It is estimated from the time that reading and encoding a few thousand rows takes.

    >>> from liverank.automl.profile.profile import profile_table
    >>> from liverank.automl.profile.table_roles import TableRoles
    >>> table = pl.DataFrame({"x": [1.5, 2.5] * 30, "y": [0, 1] * 30})
    >>> profile = profile_table(table, TableRoles(target="y"))
    >>> rows_in_time(table, profile, Deadline(1.0, lambda: 0.0)) is None
    True
    """
    if table.height <= _LEAST_ROWS or table.height * len(profile.inputs) <= _SURELY_FITS:
        return None
    left_s, began = deadline.left_s(), deadline.clock()
    sample = table[evenly_spread_rows(table.height, _SAMPLED_ROWS)]
    rows, roles = read_roles(sample, profile)
    columns = read_columns(rows, profile.inputs)
    target = TrainingTarget(roles.target, profile.target.n_margins, roles.at_ms)
    options = EncodingOptions(encodings=profile.encodings)
    fit_transform(columns, profile.inputs, target, time=profile.time, options=options)
    row_s = (deadline.clock() - began) / sample.height
    affordable = max(int(_SHARE * left_s / (_PASSES * row_s)), _LEAST_ROWS) if row_s else None
    return None if affordable is None or affordable >= table.height else affordable


def thinned_warning(used: int, rows: int) -> str:
    """Warning about rows that were left out for lack of time.

    >>> thinned_warning(1000, 5000)[:61]
    'the budget leaves time for 1,000 of 5,000 rows, evenly spread'
    """
    return (
        f"the budget leaves time for {used:,} of {rows:,} rows, evenly spread; only these were "
        "used for training: a larger budget uses more"
    )
