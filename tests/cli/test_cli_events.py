"""``liverank ingest``, ``init`` and ``validate``, each run as its command line would."""

import argparse
import importlib
import io
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from rich.console import Console

from liverank.config import load_config, parse_config
from liverank.errors import ConfigError, SourceError
from liverank.events.event import Edge, Event, Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.events.schema.config_proposal import propose_config
from liverank.events.schema.profile import profile_events
from liverank.events.wire import encode_event

if TYPE_CHECKING:
    from liverank.cli import Command

NOON = 1_700_000_000_000  # in November 2023
LABEL = '[label]\ninteraction = "join"\n'


class Ran:
    """What a command said and returned."""

    def __init__(self, result: dict[str, Any], text: str) -> None:
        self.result = json.loads(json.dumps(result))
        self.text = text


def liverank(name: str, *words: object) -> Ran:
    command = cast("Command", importlib.import_module(f"liverank.cli.commands.{name}"))
    parser = argparse.ArgumentParser()
    command.configure(parser)
    heard = io.StringIO()
    arguments = parser.parse_args([str(word) for word in words])
    return Ran(command.run(arguments, Console(file=heard, width=200)), heard.getvalue())


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes liverank.toml and events.jsonl, and gives the config's path."""

    def write(config: str = LABEL, events: list[Event] | None = None, more: bytes = b"") -> Path:
        body = b"".join(encode_event(event) + b"\n" for event in events or a_room())
        (tmp_path / "events.jsonl").write_bytes(body + more)
        (tmp_path / "liverank.toml").write_text(config)
        return tmp_path / "liverank.toml"

    return write


def a_room() -> list[Event]:
    return [
        Item(time=NOON, item="room9", state="started", fields={"language": "en", "host": "u7"}),
        User(time=NOON, user="u1", fields={"country": "GB"}),
        Edge(time=NOON, user="u1", relation="follow", target="u7"),
        Ranking(time=NOON + 1, id="r1", user="u1", items=["room9", "room3"], surface="tab"),
        Interaction(time=NOON + 2, type="impression", user="u1", item="room9", ranking="r1"),
        Interaction(time=NOON + 9, type="join", user="u1", item="room9", ranking="r1", value=60),
        Item(time=NOON + 20, item="room9", state="ended"),
    ]


def log_of(config: Path) -> list[tuple[int, str]]:
    with Log.open(config.parent / ".liverank" / "log") as log:
        return [row for frame in log.read() for row in frame.select("seq", "event").rows()]


def test_ingest_puts_events_into_the_log_in_the_order_of_time(
    project: Callable[..., Path],
) -> None:
    config = project(events=a_room()[::-1])
    ran = liverank("ingest", config.parent / "events.jsonl", "--config", config)
    assert ran.result["accepted"] == 7
    assert ran.result["kinds"] == {"edge": 1, "interaction": 2, "item": 2, "ranking": 1, "user": 1}
    assert set(ran.result) == {
        "ok", "accepted", "duplicates", "suppressed", "rejected", "reasons", "warnings", "seconds",
        "events_per_s", "kinds", "allowed",
    }  # fmt: skip
    assert log_of(config) == list(
        enumerate(["item", "user", "edge", "ranking", "interaction", "interaction", "item"], 1)
    )
    assert "Imported 7 events" in ran.text


def test_ingesting_a_file_twice_is_harmless_and_equal_rows_of_one_file_are_both_kept(
    project: Callable[..., Path],
) -> None:
    join = Interaction(time=NOON, type="join", user="u1", item="room9")
    config = project(events=[join, join])
    first = liverank("ingest", config.parent / "events.jsonl", "--config", config).result
    again = liverank("ingest", config.parent / "events.jsonl", "--config", config).result
    assert (first["accepted"], first["duplicates"]) == (2, 0)
    assert (again["accepted"], again["duplicates"]) == (0, 2)


def test_a_rejected_row_is_told_and_stops_nothing(project: Callable[..., Path]) -> None:
    config = project(more=b'{"event":"user","time":0,"user":7}\n' * 12)
    ran = liverank("ingest", config.parent / "events.jsonl", "--config", config)
    assert (ran.result["ok"], ran.result["accepted"], ran.result["rejected"]) == (True, 7, 12)
    assert len(ran.result["reasons"]) == 10
    assert ran.result["reasons"][0]["where"].endswith("events.jsonl:8")
    assert "user" in ran.result["reasons"][0]["reason"]
    assert "12 rejected" in ran.text


def test_a_strict_ingest_imports_nothing_when_a_row_is_rejected(
    project: Callable[..., Path],
) -> None:
    config = project(more=b"{}\n")
    ran = liverank("ingest", "--strict", config.parent / "events.jsonl", "--config", config)
    assert (ran.result["ok"], ran.result["accepted"], ran.result["rejected"]) == (False, 0, 1)
    assert log_of(config) == []
    sound = project()
    strict = liverank("ingest", "--strict", sound.parent / "events.jsonl", "--config", sound)
    assert strict.result["accepted"] == 7


