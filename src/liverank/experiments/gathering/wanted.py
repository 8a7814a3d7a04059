"""What is to be gathered from the log, declared before it is read."""

import msgspec

from liverank.experiments.metrics.need import DAY_MS, Need

EXPERIMENT_COLUMNS = ("seq", "event", "time", "user", "type", "variant", "surface")
"""Columns of the log that every gathering reads."""

ANYBODY = "anybody"
"""The one variant where the rankings of no experiment, but all of them, are exposures."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment's exposures, and what its metrics and segments need."""

    experiment: str | None
    """Its name; None takes the first ranking of everybody as the exposure, to plan one."""
    needs: tuple[Need, ...]
    from_ms: float | None = None
    """Exposures before this do not count; None where the first exposure is the start."""
    until_ms: float | None = None
    """Nothing later counts."""
    pre_days: int = 14
    """Days before the exposure that covariates are taken from; 0 for none."""
    surface: str | None = None
    """Only rankings of this surface expose; None for all."""
    unit_field: str | None = None
    """The request field that names the unit; None where the unit is the user."""
    user_fields: tuple[str, ...] = ()
    """User fields to make segments of, as known at the exposure."""
    request_fields: tuple[str, ...] = ()
    """Request fields to make segments of, as of the ranking that exposed."""
    listed_as: str | None = None
    """The interaction type that each item of a ranking stands for, where none are logged."""

    @property
    def pre_ms(self) -> int:
        """The covariates' time in milliseconds."""
        return self.pre_days * DAY_MS

    @property
    def columns(self) -> tuple[str, ...]:
        """The log's columns that are needed; the fewer, the quicker it is read."""
        columns = list(EXPERIMENT_COLUMNS)
        if any(need.of == "value" for need in self.needs):
            columns.append("value")
        if self.listed_as is not None:
            columns.append("items")
        if self.unit_field or self.user_fields or self.request_fields:
            columns.append("fields")
        return tuple(columns)

    def takes(self, type_: str) -> bool:
        """Whether any need is of this interaction type."""
        return any(not need.types or type_ in need.types for need in self.needs)
