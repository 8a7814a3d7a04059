"""A/B tests in small simulated worlds, all in one process: the product's assignment and report.

The events of a world, with a ranking for each list and its variant, are given to the code that
``liverank experiment report`` runs; the truth is the same life, forked at the start of the test,
with everybody on one policy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from liverank.config import parse_config
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.experiments.assignment.buckets import draws_of, ends_of, variant_at
from liverank.experiments.reporting.facts import Report
from liverank.experiments.reporting.report import report_of
from liverank.experiments.reporting.report_input import report_input_of
from liverank.proof.heuristics import NewestFirst
from liverank.proof.truth.counted import Counted
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy, Visits
from liverank.simulator.policies.popular import HOUR_MS, Decayed, MostPopular, ordered
from liverank.simulator.server.drive import drive
from liverank.simulator.world.arrays import Floats, Ints
from liverank.simulator.world.world import DAY_MS, World, build_world, room_row

CONTROL, VARIANT = "popular", "own_language"
STEP_MS = 600_000


@dataclass(frozen=True)
class Setting:
    """How large the worlds are, and how unlike the two policies."""

    people: int = 400
    days_before: int = 5
    days: int = 7
    bonus: float = 1.0
    """What the variant adds for a room of the person's language."""


class OwnLanguage:
    """Popularity, as the log of recent joins, plus a bonus for rooms of the person's language."""

    def __init__(self, world: World, bonus: float) -> None:
        self._world, self._bonus = world, bonus
        self._joins = Decayed(len(world.rooms.ids), HOUR_MS)

    def rank(self, visits: Visits) -> list[list[str]]:
        """What is live."""
        popular = np.log(0.3 + self._joins.read(visits.live, visits.at_ms))
        spoken = self._world.people.language[visits.people]
        rooms = self._world.hosts.language[self._world.rooms.host[visits.live]]
        scores = popular + self._bonus * (spoken[:, None] == rooms)
        return ordered(self._world, visits, scores)

    def observe(self, events: Sequence[Event]) -> None:
        """Count joins."""
        for event in events:
            if isinstance(event, Interaction) and event.type == "join":
                self._joins.add(room_row(self._world, event.item), event.at_ms)


class Split:
    """Gives each person the policy of their variant, and keeps what the log would hold.

    ``shared`` lets both policies learn from everybody; without it each learns from its own people.
    Whoever is on nothing yet, before the test, teaches both.
    """

    def __init__(
        self, policies: Mapping[str, Policy], arm_of: Ints, users: Sequence[str], *, shared: bool
    ) -> None:
        self._policies = dict(policies)
        self._names = list(policies)
        self._arm_of = arm_of
        self._arm_of_user = dict(zip(users, arm_of.tolist(), strict=True))
        self._shared = shared
        self.log: list[Event] = []

    def rank(self, visits: Visits) -> list[list[str]]:
        """The lists of each person's policy; each is logged as a ranking."""
        arms = self._arm_of[visits.people]
        lists: list[list[str]] = [[] for _ in visits.users]
        for arm, name in enumerate(self._names):
            (rows,) = np.nonzero(arms == arm)
            if len(rows):
                part = _part(visits, rows)
                for row, items in zip(rows.tolist(), self._policies[name].rank(part), strict=True):
                    lists[row] = list(items)
        self.log += [
            Ranking(time=visits.at_ms, id=ranking, user=user, items=items[:20],
                    variant=f"tab:{self._names[arm]}")
            for ranking, user, items, arm in zip(
                visits.rankings, visits.users, lists, arms.tolist(), strict=True
            )
        ]  # fmt: skip
        return lists

    def observe(self, events: Sequence[Event]) -> None:
        """Keep events, and let the policies learn from those that they may."""
        self.log += events
        for arm, name in enumerate(self._names):
            own = events if self._shared else [one for one in events if self._is_own(one, arm)]
            self._policies[name].observe(own)

    def _is_own(self, event: Event, arm: int) -> bool:
        return not isinstance(event, Interaction) or self._arm_of_user[event.user] == arm


def _part(visits: Visits, rows: Ints) -> Visits:
    return Visits(
        at_ms=visits.at_ms,
        people=visits.people[rows],
        users=tuple(visits.users[row] for row in rows.tolist()),
        rankings=tuple(visits.rankings[row] for row in rows.tolist()),
        live=visits.live,
    )


