"""A world behind a real server in simulated time: lockstep, the same log twice, clear refusals."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import msgspec
import numpy as np
import polars as pl
import pytest

from liverank.errors import SimulatorError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.log import Log
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Visits
from liverank.simulator.server.connection import WINDOW
from liverank.simulator.server.drive import drive
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.project import make_project, proposed_config
from liverank.simulator.server.served_policy import ServedPolicy
from liverank.simulator.world.world import DAY_MS, build_world

STEP_MS = 1_800_000
NOON = 1_600_000_000_000


def lived(folder, *, most_bytes=8_000_000):
    """A day of 80 people behind a real server: the log, the life, and the policy."""
    life = Life(build_world(5, people=80, days=1), seed=2, step_ms=STEP_MS)
    make_project(folder)
    with (
        simulated_server(folder) as address,
        ServedPolicy(address, most_bytes=most_bytes) as policy,
    ):
        policy.observe(life.introduction())
        drive(life, policy)
    assert "SIMULATED TIME" in (folder / "server.log").read_text()
    with Log.open(folder / ".liverank" / "log") as log:
        return pl.concat(list(log.read())), life, policy


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    return lived(tmp_path_factory.mktemp("once") / "project")


def test_two_servers_that_are_asked_the_same_keep_the_same_log(once, tmp_path) -> None:
    first, _, _ = once
    # bodies that are split elsewhere would be other requests: the same ones are what is promised
    second, _, _ = lived(tmp_path / "project")
    assert first.equals(second, null_equal=True)
    assert first["event"].value_counts().height >= 5


def test_every_list_is_logged_at_the_moment_of_its_visit_and_arrives_in_simulated_time(once):
    log, life, policy = once
    rankings = log.filter(pl.col("event") == "ranking")
    visits = int(life.tally.visits.sum())
    assert rankings.height == visits == sum(policy.answered.values()) > 50
    assert rankings["id"].to_list() == [f"rq{number}" for number in range(visits)]
    since_start = rankings["time"] - life.world.start_ms
    assert (since_start % STEP_MS == 0).all()
    assert (rankings["arrived"] == rankings["time"]).all()
    assert (log["arrived"] >= log["time"]).all()
    assert log["arrived"].is_sorted()
    assert log["seq"].to_list() == list(range(1, log.height + 1))


def test_no_event_of_an_earlier_time_comes_after_a_list(once) -> None:
    """So a list knows all that had happened, and nothing of what had not."""
    log, _, _ = once
    newest_list = -1
    for event, time in log.select("event", "time").iter_rows():
        if event == "ranking":
            newest_list = max(newest_list, time)
        assert time >= newest_list


def test_all_that_people_did_is_in_the_log(once) -> None:
    log, life, _ = once
    counts = dict(log["type"].drop_nulls().value_counts().iter_rows())
    for name, truth in (
        ("impression", life.tally.impressions),
        ("click", life.tally.clicks),
        ("join", life.tally.joins),
    ):
        assert counts[name] == truth.sum(), name


class Answering(BaseHTTPRequestHandler):
    """Answers as a server does that lost rankings."""

    protocol_version = "HTTP/1.1"
    is_simulated = True

    def do_GET(self, status=200, body=b'{"rankings_lost":3}'):
        self.send_response(status)
        if self.is_simulated:
            self.send_header("liverank-simulated", "true")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.do_GET(202, b'{"accepted":0,"duplicates":0,"rejected":[]}')

    def log_message(self, *_):
        """Say nothing."""


class InRealTime(Answering):
    """The same without the header that says that time is simulated."""

    is_simulated = False


@contextmanager
def answering(handler):
    """The address of a server of one connection."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        thread.join()


def test_a_server_in_real_time_is_refused() -> None:
    with (
        answering(InRealTime) as url,
        pytest.raises(SimulatorError, match="does not say that its time is simulated"),
    ):
        ServedPolicy(url)


