"""How many rows of a large table a budget can take: only as many as can be read and encoded in it.

Rows beyond are left out evenly over the table, before any of it is learned from.
Invariant: what was decided by the clock is a number, which a plan records.
"""

import polars as pl

from liverank.automl.budget import Deadline
from liverank.automl.data.columns import read_columns
from liverank.automl.preprocessing.encoder import fit_transform
from liverank.automl.profile.profile import TableProfile
from liverank.automl.profile.roles import read_roles
from liverank.dataset.sampling import evenly_spread_rows

_SAMPLED_ROWS = 10_000
_SURELY_FITS = 2_000_000
"""Cells of a table that is not worth timing."""
_SHARE = 0.3
"""Of the time left that getting rows ready may take."""
_PASSES = 3
"""Times that all rows are encoded: to search, on more folds, and to train again."""
_LEAST_ROWS = 20_000


def rows_in_time(table: pl.DataFrame, profile: TableProfile, deadline: Deadline) -> int | None:
    """Rows that there is time for; None for all of them.

    A few thousand are read and encoded, to see how long that takes here and now.

    >>> from liverank.automl.profile.profile import profile_table
    >>> table = pl.DataFrame({"x": [1.5, 2.5] * 30, "y": [0, 1] * 30})
    >>> rows_in_time(table, profile_table(table, target="y"), Deadline(1.0, lambda: 0.0)) is None
    True
    """
    if table.height <= _LEAST_ROWS or table.height * len(profile.inputs) <= _SURELY_FITS:
        return None
    left_s, began = deadline.left_s(), deadline.clock()
    sample = thin_table(table, _SAMPLED_ROWS)
    rows, roles = read_roles(sample, profile)
    columns = read_columns(rows, profile.inputs)
    fit_transform(
        columns,
        profile.inputs,
        roles.target,
        classes=profile.target.n_margins,
        at_ms=roles.at_ms,
        time=profile.time,
    )
    row_s = (deadline.clock() - began) / sample.height
    affordable = max(int(_SHARE * left_s / (_PASSES * row_s)), _LEAST_ROWS) if row_s else None
    return None if affordable is None or affordable >= table.height else affordable


def thin_table(table: pl.DataFrame, rows: int) -> pl.DataFrame:
    """So many rows, evenly spread.

    >>> thin_table(pl.DataFrame({"x": range(10)}), 4)["x"].to_list()
    [0, 3, 6, 9]
    """
    return table[evenly_spread_rows(table.height, rows)]


def thinned_warning(used: int, rows: int) -> str:
    """What to say of rows that were left out.

    >>> thinned_warning(1000, 5000)[:61]
    'the budget leaves time for 1,000 of 5,000 rows, evenly spread'
    """
    return (
        f"the budget leaves time for {used:,} of {rows:,} rows, evenly spread, and only these were "
        "learned from; a larger budget takes more of them"
    )
