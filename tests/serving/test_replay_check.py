"""``liverank replay``, and what its check finds in logs of rankings that were served in process."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from rank_servers import CONFIG, SCHEMA, a_bundle, a_spec

from liverank.autopilot.monitoring.skew import skew_alarms
from liverank.bundle import store
from liverank.cli import main
from liverank.config import Serving, parse_config
from liverank.dataset.served import EARLIER, UNKNOWN, check_served
from liverank.events.event import Event, Interaction, Item, Ranking, User
from liverank.events.log import Log
from liverank.events.wire import decode_event, encode_event
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.ranking.ranking_log import ranking_event
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog

SETTINGS = parse_config(CONFIG)
SPEC = a_spec()
OTHER = a_spec(msgspec.structs.replace(SCHEMA, interactions=("join", "leave", "click")))
ROOMS = [f"r{number}" for number in range(8)]
START_MS = 1_795_428_000_000


def events_before(number: int) -> list[Event]:
    """What happens between two rankings."""
    at_ms = START_MS + 60_000 * number
    user, item = f"u{number % 3}", ROOMS[number % len(ROOMS)]
    return [
        User(time=at_ms, user=user, fields={"language": "en"}),
        Item(time=at_ms, item=item, state="started", fields={"host": "h1", "topics": ["t1"]}),
        Interaction(time=at_ms + 1, type="join", user=user, item=item),
    ]


def serve(site: Path, *specs: object, count: int = 10, limit: int = 5) -> list[str]:
    """Promote a bundle of each spec in turn, and log ``count`` rankings of it with vectors."""
    root, versions, number = site / ".liverank", [], 0
    site.mkdir(exist_ok=True)
    (site / "liverank.toml").write_text(CONFIG)
    with Log.open(root / "log") as log:
        for spec in specs:
            versions.append(store.add(root, a_bundle(spec)))
            store.promote(root, versions[-1])
            ranker = make_ranker(
                FallbackLevel(store.load(root, versions[-1]), None, None), spec.layout
            )
            folded = FoldedLog(spec.layout, SETTINGS)
            for _ in range(count):
                number += 1
                now_ms = START_MS + 60_000 * number
                log.append(events_before(number), arrived_ms=now_ms)
                while (piece := folded.read_slice(log, max_rows=100)) is not None:
                    folded.fold(piece)
                request = RankRequest(user="u1", items=ROOMS[: 3 + number % 6])
                view = View(folded.state, LivePublisher(folded.live).table, ranker, 1)
                served = rank(
                    view, Hashes(), request, request_id=f"q{number}", at_ms=now_ms, limit=limit
                )
                event = ranking_event(
                    request,
                    served,
                    request_id=f"q{number}",
                    at_ms=now_ms,
                    generation=log.generation(),
                    serving=Serving(log_vectors=1.0),
                )
                # what is logged between the cut and the ranking was not seen by it
                as_sent = Ranking(
                    **msgspec.structs.asdict(event) | {"scores": event.scores.tolist()}
                )
                log.append([*events_before(number + 1), as_sent], arrived_ms=now_ms)
    return versions


def rewrite(site: Path, seq: int, change: Callable[[Event], Event]) -> None:
    """Change an event behind the log's back."""
    with sqlite3.connect(site / ".liverank/log/log.sqlite") as database:
        body = database.execute("SELECT body FROM tail WHERE seq = ?", (seq,)).fetchone()[0]
        changed = encode_event(change(decode_event(body)))
        database.execute("UPDATE tail SET body = ? WHERE seq = ?", (changed, seq))
    database.close()


def replay(site: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict, str]:
    """The exit code, the JSON and what a person is told."""
    code = main(["replay", "--config", str(site / "liverank.toml"), "--json", *words])
    output = capsys.readouterr()
    return code, json.loads(output.out.splitlines()[-1]), output.err


@pytest.fixture
def site(tmp_path) -> Path:
    """Ten rankings that were served by one bundle; the first is event 7, each seven later."""
    serve(tmp_path / "site", SPEC)
    return tmp_path / "site"


def test_a_replay_tells_what_the_log_comes_to(site, capsys):
    code, told, said = replay(site, capsys)
    assert (code, told["ok"], told["events"], told["last_seq"]) == (0, True, 70, 70)
    assert told["rows"] > 0
    assert told["bytes"] > 0
    assert told["clamped"] == 0
    assert told["events_per_s"] > 0
    assert "70 events in" in said


