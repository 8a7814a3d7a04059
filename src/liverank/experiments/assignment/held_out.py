"""The permanent holdout of autopilot: people who never get a model.

They get the most popular list, so that the value of the models can be measured at any time.
Invariant: another share moves only the people between the old share and the new one.
"""

from liverank.config import Config
from liverank.config_experiments import AUTOPILOT, BUCKETS, HOLDOUT
from liverank.experiments.assignment.assign import Assignment
from liverank.experiments.assignment.buckets import bucket_of

HELD_OUT = Assignment(AUTOPILOT, "holdout", "popular")
"""Their assignment, on every surface."""


def holdout_share(config: Config) -> float:
    """Share of the people in the holdout; 0 without [autopilot]."""
    return 0.0 if config.autopilot is None else config.autopilot.holdout


def holdout_bucket(user: str) -> int:
    """The bucket that decides whether a user is in the holdout."""
    return bucket_of(f"{AUTOPILOT}:{HOLDOUT}", user)


def is_held_out(user: str, share: float) -> bool:
    """Whether a user is in a holdout of this share of the people.

    >>> [is_held_out("u1", share) for share in (0.0, 1.0)], HELD_OUT.label
    ([False, True], 'autopilot:holdout')
    """
    return share > 0.0 and holdout_bucket(user) < share * BUCKETS