def test_a_server_that_lost_rankings_is_no_run() -> None:
    """The policy settles where its block ends, and says so then."""
    with (
        answering(Answering) as url,
        pytest.raises(SimulatorError, match="could not log 3 of its rankings"),
        ServedPolicy(url),
    ):
        pass


def test_nobody_at_an_address_is_told() -> None:
    with pytest.raises(SimulatorError, match=r"127\.0\.0\.1:9: no server answers"):
        ServedPolicy("http://127.0.0.1:9")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("refusals") / "project"
    make_project(folder)
    with simulated_server(folder) as found:
        yield found


def visits_of(at_ms, count):
    """Visits at a time, of people whose ids need escapes in JSON."""
    users = tuple(f'u "{number}"' for number in range(count))
    rankings = tuple(f"rq{number}" for number in range(count))
    return Visits(at_ms, np.arange(count), users, rankings, np.arange(0))


def test_lists_come_in_the_order_of_their_visits_however_many_there_are(address) -> None:
    rooms = [Item(time=NOON + 1_000, item=f"r{number}", state="started") for number in range(4)]
    with ServedPolicy(address, shown=3) as policy:
        policy.observe(rooms)
        policy.observe([Ranking(time=NOON + 1_000, id="not-ours", user="u1", items=["r1"])])
        visits = visits_of(NOON + 5_000, 3 * WINDOW + 1)  # more than may be in flight
        lists = policy.rank(visits)
        assert len(lists) == len(policy.last) == len(visits)
        assert all(len(one) == len(set(one)) == 3 for one in lists)
        assert policy.fallbacks == len(lists)
        # the same ids give the same order: answers belong to their requests
        assert policy.rank(visits) == lists


def test_an_event_that_the_server_refuses_is_named(address) -> None:
    good = Interaction(time=NOON + 6_000, type="join", user="u1", item="r1")
    bad = Item(time=1_000, item="r9", state="started")
    with ServedPolicy(address) as policy:
        policy.observe([good, bad])
        with pytest.raises(SimulatorError, match=r'1 of 2 events were refused.*"r9".*1990'):
            policy.settle()
        again = msgspec.structs.replace(good, time=NOON + 6_002, id="once")
        policy.observe([again])
        policy.settle()
        policy.observe([again])
        with pytest.raises(SimulatorError, match="were in the log already"):
            policy.settle()


def test_events_are_sent_in_pieces_that_the_server_takes(address) -> None:
    many = [Item(time=NOON + 7_000 + n, item=f"p{n}", state="started") for n in range(50)]
    with ServedPolicy(address, shown=100, most_bytes=300) as policy:
        policy.observe(many)
        (listed,) = policy.rank(visits_of(NOON + 8_000, 1))
        assert {f"p{n}" for n in range(50)} <= set(listed)


def test_a_folder_in_use_makes_no_project(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(SimulatorError, match="is not empty"):
        make_project(tmp_path)


def test_the_proposed_config_names_only_what_events_say(tmp_path: Path) -> None:
    text = make_project(tmp_path / "new", more='\n[training]\nbudget = "5s"\n').read_text()
    assert text.startswith(proposed_config())
    assert 'interaction = "join"' in text
    assert "[surfaces.live_tab]" in text
    assert 'budget = "5s"' in text


def test_a_drive_ends_where_it_is_told_and_goes_on_to_the_end() -> None:
    class Nothing:
        observed = 0

        def rank(self, visits):
            return [[] for _ in visits.users]

        def observe(self, events):
            self.observed += len(events)

    life = Life(build_world(5, people=30, days=1), seed=2, step_ms=STEP_MS)
    policy = Nothing()
    half_ms = life.world.start_ms + DAY_MS // 2
    steps: list[int] = []
    first = drive(life, policy, until_ms=half_ms, on_step=lambda at_ms, _: steps.append(at_ms))
    assert life.at_ms == half_ms == steps[-1]
    assert len(steps) == 24
    second = drive(life, policy)
    assert life.is_over
    assert first + second == life.tally.visits.sum()