def test_a_check_of_what_was_served_finds_no_difference(site, capsys):
    code, told, said = replay(site, capsys, "--check")
    assert (code, told["rankings"], told["mismatches"]) == (0, 10, 0)
    assert told["rows"] == sum(3 + number % 6 for number in range(1, 11))
    assert (told["events"], told["differences"], told["skipped"]) == (70, [], {})
    assert f"10 rankings, {told['rows']} rows, 0 mismatches" in said


def test_one_changed_bit_of_a_logged_vector_is_found_and_named(site, capsys):
    planted = {}

    def flip(ranking: Event) -> Event:
        assert isinstance(ranking, Ranking)
        rows = np.frombuffer(ranking.vectors, "<f4").reshape(len(ranking.scored), -1).copy()
        row, column = np.argwhere(rows > 0)[-1]
        planted.update(ranking=ranking.id, item=ranking.scored[row], feature=SPEC.names[column])
        planted.update(replayed=float(rows[row, column]))
        rows.view(np.uint32)[row, column] ^= 1
        planted.update(served=float(rows[row, column]))
        return msgspec.structs.replace(ranking, vectors=rows.tobytes())

    rewrite(site, 21, flip)
    code, told, said = replay(site, capsys, "--check")
    assert (code, told["ok"], told["mismatches"]) == (1, False, 1)
    assert told["differences"] == [planted]
    assert planted["served"] != planted["replayed"]
    assert f"ranking q3, item {planted['item']}, {planted['feature']}: served" in said


def test_one_changed_bit_is_an_alarm_of_skew_and_none_is_no_alarm(site):
    root = site / ".liverank"
    with Log.open(root / "log") as log:
        assert skew_alarms(log, SETTINGS, root, since_ms=0) == []

    def flip(ranking: Event) -> Event:
        changed = bytearray(ranking.vectors)
        changed[-1] ^= 0b1000
        return msgspec.structs.replace(ranking, vectors=bytes(changed))

    rewrite(site, 21, flip)
    with Log.open(root / "log") as log:
        (alarm,) = skew_alarms(log, SETTINGS, root, since_ms=START_MS)
        assert skew_alarms(log, SETTINGS, root, since_ms=START_MS + 4 * 60_000) == []
    assert (alarm.key, alarm.severity, alarm.stops_training) == ("skew", "critical", True)
    assert alarm.title.startswith("1 served feature values in 10 rankings differ from a replay: `")
    assert "ranking `q3`" in alarm.cause


def test_an_event_that_changed_is_found_in_the_rankings_after_it(site, capsys):
    rewrite(site, 31, lambda event: msgspec.structs.replace(event, type="leave"))
    code, told, said = replay(site, capsys, "--check")
    assert code == 1
    assert told["mismatches"] > len(told["differences"]) == 20
    rankings = {difference["ranking"] for difference in told["differences"]}
    assert rankings <= {f"q{number}" for number in range(5, 11)}, "earlier ones did not see it"
    assert any("join" in difference["feature"] for difference in told["differences"])
    assert f"... and {told['mismatches'] - 20:,} more" in said


def test_bundles_of_one_layout_are_checked_in_one_replay_and_others_in_their_own(tmp_path, capsys):
    fewer = SPEC.keep(set(SPEC.names[1::4]))
    serve(tmp_path / "alike", SPEC, fewer)
    serve(tmp_path / "unlike", SPEC, OTHER)
    for name, replays in [("alike", 1), ("unlike", 2)]:
        code, told, _ = replay(tmp_path / name, capsys, "--check")
        assert (code, told["rankings"], told["mismatches"], told["skipped"]) == (0, 20, 0, {})
        assert told["events"] == 140 * replays


def test_what_cannot_be_checked_is_counted_with_the_reason(tmp_path, capsys):
    site = tmp_path / "site"
    gone, kept = serve(site, OTHER, SPEC)
    shutil.rmtree(site / ".liverank/bundles" / gone)
    rewrite(
        site,
        140,
        lambda event: msgspec.structs.replace(event, vectors=bytes(4 * len(event.scored))),
    )
    code, told, said = replay(site, capsys, "--check")
    assert (code, told["rankings"], told["mismatches"]) == (0, 9, 0)
    assert sorted(told["skipped"].values()) == [1, 10]
    reasons = sorted(told["skipped"])
    assert f"no bundle `{gone}`; there are: {kept}" in reasons[0]
    assert reasons[1] == f"vectors of 1 features; bundle {kept} reads {len(SPEC.names)}"
    assert "10 rankings skipped: " in said


