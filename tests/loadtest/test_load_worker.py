"""One load process against servers that misbehave: what it counts, and from when."""

import asyncio
import socket
import time

import numpy as np
import pytest
import uvloop
from load_plans import plan
from odd_servers import answer, odd_server

from liverank.loadtest.arrivals import Arrivals
from liverank.loadtest.histogram import sum_of
from liverank.loadtest.worker import run_plan


def load(port, *, stop_after_s=None, **changes):
    """Run a plan in this process; its result, and when it started."""
    chosen = plan(port=port, **changes)

    async def work():
        stopped = asyncio.Event()
        if stop_after_s is not None:
            asyncio.get_running_loop().call_later(stop_after_s, stopped.set)
        start_ns = time.monotonic_ns() + 20_000_000
        return await run_plan(chosen, start_ns, stopped), start_ns

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def due_times(start_ns, rate, duration_s):
    arrivals = Arrivals(
        rate, start_ns=start_ns, end_ns=start_ns + int(duration_s * 1e9), seed=(1, 0, 10)
    )
    found = []
    while arrivals.next_ns is not None:
        found.append(arrivals.next_ns)
        arrivals.advance()
    return np.array(found)


def latencies_us(tallied):
    return np.repeat(*np.array(sum_of([tallied.latency]).filled()).T)


def test_a_stall_delays_every_request_that_was_due_in_it_though_few_connections_were_open():
    stalls = []

    def behave(number, transport):
        if number == 100:
            stalls.append(server.stall(0.2))
        return True

    with odd_server(behave) as server:
        result, start_ns = load(server.port, rate=400.0, duration_s=1.0, connections=2)
    ((began_ns, ended_ns),) = stalls
    due = due_times(start_ns, 400.0, 1.0)
    in_stall = due[(due >= began_ns) & (due < ended_ns)]
    least_us = np.sort((ended_ns - in_stall) // 1000)[::-1]
    found_us = np.sort(latencies_us(result.rank))[::-1]

    assert result.rank.sent == result.rank.answered == len(due)
    assert len(in_stall) > 50, "the stall was under load"
    assert (found_us[: len(in_stall)] >= least_us).all()
    assert (found_us > 100_000).sum() >= (least_us > 100_000).sum() > 10 * 2


def test_all_that_was_due_is_sent_once_and_answers_are_checked():
    with odd_server() as server:
        result, start_ns = load(server.port, rate=300.0)
    rank = result.rank
    assert rank.sent == rank.answered == rank.checked == server.requests
    assert rank.sent == len(due_times(start_ns, 300.0, 1.0))
    assert (rank.statuses, rank.errors, rank.fallbacks) == ({"200": rank.sent}, {}, {})
    assert rank.wrong == []
    assert server.connections == rank.opened <= 4
    assert result.cpu_s > 0


def test_no_more_connections_are_opened_than_allowed_and_they_are_kept():
    def behave(number, transport):
        time.sleep(0.005)  # slower than requests come in
        return True

    with odd_server(behave) as server:
        result, _ = load(server.port, rate=300.0, duration_s=0.5, connections=3)
    assert server.connections == server.most_open == 3
    assert result.rank.answered == result.rank.sent


def test_a_connection_that_closes_before_an_answer_is_replaced_and_the_request_sent_again():
    def behave(number, transport):
        if number % 10 == 3:
            transport.abort() if number % 20 == 3 else transport.close()
            return False
        return True

    with odd_server(behave) as server:
        result, _ = load(server.port, rate=200.0)
    rank = result.rank
    assert server.most_open <= 4
    assert rank.retried > 10
    assert server.requests == rank.sent + rank.retried
    # a request that is the unlucky one a second time is given up
    assert rank.answered + rank.errors.get("connection closed", 0) == rank.sent
    assert rank.errors.get("connection closed", 0) < rank.retried / 2


def test_a_request_is_sent_again_only_once():
    def behave(number, transport):
        transport.abort()
        return False

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.3)
    rank = result.rank
    assert rank.errors == {"connection closed": rank.sent}
    assert rank.retried == rank.sent
    assert server.requests == 2 * rank.sent


