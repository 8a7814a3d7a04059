"""Names that the config does not declare are told of, and refused where it is strict."""

from pathlib import Path

import pytest

from liverank.config import parse_config
from liverank.events.event import Edge, Event, Interaction, Ranking
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.events.schema.declared import declared_by
from liverank.events.schema.profile import profile_events
from liverank.events.schema.unused_words import unused_words
from liverank.events.wire import encode_event
from liverank.serving.http.events_in import take_events
from liverank.serving.http.messages import BadRequestError, EventsResponse

NOON = 1_795_435_200_000
LABEL = '[label]\ninteraction = "watch"\n'
NAMED = LABEL + '[interactions]\nwatch = ""\nhide = ""\n[surfaces.home]\n'
STRICT = NAMED + "[events]\nstrict = true\n"


def act(type_: str) -> Interaction:
    return Interaction(time=NOON, type=type_, user="u1", item="r1")


def shown(surface: str) -> Ranking:
    return Ranking(time=NOON, id=f"on {surface}", user="u1", items=["r1"], surface=surface)


def sent(config: str, events: list[Event], folder: Path) -> EventsResponse:
    body = b"\n".join(map(encode_event, events))
    with Log.open(folder / "log") as log:
        declared = declared_by(parse_config(config))
        return take_events(log, body, arrived_ms=NOON, declared=declared)


EVENTS: list[Event] = [
    act("watch"), act("wtach"), act("impression"), act("wtach"), act("dance"),
    shown("home"), shown("default"), shown("hom"),
]  # fmt: skip


def test_each_name_that_is_not_declared_is_told_with_its_count_and_the_nearest(
    tmp_path: Path,
) -> None:
    answer = sent(NAMED, EVENTS, tmp_path)
    assert (answer.accepted, answer.rejected) == (8, [])
    assert answer.warnings == [
        "2 events of the interaction type `wtach`, which [interactions] in liverank.toml does not "
        "name; did you mean `watch`?",
        "1 event of the surface `hom`, which [surfaces] in liverank.toml does not name; did you "
        "mean `home`?",
        "1 event of the interaction type `dance`, which [interactions] in liverank.toml does not "
        "name",
    ]


def test_where_the_config_names_nothing_nothing_is_unknown(tmp_path: Path) -> None:
    assert sent(LABEL + "[events]\nstrict = true\n", EVENTS, tmp_path).warnings == []


def test_a_strict_config_refuses_them_by_their_places(tmp_path: Path) -> None:
    answer = sent(STRICT, EVENTS, tmp_path)
    assert (answer.accepted, answer.warnings) == (4, [])
    assert [one.index for one in answer.rejected] == [1, 3, 4, 7]
    assert answer.rejected[0].reason == (
        "Interaction type `wtach` is not declared - at `$.type`; expected one of hide, impression, "
        "join, leave, watch, or declare it under [interactions] in liverank.toml; did you mean "
        "`watch`?"
    )
    with pytest.raises(BadRequestError, match="every event was refused"):
        sent(STRICT, [act("wtach")], tmp_path)


def test_rows_of_a_frame_are_found_as_single_events_are() -> None:
    declared = declared_by(parse_config(NAMED))
    alone = [(row, declared.unknown(event)) for row, event in enumerate(EVENTS)]
    rows = declared.unknown_rows(frame_of(EVENTS)).rows()
    assert rows == [(row, *name) for row, name in alone if name is not None]
    assert declared_by(parse_config(LABEL)).unknown_rows(frame_of(EVENTS)).is_empty()


def unused(config: str, events: list[Event]) -> dict[str, str]:
    words = unused_words(parse_config(config), profile_events([frame_of(events)]))
    return {word.key: word.message for word in words}


def test_a_misspelt_word_of_the_config_is_found_with_the_nearest() -> None:
    told = unused(LABEL + '[presence]\nenter = "wtach"\n', [act("watch"), act("click")])
    assert told == {
        "presence.enter": '`presence.enter` is "wtach", but no event is of that interaction type; '
        'the nearest is "watch"'
    }


def test_a_default_that_the_log_does_not_use_is_found() -> None:
    told = unused(LABEL, [act("watch"), act("click")])
    assert told == {
        "presence.enter": '`presence.enter` is "join" by default, but no event is of that '
        "interaction type; there are: click, watch"
    }
    assert set(unused(LABEL, [act("watch"), act("join")])) == {"presence.leave"}
    assert unused(LABEL, [act("watch"), act("join"), act("leave")]) == {}


def test_every_word_of_the_config_is_looked_for() -> None:
    config = (
        NAMED.replace('hide = ""', 'hidden = ""')
        + '[impressions]\ninteraction = "sene"\n[presence]\nenter = "a"\nleave = "b"\n'
        + 'follow = "c"\n'
        + '[candidates]\ninteraction = "d"\n[labels.long]\ninteraction = "watch"\nwithin = "2h"\n'
    )
    edge = Edge(time=NOON, user="u1", relation="follow", target="u2")
    assert set(unused(config, [act("watsh"), shown("tab"), edge])) == {
        "label.interaction", "labels.long.interaction", "impressions.interaction",
        "candidates.interaction", "presence.enter", "presence.leave", "presence.follow",
        "interactions.watch", "interactions.hidden", "surfaces.home",
    }  # fmt: skip
    assert unused(LABEL, []) == {}