def test_a_ranking_without_a_bundle_is_skipped_whatever_its_model_names(site, capsys):
    for seq, model in ((7, "popular"), (14, None)):
        rewrite(site, seq, lambda event, model=model: msgspec.structs.replace(event, model=model))
    code, told, _ = replay(site, capsys, "--check")
    assert (code, told["rankings"]) == (0, 8)
    assert told["skipped"] == {
        "no bundle ranked them: `model` names a fallback or a policy, or is missing": 2
    }


def test_rankings_that_do_not_say_their_generation_are_compared_until_events_are_taken(
    site, capsys
):
    rewrite(site, 14, lambda event: msgspec.structs.replace(event, generation=None))
    assert replay(site, capsys, "--check")[1]["rankings"] == 10
    with Log.open(site / ".liverank/log") as log:
        log.erase("nobody", at_ms=START_MS)
    assert replay(site, capsys, "--check")[1]["rankings"] == 10
    with Log.open(site / ".liverank/log") as log:
        log.erase("u2", at_ms=START_MS)
    code, told, said = replay(site, capsys, "--check")
    assert (code, told["rankings"], told["mismatches"]) == (0, 0, 0)
    assert told["skipped"] == {EARLIER: 9, UNKNOWN: 1}
    assert "9 rankings skipped: made before events were taken from the log" in said
    assert "serving.log_vectors" not in said
    sampled = replay(site, capsys, "--check", "--sample", "3")[1]
    assert sampled["skipped"] == told["skipped"], "a sample is drawn of what can be compared"


def test_a_log_that_changes_while_it_is_checked_is_no_reason_to_cry(site, capsys, monkeypatch):
    def erase_meanwhile(*arguments: object, **named: object) -> object:
        with Log.open(site / ".liverank/log") as log:
            log.erase("u2", at_ms=START_MS)
        return check_served(*arguments, **named)

    monkeypatch.setattr("liverank.autopilot.monitoring.served.check_served", erase_meanwhile)
    code, told, said = replay(site, capsys, "--check")
    assert (code, told["ok"]) == (1, False)
    assert "events were removed from the log while it was checked" in said


def test_a_check_can_be_limited_to_later_rankings_and_to_a_sample(site, capsys):
    since = str(START_MS + 60_000 * 7)
    assert replay(site, capsys, "--check", "--since", since)[1]["rankings"] == 4
    assert replay(site, capsys, "--check", "--since", "2027-01-01")[1]["rankings"] == 0
    some = [replay(site, capsys, "--check", "--sample", "6")[1] for _ in range(2)]
    assert some[0]["rankings"] == some[1]["rankings"] == 6
    assert some[0]["rows"] == some[1]["rows"]
    assert replay(site, capsys, "--check", "--sample", "60")[1]["rankings"] == 10


def test_a_log_without_vectors_has_nothing_to_check_and_says_how_to_get_some(tmp_path, capsys):
    (tmp_path / "liverank.toml").write_text(CONFIG)
    with Log.open(tmp_path / ".liverank/log") as log:
        log.append(events_before(1), arrived_ms=START_MS)
    code, told, said = replay(tmp_path, capsys, "--check")
    assert (code, told["rankings"], told["events"]) == (0, 0, 0)
    assert "serving.log_vectors" in said


def test_an_empty_log_is_an_error_that_says_what_fills_it(tmp_path, capsys):
    (tmp_path / "liverank.toml").write_text(CONFIG)
    for words in ([], ["--check"]):
        code, told, said = replay(tmp_path, capsys, *words)
        assert (code, told["ok"]) == (1, False)
        assert "the log is empty" in said


@pytest.mark.parametrize(
    "words", [["--sample", "0"], ["--sample", "x"], ["--since", "soon"], ["--sample", "5"]]
)
def test_options_that_make_no_sense_are_refused(site, capsys, words):
    check = ["--check"] if words[1] != "5" else []
    with pytest.raises(SystemExit, match="2"):
        replay(site, capsys, *check, *words)
    assert "replay: error: " in capsys.readouterr().err
