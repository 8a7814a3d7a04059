"""Health of a real server whose log cannot be read or folded again: told, and over by itself."""

import os
import resource
import signal
import time
from contextlib import ExitStack, contextmanager

import pytest
from health_watchers import is_well, told
from rank_clients import fds_of
from rank_servers import CONFIG, a_bundle, a_spec, act, now_ms, room, running_server
from test_processes_swapped import OTHER_LAYOUT, until_all_rank_by

from liverank.bundle import store
from liverank.events.event import Interaction, Item
from liverank.events.frame import frame_of
from liverank.events.log import Log

QUIET = CONFIG + '[serving]\nmax_lag = "60s"\nsnapshot_every = "never"\n'


def bring_in(site, name):
    """Import a room and who joined it, and give the segment that holds them."""
    segments = site / ".liverank/log/segments"
    before = set(segments.glob("*.parquet"))
    events = [
        Item(time=now_ms(), item=name, state="started"),
        Interaction(time=now_ms(), type="join", user=f"fan of {name}", item=name, id=name),
    ]
    with Log.open(site / ".liverank/log") as log:
        log.import_frame(frame_of(events), arrived_ms=now_ms())
    (segment,) = set(segments.glob("*.parquet")) - before
    return segment


@contextmanager
def damaged(file):
    sound = file.read_bytes()
    content = bytearray(sound)
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    try:
        yield
    finally:
        file.write_bytes(sound)


@contextmanager
def gone(file):
    aside = file.with_name(f"{file.name}.aside")
    file.rename(aside)
    try:
        yield
    finally:
        aside.rename(file)


@contextmanager
def stopped(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextmanager
def no_more_files(pid):
    """The process can open none beyond those that it has."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (fds_of(pid), hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("log")
    root = directory / ".liverank"
    store.promote(root, store.add(root, a_bundle(a_spec())))
    return directory


@pytest.fixture(scope="module")
def segment(site):
    return bring_in(site, "first")


@pytest.fixture(scope="module")
def server(site, segment):
    with running_server(site, config=QUIET) as server:
        yield server


@pytest.mark.parametrize("spoiled", [damaged, gone])
def test_a_log_that_cannot_be_read_is_told_and_followed_once_it_can(server, site, spoiled):
    name = f"{spoiled.__name__} room"
    with ExitStack() as spoiling:
        with stopped(server.pids()["fold"]):
            file = bring_in(site, name)
            spoiling.enter_context(spoiled(file))
        said = told(server, "log", "this part of the log is damaged")
        assert file.name in said
        assert name not in server.ranked_ids(user="u1")
        assert "first" in server.ranked_ids(user="u1"), "what was folded goes on"
        assert server.send(room("later")).status_code == 202
    is_well(server)
    assert name in server.ranked_ids(user="u1")


def test_a_bundle_for_which_the_log_cannot_be_folded_is_told_and_served_once_it_can(
    server, site, segment
):
    root = site / ".liverank"
    old, new = store.current(root), store.add(root, a_bundle(OTHER_LAYOUT))
    with gone(segment):
        store.promote(root, new)
        said = told(server, "bundle", f"bundle {new} is not served: the log cannot be folded")
        assert segment.name in said
        assert server.rank(user="u1")["model"] == old
    is_well(server)
    until_all_rank_by(server, new)
    with gone(segment):
        store.promote(root, old)
        told(server, "bundle", f"bundle {old} is not served")
        assert store.roll_back(root) == new
        is_well(server)
    store.promote(root, old)
    until_all_rank_by(server, old)


def erase(site, user):
    with Log.open(site / ".liverank/log") as log:
        return log.erase(user, at_ms=now_ms())


def test_users_who_cannot_be_forgotten_for_want_of_files_are_told_until_they_are(server, site):
    server.send_and_fold(act("join", "u2", "first"))
    fold = server.pids()["fold"]
    with no_more_files(fold):
        assert erase(site, "u2").rows == 1
        assert "open files" in told(server, "log", "rankings still use events removed from the log")
        assert server.rank(user="u1")["items"]
    assert is_well(server)["pids"]["fold"] == fold, "it went on"


@pytest.mark.parametrize("spoiled", [damaged, gone])
def test_users_who_cannot_be_forgotten_since_a_segment_is_damaged_are_told_until_they_are(
    server, site, spoiled
):
    segments = site / ".liverank/log/segments"
    name = f"{spoiled.__name__} again"
    bring_in(site, name)
    server.send_and_fold()
    with ExitStack() as spoiling:
        with stopped(server.pids()["fold"]):
            before = set(segments.glob("*.parquet"))
            assert erase(site, f"fan of {name}").rows == 1
            (rewritten,) = set(segments.glob("*.parquet")) - before
            spoiling.enter_context(spoiled(rewritten))
        said = told(server, "log", "rankings still use events removed from the log")
        assert rewritten.name in said
        assert server.rank(user="u1")["items"]
    is_well(server)


def test_a_folding_process_that_cannot_start_is_told_with_the_reason_until_it_can(server, segment):
    with gone(segment):
        os.kill(server.pids()["fold"], signal.SIGKILL)
        said = told(server, "processes", segment.name)
        assert "the process that folds the log ended and is being replaced" in said
        assert server.rank(user="u1")["items"]
        assert server.send(room("meanwhile")).status_code == 202
    is_well(server)
    assert "meanwhile" in server.ranked_ids(user="u1")


def test_events_that_are_refused_since_a_segment_is_gone_are_told_until_it_is_back(server, segment):
    repeated = act("join", "fan of first", "first", id="first")
    with gone(segment):
        refused = server.send(repeated)
        assert (refused.status_code, refused.json()["error"]["where"]) == (500, "log")
        assert segment.name in refused.text
        assert "a part of the log fails its checks" in told(server, "log")
        until = time.monotonic() + 1.2
        while time.monotonic() < until:  # it is tried again four times a second
            told(server, "log", "events are refused", within_s=0)
        assert server.rank(user="u1")["items"]
    is_well(server)
    assert server.send(repeated).json()["duplicates"] == 1
