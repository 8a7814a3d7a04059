"""The roles that a user gives to columns of a table: the target, the time, the group and others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from liverank.automl.data.matrix import Task
from liverank.automl.profile.task import PositiveClass
from liverank.errors import TrainingError

Role: TypeAlias = Literal["feature", "target", "time", "group", "weight", "split", "unused"]


@dataclass(frozen=True, kw_only=True)
class TableRoles:
    """Names of the columns with a role, and what is known of the others.

    target  the column to predict
    time    when rows happened, for a split by time
    group   rows of one value are never divided between training and validation, such as a user's
    weight  how much each row counts
    split   which block each row belongs to: TRAIN, VALIDATE or TEST
    types   types of columns, where what is inferred from the values would be wrong: number,
            category, boolean, time, text, list, or time:FORMAT with a pattern of strptime or a form
            of ``liverank.values.times``
    time_format  the form of the column ``time``, where what is inferred would be wrong
    task    binary, multiclass or regression; None to infer it from the target
    chronological  whether rows are in the order of time, the oldest first, where no column has it
    positive  of a binary target the class whose probability is predicted; None for the default

    >>> TableRoles(target="bought", time="at").group is None
    True
    """

    target: str
    time: str | None = None
    group: str | None = None
    weight: str | None = None
    split: str | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    task: Task | None = None
    time_format: str | None = None
    positive: PositiveClass = None
    chronological: bool = False

    def by_column(self) -> dict[str, Role]:
        """The role of each column that was named with one. Raises TrainingError for two roles."""
        given: tuple[tuple[Role, str | None], ...] = (
            ("target", self.target),
            ("time", self.time),
            ("group", self.group),
            ("weight", self.weight),
            ("split", self.split),
        )
        role_of: dict[str, Role] = {}
        for role, name in given:
            if name is not None:
                if name in role_of:
                    raise TrainingError(
                        f"column `{name}` is named as {role_of[name]} and as {role}; a column has "
                        "one role"
                    )
                role_of[name] = role
        return role_of
