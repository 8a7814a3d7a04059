"""The counts of the arms of a release equal a plain count, event by event."""

import itertools
from collections import defaultdict

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liverank.autopilot.releasing.arm_counts import LATE_MS, ArmCounts
from liverank.autopilot.releasing.arms import BeforeAfterArms, CanaryArms, HoldoutArms
from liverank.autopilot.releasing.counts import COLUMNS, total
from liverank.config import Config, parse_config
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.experiments.release import Release
from liverank.features.hashing import hash_id

WINDOW_MS = 60_000
CONFIG = parse_config(
    """
    [label]
    interaction = "join"
    within = "1m"
    [experiments.tab.variants]
    same = {rank = "model"}
    old = {rank = "popular"}
    """
)
RELEASE = Release(version="new", stage="canary", since_ms=1000, champion="old", share=0.4)
VARIANTS = (None, None, None, "tab:same", "tab:same!", "tab:old", "autopilot:holdout")
OWN = frozenset({"tab:same"})


def made_events(seed: int, count: int, *, late_ms: int = 5000) -> list[Event]:
    """Rankings, impressions and joins of few people and items, in an order of arrival."""
    rng = np.random.default_rng(seed)
    events: list[tuple[int, Event]] = []
    lists: list[Ranking] = []
    at_ms = 0
    for number in range(count):
        at_ms += int(rng.integers(0, 4000))
        user = f"u{rng.integers(8)}"
        if rng.random() < 0.4 or not lists:
            items = [f"i{one}" for one in rng.permutation(6)[: rng.integers(1, 5)]]
            event: Event = Ranking(
                time=at_ms,
                id=f"r{number}",
                user=user,
                items=items,
                variant=VARIANTS[rng.integers(len(VARIANTS))],
                model=str(rng.choice(["new", "old", "popular"])),
            )
            lists.append(event)
        else:
            of = lists[-int(rng.integers(1, min(len(lists), 6) + 1))]
            named = rng.random() < 0.5
            event = Interaction(
                time=at_ms,
                type=str(rng.choice(["join", "impression", "hide"])),
                user=of.user,
                item=str(rng.choice(of.items)),
                ranking=of.id if named else None,
            )
        events.append((at_ms + int(rng.integers(0, late_ms)), event))
    return [event for _, event in sorted(events, key=lambda one: one[0])]


def plain_counts(events: list[Event], arm_of, fell_back, from_ms, has_impressions):
    """Totals by arm and user, by loops over the definition."""
    lists = [one for one in events if isinstance(one, Ranking) and one.at_ms >= from_ms]
    acts = [one for one in events if isinstance(one, Interaction) and one.at_ms >= from_ms]

    def belongs(act: Interaction, ranking: Ranking) -> bool:
        if act.item not in ranking.items:
            return False
        if act.ranking is not None:
            return act.ranking == ranking.id
        earlier = [
            one
            for one in lists
            if one.user == act.user and act.item in one.items and one.at_ms <= act.at_ms
        ]
        latest = max((one.at_ms for one in earlier), default=None)
        return ranking.user == act.user and ranking.at_ms == latest

    totals: dict[tuple[int, str], np.ndarray] = defaultdict(lambda: np.zeros(len(COLUMNS)))
    for ranking in lists:
        arm = arm_of(ranking)
        if arm is None:
            continue
        joined, seen = set(), set()
        for act in acts:
            wait_ms = act.at_ms - ranking.at_ms
            if not belongs(act, ranking):
                continue
            if act.type == "join" and 0 <= wait_ms <= WINDOW_MS:
                joined.add(act.item)
            if act.type == "impression" and (act.ranking is not None or wait_ms <= WINDOW_MS):
                seen.add(act.item)
        shown = len(joined | seen) if has_impressions else len(ranking.items)
        row = [1, shown, len(joined), fell_back(ranking), not joined]
        totals[arm, ranking.user] += np.array(row, np.float64)
    return totals


def counted(events, arms, *, from_ms=0.0, has_impressions=True, cuts=(), **more) -> ArmCounts:
    counts = ArmCounts(CONFIG, arms, from_ms=from_ms, has_impressions=has_impressions, **more)
    frame = frame_of(events, seqs=list(range(1, len(events) + 1)))
    edges = [0, *sorted(cuts), len(events)]
    for start, end in itertools.pairwise(edges):
        counts.add(frame[start:end])
    return counts


def agree(counts: ArmCounts, totals) -> None:
    evidence = counts.evidence(None, 100.0)
    for arm, moments in ((0, evidence.control), (1, evidence.treated)):
        rows = np.array([row for (own, _), row in totals.items() if own == arm])
        assert moments.count == len(rows)
        for column in range(len(COLUMNS)):
            assert total(moments, column) == (rows[:, column].sum() if len(rows) else 0)
        if len(rows) > 1:
            assert moments.covariance == pytest.approx(np.cov(rows.T), abs=1e-9)


