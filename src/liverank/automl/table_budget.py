"""The division of the budget of a search on a table: each share is named once, here."""

from dataclasses import dataclass

from liverank.automl.budget import Clock, Deadline
from liverank.automl.options import SearchOptions

_SEARCH_SHARE, _REPORT_SHARE = 0.98, 0.99
"""Shares of the budget at which the search, without the report, and the report end."""
_WRITE_REPORT_SHARE, _MOST_REPORT_S = 0.06, 4.0
"""Share of the budget that the search leaves to the report, and the most seconds of it."""
_CROSSES_SHARE = 0.15
"""Share of the remaining time used to look for feature crosses."""
_RECENCIES_SHARE = 0.15
"""Share of the remaining time used, where that showed drift, to try other parts of the past."""
_ORIGINS_SHARE, _LEAST_ORIGINS_S, _MOST_ORIGINS_SHARE = 0.12, 3.0, 0.35
"""Share of the remaining time used to see how models of the past did on the rows that followed;
seconds that it takes at least, and the share that these may be of a short budget."""
_ENCODINGS_SHARE = 0.08
"""Share of the remaining time used to choose the encodings of ids."""
_DRIFT_SHARE, _IMPORTANCE_SHARE = 0.4, 0.8
"""Shares of the report's remaining time used to measure drift, and then feature importance."""
_TEST_ROW_S = 3e-5
"""Expected seconds to evaluate one row of the test table."""
_LEAST_SHARE = 0.5
"""Smallest share of the budget for the search, however long the preparation took."""


@dataclass(frozen=True)
class TableBudget:
    """Deadlines of a search on a table, and the moment from which its time counts."""

    started_s: float
    clock: Clock
    search: Deadline
    """Deadline of the search, by which there must be a model."""
    report: Deadline
    """Deadline of all measurements of the report."""

    @classmethod
    def of(cls, options: SearchOptions, *, test_rows: int = 0) -> "TableBudget":
        """Divide the remaining budget.

        >>> budget = TableBudget.of(SearchOptions(budget_s=10.0, clock=lambda: 0.0))
        >>> round(budget.search.at_s, 3), round(budget.report.at_s, 3)
        (9.2, 9.9)
        """
        began_s = options.clock()
        started_s = began_s if options.started_s is None else options.started_s
        left_s = options.budget_s - (began_s - started_s) - options.after_s
        budget_s = max(left_s - test_rows * _TEST_ROW_S, _LEAST_SHARE * options.budget_s)
        report_s = min(_WRITE_REPORT_SHARE * budget_s, _MOST_REPORT_S)
        return cls(
            started_s,
            options.clock,
            options.deadline(began_s + _SEARCH_SHARE * budget_s - report_s),
            options.deadline(began_s + _REPORT_SHARE * budget_s),
        )

    @staticmethod
    def encodings(deadline: Deadline) -> Deadline:
        """Deadline for choosing the encodings of ids; ``deadline`` is that of the search."""
        return deadline.share(_ENCODINGS_SHARE)

    @staticmethod
    def crosses(deadline: Deadline) -> Deadline:
        """Deadline for finding feature crosses; ``deadline`` is that of the search."""
        return deadline.share(_CROSSES_SHARE)

    @staticmethod
    def origins(deadline: Deadline) -> Deadline:
        """Deadline for the study of drift; ``deadline`` is that of the search."""
        left_s = deadline.left_s()
        least = min(_LEAST_ORIGINS_S / left_s, _MOST_ORIGINS_SHARE) if left_s else 0.0
        return deadline.share(max(_ORIGINS_SHARE, least))

    @staticmethod
    def recencies(deadline: Deadline) -> Deadline:
        """Deadline for trying parts of the past; ``deadline`` is that of the search."""
        return deadline.share(_RECENCIES_SHARE)

    def drift(self) -> Deadline:
        """Deadline for measuring drift."""
        return self.report.share(_DRIFT_SHARE)

    def importance(self) -> Deadline:
        """Deadline for measuring feature importance."""
        return self.report.share(_IMPORTANCE_SHARE)

    def seconds(self) -> float:
        """Seconds since the budget began to count."""
        return self.clock() - self.started_s