@dataclass(frozen=True)
class Begun:
    """A world at the moment at which a test begins, after days on "most popular"."""

    setting: Setting
    life: Life
    history: tuple[Event, ...]
    """Events until then."""

    @property
    def start_ms(self) -> int:
        """When the test begins."""
        return self.life.at_ms

    @property
    def end_ms(self) -> int:
        """When it ends."""
        return self.start_ms + self.setting.days * DAY_MS


class _Kept:
    """Ranks by most popular, and keeps the events."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.rank = policy.rank
        self.events: list[Event] = []

    def observe(self, events: Sequence[Event]) -> None:
        self._policy.observe(events)
        self.events += events


def begun(world: World, setting: Setting, *, luck: int) -> Begun:
    """Let days pass on "most popular"."""
    life = Life(world, seed=luck, step_ms=STEP_MS)
    kept = _Kept(NewestFirst(MostPopular(world)))
    kept.observe(life.introduction())
    drive(life, kept, until_ms=world.start_ms + setting.days_before * DAY_MS)
    return Begun(setting, life, tuple(kept.events))


def world_of(seed: int, setting: Setting) -> World:
    """The world of a seed."""
    return build_world(seed, people=setting.people, days=setting.days_before + setting.days)


def policies_of(at: Begun) -> dict[str, Policy]:
    """Control and variant, both with what they would know of the days before."""
    world = at.life.world
    found: dict[str, Policy] = {
        CONTROL: NewestFirst(MostPopular(world)),
        VARIANT: NewestFirst(OwnLanguage(world, at.setting.bonus)),
    }
    for policy in found.values():
        policy.observe(at.history)
    return found


def truth_of(at: Begun, policy: Policy) -> Counted:
    """What everybody does on one policy, from the start of the test on."""
    life = at.life.fork()
    counted = Counted(life.world.people.ids, start_ms=at.start_ms, end_ms=at.end_ms)
    drive(life, Watched(policy, counted=counted), until_ms=at.end_ms)
    return counted


def run_test(at: Begun, *, shared: bool) -> tuple[list[Event], Counted, Ints]:
    """The test: its log, what was counted, and the arm of each person (0 is the control)."""
    life = at.life.fork()
    users = life.world.people.ids
    arms = arms_of(users)
    split = Split(policies_of(at), arms, users, shared=shared)
    counted = Counted(users, start_ms=at.start_ms, end_ms=at.end_ms)
    drive(life, Watched(split, counted=counted), until_ms=at.end_ms)
    split.log += life.remaining()
    return [*at.history, *split.log], counted, arms


def arms_of(users: Sequence[str]) -> Ints:
    """The product's own assignment: int64[n_people], 0 is the control."""
    experiment = parse_config(_config(0, 7, "7d")).experiments["tab"]
    ends = ends_of(experiment.shares)
    found = [variant_at(ends, draws_of("tab", experiment, user).variant) for user in users]
    return np.array([int(name == VARIANT) for name in found])


def reported(at: Begun, log: Sequence[Event], *, looks: str) -> Report:
    """What ``liverank experiment report`` says at the end of the test."""
    config = parse_config(_config(at.start_ms, at.setting.days, looks))
    asked = report_input_of(config, "tab", now_ms=at.end_ms, listed=False)
    return report_of(asked, [frame_of(list(log), seqs=list(range(1, len(log) + 1)))])


def _config(start_ms: int, days: int, looks: str) -> str:
    start = datetime.fromtimestamp(start_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
    return f"""
[label]
interaction = "join"
[metrics.seconds_listened]
kind = "mean"
interaction = "leave"
value = true
[experiments.tab]
start = {start}
days = {days}
looks = "{looks}"
metrics = ["daily_active", "join_rate", "clicks_to_explore", "seconds_listened"]
[experiments.tab.variants]
{CONTROL} = {{ rank = "popular", share = 0.5 }}
{VARIANT} = {{ rank = "random", share = 0.5 }}
"""


def differences(control: Counted, variant: Counted) -> Floats:
    """Variant less control of each metric, float64[n_metrics]."""
    first, second = control.values(), variant.values()
    return np.array([second[name] - first[name] for name in first])