def test_init_writes_a_config_that_parses_and_that_validate_accepts(
    project: Callable[..., Path],
) -> None:
    config = project()
    out = config.parent / "proposed.toml"
    ran = liverank("init", config.parent / "events.jsonl", "--out", out)
    assert ran.result["label"] == "join"
    proposed = load_config(out)
    assert proposed.label.interaction == "join"
    assert proposed.items.fields == {"host": "key", "language": "category"}
    assert list(proposed.interactions) == ["impression", "join"]
    assert list(proposed.surfaces) == ["tab"]
    checked = liverank("validate", config.parent / "events.jsonl", "--config", out)
    assert checked.result["ok"]
    assert not [found for found in checked.result["findings"] if found["severity"] == "warning"]


def test_init_never_replaces_a_file_unless_told_to(project: Callable[..., Path]) -> None:
    config = project()
    events = config.parent / "events.jsonl"
    with pytest.raises(ConfigError, match="exists already"):
        liverank("init", events, "--out", config)
    assert config.read_text() == LABEL
    liverank("init", events, "--out", config, "--force")
    assert "Proposed by" in config.read_text()


def test_init_explains_how_to_map_a_table(tmp_path: Path) -> None:
    (tmp_path / "clicks.csv").write_text("user,item,at\n1,2,3\n")
    with pytest.raises(SourceError, match=r"columns are user, item, at(.|\n)*\[\[sources\]\]"):
        liverank("init", tmp_path / "clicks.csv", "--out", tmp_path / "liverank.toml")


def test_init_says_when_no_interaction_can_be_a_success(project: Callable[..., Path]) -> None:
    seen = Interaction(time=NOON, type="impression", user="u1", item="a")
    config = project(events=[seen])
    with pytest.raises(SourceError, match="types seen: impression"):
        liverank("init", config.parent / "events.jsonl", "--out", config, "--force")


def test_a_proposal_stands_odd_names_and_values() -> None:
    events: list[Event] = [
        Item(time=NOON, item="a", fields={'od"d.name\n': 'x\n\x7f"y"', "ümlaut": [1, 2]}),
        Interaction(time=NOON, type='ta"p #1', user="u", item="a"),
        Interaction(time=NOON, type="card_shown", user="u", item="a"),
        Ranking(time=NOON, id="r", user="u", items=["a"], surface="home.tab"),
    ]
    config = parse_config(propose_config(profile_events([frame_of(events)])))
    assert config.label.interaction == 'ta"p #1'
    assert set(config.items.fields) == {'od"d.name\n', "ümlaut"}
    assert config.impressions.interaction == "card_shown"
    assert list(config.surfaces) == ["home.tab"]


def test_a_log_without_rankings_gets_candidates_made_from_its_label() -> None:
    clicks = [Interaction(time=NOON, type="click", user="u", item="a", value=3.0)]
    text = propose_config(profile_events([frame_of(clicks)]))
    assert tomllib.loads(text)["candidates"] == {"interaction": "click", "within": "24h"}
    assert "# min_value = 3" in text


def findings(ran: Ran) -> dict[str, tuple[str, int]]:
    return {found["name"]: (found["severity"], found["count"]) for found in ran.result["findings"]}


def test_validate_says_what_is_odd_about_events_in_files(project: Callable[..., Path]) -> None:
    late = Interaction(time=NOON, type="join", user="u2", item="room9", ranking="r1")
    lost = Interaction(time=NOON, type="join", user="u2", item="room9", ranking="r77")
    other = Interaction(time=NOON + 5, type="wave", user="u2", item="room5", ranking="r1", id="w")
    bare = Interaction(time=4_000_000_000_000, type="join", user="u1", item="room9")
    events: list[Event] = [
        *a_room(), late, lost, other, other, bare, bare,
        Item(time=946_000_000_000, item="old", state="ended"),
        Item(time=NOON, item="back", state="started"),
        Item(time=NOON - 1, item="back", state="ended"),
        Item(time=NOON, item="open", state="started"),
    ]  # fmt: skip
    config = project(
        LABEL + '[interactions]\njoin = ""\nimpression = ""\n[items.fields]\nmood = "category"',
        events,
        more=b"{}\n",
    )
    ran = liverank("validate", config.parent / "events.jsonl", "--config", config)
    assert findings(ran) == {
        "rejected_rows": ("error", 1),
        "fields_never_seen": ("warning", 1),
        "undeclared_fields": ("info", 3),
        "words_never_seen": ("info", 1),
        "unknown_interactions": ("warning", 2),
        "unknown_rankings": ("warning", 1),
        "interactions_before_ranking": ("warning", 1),
        "items_not_in_ranking": ("warning", 2),
        "interactions_without_ranking": ("info", 2),
        "clocks_in_the_future": ("warning", 2),
        "times_before_2000": ("warning", 1),
        "ends_before_starts": ("warning", 1),
        "items_never_started": ("info", 1),
        "items_never_ended": ("info", 1),
        "users_never_introduced": ("info", 1),
        "duplicates": ("info", 1),
        "identical_events": ("info", 1),
        "labelled_rankings": ("info", 1),
    }
    assert ran.result["ok"] is False
    assert ran.result["counts"]["rejected"] == 1
    assert "unknown ranking" not in ran.text
    assert "r77" in ran.text