def canary_arm(ranking: Ranking) -> int | None:
    return int(RELEASE.serves(ranking.user)) if ranking.variant in (None, "tab:same") else None


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    has_impressions=st.booleans(),
    from_ms=st.sampled_from([0.0, 20_000.0]),
    cuts=st.lists(st.integers(1, 149), max_size=4, unique=True),
)
def test_a_canary_is_counted_as_by_hand_however_the_log_is_cut(
    seed: int, has_impressions: bool, from_ms: float, cuts: list[int]
) -> None:
    events = made_events(seed, 150)
    arms = CanaryArms(RELEASE, OWN)
    counts = counted(events, arms, from_ms=from_ms, has_impressions=has_impressions, cuts=cuts)

    def fell_back(ranking: Ranking) -> bool:
        return ranking.model != ("new" if RELEASE.serves(ranking.user) else "old")

    agree(counts, plain_counts(events, canary_arm, fell_back, from_ms, has_impressions))


def test_the_holdout_is_its_label_and_the_others_are_those_whom_the_bundle_ranks_for() -> None:
    events = made_events(3, 300)

    def arm(ranking: Ranking) -> int | None:
        if ranking.variant == "autopilot:holdout":
            return 0
        own = ranking.variant in (None, "tab:same") and ranking.model != "new"
        return 1 if own else None

    def fell_back(ranking: Ranking) -> bool:
        return ranking.model != "old" and ranking.variant != "autopilot:holdout"

    counts = counted(events, HoldoutArms("old", OWN))
    agree(counts, plain_counts(events, arm, fell_back, 0.0, True))


def test_lists_whose_window_is_over_are_forgotten_and_counted_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("liverank.autopilot.releasing.arm_counts._CLOSE_ROWS", 1)
    events = made_events(5, 900)
    assert events[-1].at_ms > 2 * LATE_MS
    arms = CanaryArms(RELEASE, OWN)
    counts = counted(events, arms, cuts=range(100, 900, 100))
    open_lists = counts._lists.height
    assert open_lists < 0.7 * sum(isinstance(event, Ranking) for event in events)

    def fell_back(ranking: Ranking) -> bool:
        return ranking.model != ("new" if RELEASE.serves(ranking.user) else "old")

    agree(counts, plain_counts(events, canary_arm, fell_back, 0.0, True))


def test_hours_add_up_to_the_people() -> None:
    counts = counted(made_events(7, 3000, late_ms=100), BeforeAfterArms(2_000_000.0, OWN))
    evidence, hours = counts.evidence(None, 1.0), counts.hours()
    for arm, moments in ((0, evidence.control), (1, evidence.treated)):
        sums = hours.filter(arm=arm).select(COLUMNS).sum().row(0)
        assert list(sums) == [total(moments, column) for column in range(len(COLUMNS))]
    assert hours.filter(arm=0)["hour"].max() == 0
    assert hours.filter(arm=1)["hour"].min() == 0


def test_in_little_memory_a_share_of_the_people_is_counted_as_a_whole() -> None:
    events = made_events(11, 600)
    arms = CanaryArms(RELEASE, OWN)
    some = counted(events, arms, most_rows=150, cuts=range(50, 600, 50))
    mine = {user for user in map("u{}".format, range(8)) if hash_id(user) < some._people_below}
    assert 0 < len(mine) < 8

    def fell_back(ranking: Ranking) -> bool:
        return ranking.model != ("new" if RELEASE.serves(ranking.user) else "old")

    theirs = [event for event in events if event.user in mine]
    agree(some, plain_counts(theirs, canary_arm, fell_back, 0.0, True))


def test_a_stay_counts_until_the_person_is_seen_to_leave() -> None:
    config: Config = parse_config('[label]\ninteraction = "join"\nmin_duration = "30s"')
    arms = BeforeAfterArms(0.0)
    served = Ranking(time=1000, id="r", user="u", items=["a", "b"])
    joined = [Interaction(time=2000, type="join", user="u", item=item) for item in "ab"]
    left = Interaction(time=5000, type="leave", user="u", item="a")
    found = []
    for events in ([served, *joined], [served, *joined, left]):
        counts = ArmCounts(config, arms, from_ms=0.0, has_impressions=False)
        counts.add(frame_of(events, seqs=list(range(1, len(events) + 1))))
        found.append(total(counts.evidence(None, 1.0).treated, COLUMNS.index("successes")))
    assert found == [2, 1]


def test_an_empty_log_has_no_people() -> None:
    counts = ArmCounts(CONFIG, CanaryArms(RELEASE), from_ms=0.0, has_impressions=True)
    counts.add(frame_of([]))
    assert counts.evidence(0.1, 1.0).people == 0
    assert isinstance(counts.hours(), pl.DataFrame)