def test_an_answer_that_breaks_off_is_an_error_and_is_not_sent_again():
    def behave(number, transport):
        if number == 5:
            transport.write(answer()[:-3])
            transport.close()
            return False
        return True

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.5)
    assert result.rank.errors == {"answer broke off": 1}
    assert result.rank.retried == 0
    assert server.requests == result.rank.sent == result.rank.answered + 1


def test_answers_in_pieces_are_put_together():
    def behave(number, transport):
        whole = answer()
        for place in range(0, len(whole), 7):
            transport.write(whole[place : place + 7])
        return False

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.3, rate=100.0)
    assert result.rank.answered == result.rank.sent == result.rank.checked
    assert result.rank.errors == {}


def test_a_connection_that_the_server_says_it_closes_is_not_used_again():
    def behave(number, transport):
        transport.write(answer(headers="Connection: close\r\n"))
        transport.close()
        return False

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.5)
    assert server.connections == result.rank.sent == result.rank.answered
    assert result.rank.retried == 0


def test_statuses_rungs_and_wrong_answers_are_told_apart():
    def behave(number, transport):
        if number == 1:
            transport.write(answer(b"{}", status="503 Service Unavailable"))
        elif number == 2:
            body = b'{"items":[],"fallback":"popular","dropped":{"ended":5}}'
            transport.write(answer(body))
        elif number == 3:
            transport.write(answer(b'{"items":[],"fallback":null,"dropped":{}}'))
        return number not in (1, 2, 3)

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.5)
    rank = result.rank
    assert rank.statuses == {"200": rank.sent - 1, "503": 1}
    assert rank.errors == {"status 503": 1, "wrong answer": 1}
    assert rank.fallbacks == {"popular": 1}
    assert rank.wrong == ["0 items, where 3 were to be ranked"]
    assert sum_of([rank.latency]).count == rank.sent - 1


@pytest.mark.alone
def test_what_is_never_answered_times_out_and_counts_with_the_time_it_waited():
    with odd_server(lambda number, transport: number != 0) as server:
        result, _ = load(server.port, rate=50.0, duration_s=0.5, timeout_s=0.6)
    assert result.rank.errors == {"timeout": 1}
    assert result.rank.answered == result.rank.sent - 1
    assert 600_000 <= result.rank.latency.max_us < 1_500_000


def test_where_nobody_listens_every_request_is_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    result, start_ns = load(port, duration_s=0.3)
    assert result.rank.errors == {"connection refused": result.rank.sent}
    assert result.rank.sent == len(due_times(start_ns, 200.0, 0.3))


def test_a_closed_loop_keeps_every_connection_busy():
    with odd_server() as server:
        result, _ = load(server.port, rate=None, duration_s=0.5, connections=3)
    assert server.connections == 3
    assert result.rank.sent == result.rank.answered == server.requests > 300
    assert result.rank.late.buckets == {}


def test_a_stop_ends_it_early_with_what_it_has():
    began = time.monotonic()
    with odd_server() as server:
        result, _ = load(server.port, duration_s=30.0, stop_after_s=0.5)
    assert time.monotonic() - began < 5
    assert 0.3 < result.seconds < 3
    assert result.rank.answered == result.rank.sent > 20


def test_events_go_out_in_batches_and_refused_ones_are_an_error():
    def behave(number, transport):
        rejected = b'[{"index":0,"reason":"no"}]' if number == 2 else b"[]"
        body = b'{"accepted":20,"duplicates":0,"rejected":' + rejected + b"}"
        transport.write(answer(body, status="202 Accepted"))
        return False

    with odd_server(behave) as server:
        result, _ = load(server.port, rate=0.001, duration_s=1.0, events_rate=1000.0)
    events = result.events
    assert 20 < events.sent < 100  # 50 batches
    assert events.statuses == {"202": events.sent}
    assert events.errors == {"rejected": 1}
    assert events.wrong[0].startswith('{"accepted"')


@pytest.mark.parametrize("chunk", [b"HTTP/1.1 200 OK\r\n\r\n", b"nonsense\r\n\r\n"])
def test_what_is_no_answer_breaks_the_connection_and_nothing_else(chunk):
    def behave(number, transport):
        if number == 0:
            transport.write(chunk)
            return False
        return True

    with odd_server(behave) as server:
        result, _ = load(server.port, duration_s=0.3)
    assert result.rank.errors == {"answer broke off": 1}
    assert result.rank.answered == result.rank.sent - 1