def test_validate_reads_the_log_when_no_files_are_given(project: Callable[..., Path]) -> None:
    config = project()
    nothing = liverank("validate", "--config", config)
    assert (nothing.result["ok"], nothing.result["counts"]["events"]) == (True, {})
    assert not (config.parent / ".liverank").exists()
    liverank("ingest", config.parent / "events.jsonl", "--config", config)
    assert sum(liverank("validate", "--config", config).result["counts"]["events"].values()) == 7


def test_a_label_that_no_interaction_earns_is_an_error(project: Callable[..., Path]) -> None:
    for label in ('interaction = "buy"', 'interaction = "join"\nmin_value = 61'):
        config = project(f"[label]\n{label}\n")
        ran = liverank("validate", config.parent / "events.jsonl", "--config", config)
        assert findings(ran)["label_never_seen"] == ("error", 0)
        assert findings(ran)["labelled_rankings"] == ("warning", 0)
        assert not ran.result["ok"]


def test_a_declared_type_that_the_events_deny_is_an_error(project: Callable[..., Path]) -> None:
    config = project()
    liverank("ingest", config.parent / "events.jsonl", "--config", config)
    config = project(LABEL + '[items.fields]\nlanguage = "number"')
    assert findings(liverank("validate", "--config", config))["wrong_field_type"] == ("error", 1)
    ran = liverank("validate", config.parent / "events.jsonl", "--config", config)
    severity, count = findings(ran)["rejected_rows"]
    assert (severity, count >= 1) == ("error", True)
    assert (
        'Expected a number, got `"en"` - at `$.fields.language` (declared as "number")' in ran.text
    )


def test_a_malformed_source_is_an_error_before_any_file_is_read(
    project: Callable[..., Path],
) -> None:
    source = '[[sources]]\nfiles = "*"\nevents = [{ event = "usr" }]\n'
    config = project(LABEL + source)
    with pytest.raises(ConfigError, match=r"`sources\[0\].events\[0\].event` is 'usr'"):
        liverank("validate", "--config", config)


def test_ingest_tells_of_names_that_the_config_does_not_declare_and_refuses_them_if_strict(
    project: Callable[..., Path],
) -> None:
    odd = Interaction(time=NOON, type="jion", user="u1", item="room9", id="odd")
    named = LABEL + '[interactions]\njoin = ""\n'
    config = project(named, [*a_room(), odd])
    ran = liverank("ingest", config.parent / "events.jsonl", "--config", config)
    assert (ran.result["accepted"], ran.result["rejected"]) == (8, 0)
    (warning,) = ran.result["warnings"]
    assert warning in ran.text
    assert "`jion`" in warning
    assert "did you mean `join`" in warning
    strict = project(named + "[events]\nstrict = true\n", [*a_room(), odd])
    ran = liverank("ingest", strict.parent / "events.jsonl", "--config", strict)
    assert (ran.result["duplicates"], ran.result["rejected"]) == (7, 1)
    assert ran.result["reasons"][0]["where"].endswith("events.jsonl:8")
    assert "`jion` is not declared" in ran.result["reasons"][0]["reason"]


def test_where_the_config_is_strict_names_that_nobody_declared_are_errors_of_validate(
    project: Callable[..., Path],
) -> None:
    odd = Interaction(time=NOON, type="jion", user="u1", item="room9", id="odd")
    lost = Ranking(time=NOON, id="r9", user="u1", items=["room9"], surface="tib")
    named = LABEL + '[interactions]\njoin = ""\n[surfaces.tab]\n'
    for more, severity in (("", "warning"), ("[events]\nstrict = true\n", "error")):
        config = project(named + more, [*a_room(), odd, lost])
        ran = liverank("validate", config.parent / "events.jsonl", "--config", config)
        told = findings(ran)
        assert told["unknown_surfaces"] == (severity, 1)
        assert told["unknown_interactions"][0] == severity
        assert ran.result["ok"] is (severity == "warning")
    assert "did you mean `join`?" in ran.text
    assert "did you mean `tab`?" in ran.text


def test_validate_finds_words_of_the_config_that_no_event_has(
    project: Callable[..., Path],
) -> None:
    config = project(LABEL + '[presence]\nenter = "jion"\n[surfaces.tib]\n')
    ran = liverank("validate", config.parent / "events.jsonl", "--config", config)
    told = findings(ran)
    assert told["words_never_seen"] == ("warning", 2)
    assert told["unknown_surfaces"] == ("warning", 1)
    assert 'the nearest is "join"' in ran.text
    assert 'the nearest is "tab"' in ran.text
