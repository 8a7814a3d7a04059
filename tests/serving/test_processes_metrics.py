"""What ``GET /metrics`` says: for all processes, whichever answers, and never less than before."""

import itertools
import os
import random
import re
import signal
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from rank_clients import clients
from rank_servers import CONFIG, a_bundle, act, room, running_server
from test_processes_overloaded import metrics_of, total
from test_served_equals_replayed import SPEC, promote
from trial_steps import append, shadow

from liverank.bundle import store

DOCS = Path(__file__).parents[2] / "docs" / "serving.md"
ROOMS = [f"r{number}" for number in range(20)]
KILLED = ("worker-0", "fold", "worker-1", "worker-0")


def a_request():
    return {"user": f"u{random.randrange(50)}", "items": ROOMS, "surface": "tab"}


def documented():
    """The metrics of the table in the docs: their labels by their names."""
    rows = re.findall(r"^\| `(liverank_\w+)` \|([^|]*)\|", DOCS.read_text(), re.M)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def families(server):
    return list(text_string_to_metric_families(server.text("/metrics").decode()))


def name_of(family):
    """As it is written down: counters end in _total."""
    return family.name + "_total" * (family.type == "counter")


def test_all_metrics_and_their_labels_are_documented_and_no_others(tmp_path):
    promote(tmp_path, SPEC)
    append(tmp_path, shadow(store.add(tmp_path / ".liverank", a_bundle(SPEC, seed=7))))
    with running_server(tmp_path, config=CONFIG + "[surfaces.tab]\n") as server:
        server.send_and_fold(*map(room, ROOMS), act("join", "u1", "r1"))
        server.rank(user="u1", surface="tab")
        told = families(server)
    assert documented().keys() == {name_of(family) for family in told}
    for family in told:
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels == documented()[name_of(family)], family.name
        assert family.documentation.endswith(".")


def test_counters_are_those_of_all_workers_and_never_fall_when_processes_are_killed(tmp_path):
    with running_server(tmp_path, config=CONFIG + "[surfaces.tab]\n") as server:
        server.send_and_fold(*map(room, ROOMS))
        is_counter = {name_of(family) for family in families(server) if family.type == "counter"}
        is_counter |= {"liverank_rank_seconds_bucket", "liverank_rank_seconds_count"}
        seen = [metrics_of(server)]
        with clients(server.url, a_request, count=8) as asking:
            for name in KILLED:
                asking.wait_for_more(30)
                os.kill(server.pids()[name], signal.SIGKILL)
                seen.extend(metrics_of(server) for _ in range(40))
                server.wait_for(lambda said: said["ok"] and len(said["pids"]) == 3)
        time.sleep(0.5)
        last = metrics_of(server)
        seen.append(last)
    fallen = [
        (key, one[key], other[key])
        for one, other in itertools.pairwise(seen)
        for key in one
        if key[0] in is_counter and other.get(key, -1) < one[key]
    ]
    assert fallen == []
    counted = total(last, "liverank_requests_total", route="rank", status="200")
    answered = len(asking.answered)
    assert answered <= counted <= answered + len(asking.broken)
    ranked = total(last, "liverank_rank_seconds_count", surface="tab")
    # a worker may be killed after a request was ranked, and before it is counted as answered
    workers_killed = sum(name.startswith("worker") for name in KILLED)
    assert counted <= ranked <= counted + workers_killed
    candidates = total(last, "liverank_candidates_total") / len(ROOMS)
    assert counted <= candidates <= counted + workers_killed
    logged = total(last, "liverank_rankings_logged_total")
    assert 0.5 * answered < logged <= ranked + workers_killed, (
        "all but those of each killed worker's last moment"
    )
    assert total(last, "liverank_events_total", outcome="accepted") == len(ROOMS) + 1
    assert total(last, "liverank_fold_seq") == total(last, "liverank_log_seq")
    assert total(last, "liverank_live_items") == len(ROOMS) + 1
    assert total(last, "liverank_healthy") == 1
