"""Gathering from a log agrees with plain definitions, whatever the log's order and frames."""

from itertools import pairwise

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_metrics import plain_before, plain_exposures, plain_new, plain_total

from liverank.events.event import Event, Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.experiments.gathering.collect import gather
from liverank.experiments.gathering.gathered import Gathered
from liverank.experiments.gathering.views import BeforeView, Days, DayView, looks
from liverank.experiments.gathering.wanted import Wanted
from liverank.experiments.metrics.need import DAY_MS, Need

START = 1_795_000_000_000
NEEDS = (
    Need(("join",), 3 * DAY_MS),
    Need((), 2 * DAY_MS, of="days"),
    Need(("join", "click"), 10 * DAY_MS, of="value"),
    Need(("click",), 2 * DAY_MS, after_ms=DAY_MS),
    Need(("unheard",), 2 * DAY_MS),
)
USERS = ("u1", "u2", "u3", "u4")
# times of a few odd milliseconds, so that equal times and ends of days occur
TIMES = st.integers(-4 * 4, 6 * 4).flatmap(
    lambda quarter: st.sampled_from([-1, 0, 1]).map(lambda odd: START + quarter * DAY_MS // 4 + odd)
)
INTERACTIONS = st.builds(
    Interaction,
    time=TIMES,
    type=st.sampled_from(["join", "click", "hide"]),
    user=st.sampled_from(USERS),
    item=st.just("room"),
    value=st.none() | st.sampled_from([0.5, 2.0]),
)
VARIANTS = ["e:control", "e:model", "other:model", "e:control!", "e:holdout", "ee:model", None]
RANKINGS = st.builds(
    Ranking,
    time=TIMES.filter(lambda at_ms: at_ms >= START - DAY_MS),
    id=st.just("q"),
    user=st.sampled_from(USERS),
    items=st.just(["room"]),
    variant=st.sampled_from(VARIANTS),
)
LOGS = st.lists(st.one_of(INTERACTIONS, INTERACTIONS, RANKINGS), max_size=40)


def gathered_of(events: list[Event], *, cut: int = 7, **wanted: object) -> tuple[Gathered, dict]:
    """Gather a log that is read in frames of ``cut`` events; and the place of each unit."""
    asked = Wanted(**{"experiment": "e", "needs": NEEDS, "pre_days": 3, **wanted})  # type: ignore[arg-type]
    frame = frame_of(events, seqs=range(1, len(events) + 1)) if events else pl.DataFrame()
    frames = [frame[at : at + cut].select(asked.columns) for at in range(0, frame.height, cut)]
    found = gather(frames, asked)
    exposures = plain_exposures(events, "e")
    names = [name for name, size in found.arms.sizes().items() for _ in range(size)]
    places: dict[str, int] = {}
    for user, (at_ms, variant) in exposures.items():
        free = [
            place
            for place in range(found.units)
            if names[place] == variant
            and found.exposed_ms[place] == at_ms
            and place not in places.values()
        ]
        places[user] = free[0]
    assert len(places) == found.units
    return found, exposures


@settings(max_examples=60, deadline=None)
@given(LOGS, st.integers(1, 9), st.sampled_from([0, 1, 5]))
def test_totals_at_every_look_agree_with_the_plain_definition(
    events: list[Event], cut: int, quarters: int
) -> None:
    found, exposures = gathered_of(events, cut=cut)
    moments = [START + day * DAY_MS + quarters * DAY_MS // 4 for day in range(-1, 7)]
    amounts = {need: found.after(need) for need in NEEDS}
    for view in looks(found, amounts, moments):
        for need in NEEDS:
            truth = sorted(
                (variant, at_ms, plain_total(events, need, user, at_ms, view.at_ms))
                for user, (at_ms, variant) in exposures.items()
            )
            assert by_unit(found, view.total(need)) == truth


@settings(max_examples=50, deadline=None)
@given(LOGS)
def test_the_time_before_and_each_day_since_agree_with_the_plain_definition(
    events: list[Event],
) -> None:
    found, exposures = gathered_of(events)
    before = BeforeView(found)
    amounts = {need: found.after(need) for need in NEEDS}
    days = Days(found, amounts)
    for need in NEEDS:
        truth = sorted(
            (variant, at_ms, plain_before(events, need, user, at_ms, found.pre_days))
            for user, (at_ms, variant) in exposures.items()
        )
        assert by_unit(found, before.total(need)) == truth
        for day in range(4):
            ends = [day * DAY_MS, (day + 1) * DAY_MS]
            truth = sorted(
                (variant, at_ms, difference(events, need, user, at_ms, ends))
                for user, (at_ms, variant) in exposures.items()
            )
            assert by_unit(found, DayView(days, day).total(need)) == truth
    new = plain_new(events, exposures)
    truth = sorted((v, at_ms, float(new[user])) for user, (at_ms, v) in exposures.items())
    # only events that are read can tell: hides are interactions of a type that some need is of
    assert by_unit(found, found.is_new.astype(float)) == truth


def difference(
    events: list[Event], need: Need, user: str, exposed_ms: int, ends: list[int]
) -> float:
    sums = [plain_total(events, need, user, exposed_ms, exposed_ms + end) for end in ends]
    return next(later - sooner for sooner, later in pairwise(sums))


def by_unit(found: Gathered, values: np.ndarray) -> list[tuple[str, int, float]]:
    """Units have no names once they are gathered: their arms and times stand for them."""
    names = [name for name, size in found.arms.sizes().items() for _ in range(size)]
    return sorted(zip(names, found.exposed_ms.tolist(), values.tolist(), strict=True))


def ranking(user: str, at_ms: int, variant: str, **fields: object) -> Ranking:
    return Ranking(
        time=at_ms, id=f"{user}{at_ms}", user=user, items=["a", "b"], variant=variant, fields=fields
    )


def joined(user: str, at_ms: int) -> Interaction:
    return Interaction(time=at_ms, type="join", user=user, item="a")


def test_an_interaction_logged_before_the_exposure_counts_by_its_time() -> None:
    events = [
        joined("u1", START + 5),  # arrived first, happened later
        joined("u1", START),  # of the same millisecond: it cannot be an effect
        ranking("u1", START, "e:model"),
        joined("u1", START - 5),
    ]
    found, _ = gathered_of(events)
    need = NEEDS[0]
    view = next(looks(found, {need: found.after(need)}, [START + DAY_MS]))
    assert view.total(need).tolist() == [1.0]


def test_a_tester_and_a_unit_of_two_arms_are_told_apart() -> None:
    events = [
        ranking("tester", START, "e:model"),
        ranking("tester", START + 1, "e:model!"),
        ranking("u2", START + 2, "e:control"),
        ranking("u2", START + 3, "e:model"),
    ]
    found, _ = gathered_of(events)
    assert found.testers == 1
    assert found.in_two_arms == 1
    assert found.arms.sizes()["control"] == 1
    assert found.arms.sizes()["model"] == 0


def test_what_two_people_of_a_household_do_is_summed() -> None:
    events = [
        joined("stranger", START + 9),
        ranking("u1", START, "e:model", household="h1"),
        ranking("u2", START + 5, "e:model", household="h1"),
        ranking("u3", START + 6, "e:model"),
        joined("u1", START + 7),
        joined("u2", START + 7),
        joined("u3", START + 8),
    ]
    frames = [frame_of(events)]
    need = NEEDS[0]
    found = gather(
        frames, Wanted(experiment="e", needs=(need,), unit_field="household", pre_days=0)
    )
    view = next(looks(found, {need: found.after(need)}, [START + DAY_MS]))
    assert view.total(need).tolist() == [2.0]
    assert found.without_unit == 1


def test_items_of_lists_are_impressions_where_none_are_logged() -> None:
    need = Need(("impression",), DAY_MS)
    events = [
        Ranking(time=START - DAY_MS, id="old", user="u1", items=["a", "b", "c"]),
        ranking("u1", START, "e:model"),
        ranking("u1", START + 10, "e:model"),
    ]
    wanted = Wanted(experiment="e", needs=(need,), listed_as="impression", pre_days=1)
    found = gather([frame_of(events)], wanted)
    view = next(looks(found, {need: found.after(need)}, [START + DAY_MS]))
    assert view.total(need).tolist() == [4.0]
    assert BeforeView(found).total(need).tolist() == [3.0]


def test_segments_hold_what_was_known_at_the_exposure() -> None:
    events = [
        Item(time=START, item="a"),
        User(time=START + 9, user="u1", fields={"country": "FR"}),
        User(time=START - 9, user="u1", fields={"country": "GB"}),
        User(time=START - 99, user="u1", fields={"country": "DE", "age": 7}),
        User(time=START + 1, user="u2", fields={"country": "FR"}),
        ranking("u1", START, "e:model", device="ios"),
        ranking("u2", START, "e:model"),
    ]
    wanted = Wanted(
        experiment="e", needs=NEEDS, user_fields=("country",), request_fields=("device",)
    )
    found = gather([frame_of(events)], wanted)
    segments = {
        one.name: [one.texts[code] if code >= 0 else None for code in one.codes]
        for one in found.segments
    }
    assert segments == {
        "surface": ["default", "default"],
        "device": ["ios", None],
        "country": ["GB", None],
    }
