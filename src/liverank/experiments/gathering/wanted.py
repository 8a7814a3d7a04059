"""Declares, before the log is read, what to gather from it."""

import msgspec

from liverank.experiments.metrics.need import DAY_MS, Need

EXPERIMENT_COLUMNS = ("seq", "event", "time", "user", "type", "variant", "surface")
"""Columns of the log that are always read."""

ANYBODY = "anybody"
"""Name of the single variant if rankings of everybody, not of an experiment, are exposures."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment's exposures, and what its metrics and segments need."""

    experiment: str | None
    """The experiment's name; None (to plan one) makes everybody's first ranking the exposure."""
    needs: tuple[Need, ...]
    from_ms: float | None = None
    """Unix ms before which exposures do not count; None if the first exposure is the start."""
    until_ms: float | None = None
    """Unix ms after which nothing counts."""
    pre_days: int = 14
    """Days before the exposure that covariates are taken from; 0 for none."""
    surface: str | None = None
    """Only rankings of this surface expose; None for all."""
    unit_field: str | None = None
    """The request field with the unit; None if the unit is the user."""
    user_fields: tuple[str, ...] = ()
    """User fields to form segments from, as known at the exposure."""
    request_fields: tuple[str, ...] = ()
    """Request fields to form segments from, taken from the ranking of the exposure."""
    listed_as: str | None = None
    """The interaction type that each item of a ranking counts as, if none are logged."""

    @property
    def pre_ms(self) -> int:
        """Length of the covariates' period in milliseconds."""
        return self.pre_days * DAY_MS

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the log that are needed; fewer columns are read faster."""
        columns = list(EXPERIMENT_COLUMNS)
        if any(need.of == "value" for need in self.needs):
            columns.append("value")
        if self.listed_as is not None:
            columns.append("items")
        if self.unit_field or self.user_fields or self.request_fields:
            columns.append("fields")
        return tuple(columns)

    def takes(self, type_: str) -> bool:
        """Whether any need uses this interaction type."""
        return any(not need.types or type_ in need.types for need in self.needs)
