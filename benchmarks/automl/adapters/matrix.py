"""A table as the numbers and categories that LightGBM and CatBoost take. Nothing is made up."""

from typing import Any

import numpy as np
import pandas as pd


class Columns:
    """How each column was read when it was learned from, so that others are read alike.

    Texts are categories, numbered by frequency; what was never seen is -1, as what is missing.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self.names = list(rows.columns)
        self.levels: dict[str, dict[str, int]] = {}
        for name in self.names:
            if not _is_number(rows[name]):
                counts = rows[name].dropna().astype(str).value_counts()
                self.levels[name] = {level: place for place, level in enumerate(counts.index)}

    @property
    def categories(self) -> list[int]:
        """Places of the columns that are categories."""
        return [place for place, name in enumerate(self.names) if name in self.levels]

    def read(self, rows: pd.DataFrame) -> Any:
        """float64[n, columns], categories by number."""
        made = np.empty((len(rows), len(self.names)))
        for place, name in enumerate(self.names):
            column = rows[name]
            if name in self.levels:
                texts = column.astype(str).where(column.notna())
                made[:, place] = texts.map(self.levels[name]).fillna(-1)
            elif pd.api.types.is_datetime64_any_dtype(column):
                moments = column.astype("datetime64[ms]")
                made[:, place] = moments.astype("int64").where(column.notna(), np.nan)
            else:
                made[:, place] = column.astype("float64")
        return made


def _is_number(column: pd.Series) -> bool:
    types = pd.api.types
    return bool(types.is_numeric_dtype(column) or types.is_datetime64_any_dtype(column))
