"""Rankings of long lists are by the model also while the log is folded as fast as can be."""

import threading
import time

import httpx
import msgspec
import pytest
from rank_servers import a_bundle, a_spec, act, room, running_server

from liverank.bundle import store

LIVE = 20_000
SENDERS, BATCH = 2, 1_000
SECONDS = 4.0


@pytest.mark.alone
def test_a_long_ranking_is_by_the_model_however_fast_the_log_grows(tmp_path):
    root = tmp_path / ".liverank"
    store.promote(root, store.add(root, a_bundle(a_spec())))
    with running_server(tmp_path, "--workers", "2") as server:
        rooms = [room(f"r{number}", host=f"h{number % 99}") for number in range(LIVE)]
        for start in range(0, LIVE, 5_000):
            server.send(*rooms[start : start + 5_000])
        server.send_and_fold(act("join", "u1", "r1"))
        until = time.monotonic() + SECONDS
        sent = []

        def send(number: int) -> None:
            with httpx.Client(base_url=server.url, timeout=30) as client:
                while time.monotonic() < until:
                    events = [
                        act("join", f"u{number}-{len(sent)}-{place}", f"r{place % LIVE}")
                        for place in range(BATCH)
                    ]
                    response = client.post("/v1/events", content=msgspec.json.encode(events))
                    assert response.status_code == 202, response.text
                    sent.append(BATCH)

        senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
        for sender in senders:
            sender.start()
        answers = []
        while time.monotonic() < until:
            answers.append(server.rank(user="u1", limit=3))
        for sender in senders:
            sender.join()
        seq = server.ask("/readyz")["seq"]
        server.wait_for(lambda health: health["ok"])
    assert [one["fallback_reason"] for one in answers if one["fallback"] is not None] == []
    assert seq > LIVE + sum(sent) / 2, "the fold goes on meanwhile"
