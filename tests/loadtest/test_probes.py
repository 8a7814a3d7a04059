"""Fold lag of a server that is known to fold late."""

import json
import time

from liverank.errors import LoadTestError
from liverank.loadtest.probes import probes_of

NOW_MS = 1_795_906_445_769


class LateFolder:
    """Takes events at once, and knows of ends only so long after it acknowledged them."""

    def __init__(self, lag_s):
        self.lag_s = lag_s
        self.known_from = {}
        self.live = set()
        self.refuses = False

    def send_events(self, *events):
        if self.refuses:
            raise LoadTestError("gone")
        for event in events:
            assert event["time"] == NOW_MS
            if event["state"] == "started":
                self.live.add(event["item"])
            else:
                self.live.remove(event["item"])
                self.known_from[event["item"]] = time.monotonic() + self.lag_s

    def ask(self, method, path, body):
        assert (method, path) == ("POST", "/v1/rank")
        request = json.loads(body)
        known = [i for i in request["items"] if self.known_from.get(i, 1e18) <= time.monotonic()]
        dropped = {"ended": len(known)} if known else {}
        return 200, json.dumps({"items": [], "dropped": dropped}).encode()


def probes_at(server):
    return probes_of(server, "run", surface="default", now_ms=lambda: NOW_MS)


def test_the_lag_is_the_time_until_a_ranking_knows_the_end():
    server = LateFolder(0.05)
    with probes_at(server) as probes:
        for _ in range(5):
            probes.probe()
    assert (probes.lag.count, probes.unseen) == (5, 0)
    assert probes.lag.quantile_us(0) >= 49_000
    assert probes.lag.quantile_us(0.5) < 200_000


def test_every_probe_is_ended_at_last_and_named_as_one():
    server = LateFolder(0)
    with probes_at(server) as probes:
        probes.probe()
        assert server.live == {"loadtest-probe-run-1", "loadtest-probe-run-2"}
    assert server.live == set()
    assert probes.unended == ""


def test_probes_that_cannot_be_ended_are_named_and_an_end_that_is_refused_is_unseen():
    server = LateFolder(0)
    with probes_at(server) as probes:
        server.refuses = True
        probes.probe()
    assert (probes.lag.count, probes.unseen) == (0, 1)
    assert probes.unended == "loadtest-probe-run-0, loadtest-probe-run-1"
    assert server.live == {"loadtest-probe-run-0", "loadtest-probe-run-1"}
