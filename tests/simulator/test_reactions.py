"""What people do with their lists: look down, click, join, stay and follow, by their tastes."""

from collections import Counter, defaultdict

import numpy as np
from a_world import events, interactions, life, rankings, world

from liverank.events.event import Edge, Interaction, Item, Ranking, User
from liverank.simulator.world.constants import Choices
from liverank.simulator.world.world import DAY_MS


def test_a_join_follows_a_click_which_follows_an_impression_and_a_leave_says_how_long() -> None:
    when: dict[tuple[str, str | None, str], int] = {}
    for event in events():
        if isinstance(event, Interaction):
            when[(event.type, event.ranking, event.item)] = event.at_ms

    for (kind, ranking, item), at_ms in when.items():
        before = {"click": "impression", "join": "click", "leave": "join"}.get(kind)
        if before is not None:
            assert when[(before, ranking, item)] < at_ms
    for leave in interactions("leave"):
        joined_ms = when[("join", leave.ranking, leave.item)]
        assert leave.value == (leave.at_ms - joined_ms) / 1000


def test_nobody_looks_at_the_tab_while_in_a_room() -> None:
    inside_until: dict[str, int] = {}
    leaves = {(e.ranking, e.item): e.at_ms for e in interactions("leave")}
    for event in events():
        if isinstance(event, Ranking):
            assert inside_until.get(event.user, 0) <= event.at_ms
        elif isinstance(event, Interaction) and event.type == "join":
            inside_until[event.user] = leaves.get((event.ranking, event.item), event.at_ms)


def test_a_person_follows_whom_he_or_she_does_not_and_unfollows_whom_he_or_she_does() -> None:
    follows: set[tuple[str, str]] = set()
    later: Counter[bool] = Counter()
    for event in events("popular"):
        if isinstance(event, Edge):
            pair = (event.user, event.target)
            assert event.user != event.target
            assert (pair in follows) == (not event.active)
            (follows.add if event.active else follows.remove)(pair)
            later[event.active] += event.at_ms > world().start_ms

    assert later[True] > later[False] > 0


def test_a_room_is_an_impression_when_its_screen_was_reached() -> None:
    screen = Choices().screen
    served = rankings()
    reached: dict[str, list[int]] = defaultdict(list)
    for event in interactions("impression"):
        items = served[str(event.ranking)].items
        reached[str(event.ranking)].append(items.index(event.item))

    whole = 0
    for name, positions in reached.items():
        assert positions == sorted(positions)
        is_whole = len(positions) in (
            -(-len(positions) // screen) * screen,
            len(served[name].items),
        )
        whole += is_whole and positions == list(range(len(positions)))
    assert whole > 0.97 * len(reached), "but for rooms that ended while the person looked"


def test_rooms_further_down_are_seen_less_and_clicked_less_when_seen() -> None:
    seen, clicked = np.zeros(20), np.zeros(20)
    served = rankings()
    for count, kind in ((seen, "impression"), (clicked, "click")):
        for event in interactions(kind):
            count[served[str(event.ranking)].items.index(event.item)] += 1

    of_screens = seen.reshape(5, 4).sum(axis=1)
    assert (np.diff(of_screens) < 0).all()
    assert (np.diff(of_screens) < -0.1 * of_screens[:-1]).all()
    rates = clicked.reshape(5, 4)[:3].sum(axis=0) / seen.reshape(5, 4)[:3].sum(axis=0)
    assert rates[0] > rates[3]
    assert rates[:2].sum() > rates[2:].sum()


def test_people_join_as_often_as_the_hidden_truth_says() -> None:
    joins = {(e.ranking, e.item) for e in interactions("join")}
    chances_of = life()[0].chances
    assert chances_of is not None
    expected, joined = [], []
    for ranking in rankings().values():
        first = ranking.items[0]  # always examined
        person, room = world().person_of[ranking.user], world().room_of[first]
        chance = chances_of.read(person, ranking.at_ms, np.array([room]))
        assert chance is not None
        expected.append(float(chance[0]))
        joined.append((ranking.id, first) in joins)
    chances, outcomes = np.array(expected), np.array(joined)

    likely = chances > np.quantile(chances, 0.9)
    for group in (likely, ~likely):
        spread = np.sqrt((chances[group] * (1 - chances[group])).sum())
        assert abs(outcomes[group].sum() - chances[group].sum()) < 4 * spread
    assert outcomes[likely].mean() > 5 * outcomes[~likely].mean()


def joins_per_visit(policy: str) -> float:
    return len(interactions("join", policy)) / len(rankings(policy))


def test_popular_beats_random_and_knowing_the_truth_beats_both() -> None:
    random, popular, oracle = map(joins_per_visit, ("random", "popular", "oracle"))

    assert popular > 1.1 * random
    assert oracle > 1.3 * popular


def list_auc(scores: dict[str, dict[str, float]], joins: dict[str, str]) -> float:
    """The mean over lists of the share of other seen items that the joined one is put above."""
    areas = []
    for ranking, item in joins.items():
        others = [score for name, score in scores[ranking].items() if name != item]
        if others:
            own = scores[ranking][item]
            areas.append(np.mean([(own > other) + 0.5 * (own == other) for other in others]))
    return float(np.mean(areas))


def test_what_people_did_before_tells_what_they_join_better_than_popularity() -> None:
    language: dict[str, object] = {}
    fields: dict[str, dict[str, object]] = {}
    follows: set[tuple[str, str]] = set()
    liked: dict[tuple[str, object], float] = defaultdict(float)
    popular: dict[str, float] = defaultdict(float)
    known = rankings("popular")
    seen: dict[str, dict[str, float]] = defaultdict(dict)
    personal: dict[str, dict[str, float]] = defaultdict(dict)
    joins: dict[str, str] = {}
    for event in events("popular"):
        if isinstance(event, User):
            language[event.user] = event.fields["language"]
        elif isinstance(event, Edge):
            follows.add((event.user, event.target))
        elif isinstance(event, Item):
            fields.setdefault(event.item, {}).update(event.fields)
        elif isinstance(event, Interaction):
            ranking = str(event.ranking)
            about = fields[event.item]
            topics = about["topics"]
            assert isinstance(topics, list)
            if event.type == "impression":
                seen[ranking][event.item] = np.log(0.3 + popular[event.item])
                match = np.mean([liked[event.user, topic] for topic in topics])
                personal[ranking][event.item] = (
                    seen[ranking][event.item]
                    + 2.0 * (about["language"] == language[event.user])
                    + 1.0 * ((event.user, str(about["host"])) in follows)
                    + 1.0 * np.log(0.3 + match)
                )
            elif event.type == "join":
                popular[event.item] += 1
                for topic in topics:
                    liked[event.user, topic] += 1
                if known[ranking].at_ms > world().start_ms + 2 * DAY_MS:
                    joins[ranking] = event.item

    assert list_auc(seen, joins) > 0.6
    assert list_auc(personal, joins) > list_auc(seen, joins) + 0.05
