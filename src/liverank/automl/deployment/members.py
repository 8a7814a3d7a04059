"""The members of the deployed model that there is time to train again on all rows.

Invariant: members are left out only where the others alone are no worse beyond noise. Otherwise
nothing is trained again, and the reason is a part of the plan and of the report.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from liverank.automl.budget import Deadline
from liverank.automl.ensemble.greedy import weighted_sum
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.evaluation.eval_rows import joined
from liverank.automl.metrics.bootstrap import gain_interval
from liverank.automl.trials.last_training import LastTraining
from liverank.automl.trials.plan import Plan
from liverank.automl.trials.trial_result import TrialResult

INTERRUPTED = "the search was interrupted"
LATE = "it took longer than expected, and did not end within the budget"


class Member(NamedTuple):
    """A trial whose model is part of the deployed model, or of its teacher."""

    result: TrialResult
    weight: float


class RefitChoice(NamedTuple):
    """The members to train again, the heaviest first; ``why_none`` where there are none."""

    members: Sequence[Member]
    why_none: str = ""


def members_of(results: Sequence[TrialResult], weights: Sequence[float]) -> list[Member]:
    """The members of an ensemble, the heaviest first."""
    pairs = (Member(*pair) for pair in zip(results, weights, strict=True) if pair[1] > 0)
    return sorted(pairs, key=lambda member: -member.weight)


@dataclass(frozen=True, eq=False, kw_only=True)
class MemberChoice:
    """The choice of members to train again; ``keeps_old`` means that the others stay as they are.

    ``after_s`` are seconds needed after the members were trained, to distil a student of them.
    """

    evaluation: CrossValidation
    last: LastTraining
    plan: Plan
    keeps_old: bool
    after_s: float = 0.0

    def affordable(self, members: Sequence[Member], deadline: Deadline) -> RefitChoice:
        """The members that there is time for, taken in order of weight."""
        left_s = max(deadline.left_s() - self.last.encode_s - self.after_s, 0.0)
        kept, spent_s = [], 0.0
        for member in members:
            expected_s = self._expected_s(member)
            if spent_s + expected_s <= left_s:
                kept.append(member)
                spent_s += expected_s
        if not kept:
            return RefitChoice((), self._too_slow(members, left_s))
        if not self.suffice(kept, members):
            slow = [member for member in members if member not in kept]
            return RefitChoice((), self._too_slow(slow, left_s - spent_s))
        return RefitChoice(kept)

    def suffice(self, kept: Sequence[Member], members: Sequence[Member]) -> bool:
        """Whether some members alone are no worse than all of them, beyond noise."""
        if not kept:
            return False
        if self.keeps_old or len(kept) == len(members):
            return True
        whole, part = (
            np.concatenate(
                [
                    weighted_sum([each.result.validation for each in some], _shares(some)),
                    weighted_sum([each.result.holdout for each in some], _shares(some)),
                ]
            )
            for some in (members, kept)
        )
        rows = joined(self.evaluation.validation_rows, self.evaluation.holdout_rows)
        return gain_interval(whole, part, rows, seed=self.plan.seed)[1] >= 0

    def _expected_s(self, member: Member) -> float:
        return self.last.expected_s(member.result, self.evaluation.n_rows, self.plan.timings)

    def _too_slow(self, members: Sequence[Member], left_s: float) -> str:
        """Why members are not trained again: the first that takes too long, or all of them."""
        for member in members:
            expected_s = self._expected_s(member)
            if self.last.is_too_long(expected_s):
                return (
                    f"one fit of {member.result.trial.title} on all rows takes about "
                    f"{expected_s:.2g} s, more than half of the budget of {self.last.budget_s:g} s"
                )
        expected_s = sum(self._expected_s(member) for member in members)
        return f"it takes about {expected_s:.2g} s, and {_below(left_s, expected_s)} were left"


def _below(left_s: float, expected_s: float) -> str:
    """The seconds that were left, in words where rounding hides that more are expected.

    >>> _below(1.24, 8.0), _below(0.342, 0.344)
    ('1.2 s', 'a little less')
    """
    left = f"{max(left_s, 0.0):.2g} s"
    is_hidden = left == f"{expected_s:.2g} s" and left_s < expected_s
    return "a little less" if is_hidden else left


def _shares(members: Sequence[Member]) -> NDArray[np.float64]:
    weights = np.array([member.weight for member in members])
    return np.asarray(weights / weights.sum())
