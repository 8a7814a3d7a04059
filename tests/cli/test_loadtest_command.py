"""What ``liverank loadtest`` refuses before it sends anything, and how it shows latencies."""

import io
import json
import socket

import pytest
from rich.console import Console

from liverank.cli import main
from liverank.cli.commands.loadtest.tables import latency_bars, show_load
from liverank.loadtest.histogram import Histogram
from liverank.loadtest.plan import Tallied, WorkerResult
from liverank.loadtest.report import Run, report_on


def run(capsys, *words):
    code = main(["loadtest", *words, "--json"])
    heard = capsys.readouterr()
    return code, json.loads(heard.out.splitlines()[-1])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("https://h",), "expected the address of a server, such as http://localhost:8080"),
        (("localhost:8080",), "expected the address of a server"),
        (("http://h:99999",), "expected the address of a server"),
        (("http://h/v1/rank",), "expected the address of a server"),
        (("http://h", "--duration", "61m"), "expected at most 1h"),
        (("http://h", "--duration", "long"), '--duration "long"; expected a duration'),
        (("http://h", "--timeout", "61s"), "expected at most 60s"),
        (("http://h", "--objective", "p98<1"), "no figure 'p98'"),
        (("http://h", "--connections", "1"), "at least one for each of the 2 --workers"),
        (("http://h", "--events-rate", "-1"), "expected 0 or more"),
        (("http://h", "--events-rate", "nan"), "expected 0 or more"),
        (("http://h", "--event-types", " , "), "expected at least one type"),
        (("http://h", "--users", "/no/such"), "/no/such: cannot be read"),
        (("http://h", "--body", "/no/such"), "/no/such: cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(capsys, words, told):
    code, result = run(capsys, *words)
    assert (code, result["ok"]) == (1, False)
    assert told in result["error"]


@pytest.mark.parametrize("words", [("--rate", "0"), ("--rate", "fast"), ("--limit", "0")])
def test_a_rate_or_a_number_that_is_none_is_bad_usage(words):
    with pytest.raises(SystemExit) as ended:
        main(["loadtest", "http://h", *words])
    assert ended.value.code == 2


def test_a_server_that_is_not_there_is_told(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, result = run(capsys, f"http://127.0.0.1:{port}")
    assert code == 1
    assert f"127.0.0.1:{port}: no answer to GET /v1/items" in result["error"]


def a_report(*, late_us=10, cpu_s=None, objectives=()):
    latencies, late = Histogram(), Histogram()
    for value_us in (900, 1100, 40_000):
        latencies.record(value_us)
        late.record(late_us)
    rank = Tallied(
        sent=3,
        answered=3,
        in_time=2,
        statuses={"200": 3},
        latency=latencies.to_counts(),
        late=late.to_counts(),
    )
    result = WorkerResult(rank=rank, events=Tallied(), seconds=1.0, cpu_s=0.0003)
    run = Run(
        url="http://h:1",
        rate=3.0,
        connections=2,
        candidates=5,
        live_items=9,
        objectives=objectives,
        has_events=False,
        server_cpu_s=cpu_s,
        lag=None,
        unseen=0,
        unended="",
        stopped=False,
    )
    return report_on(run, [result]), latencies


def shown(report, latencies):
    console = Console(width=100, file=io.StringIO())
    show_load(report, latencies, console, is_plotted=True)
    return console.file.getvalue()


def test_a_generator_that_was_late_is_told_first_of_all():
    report, latencies = a_report(late_us=1500)
    assert not report.generator.kept_up
    assert report.notes[0].startswith("The generator did not keep up: at p99")
    assert "The generator did not keep up" in shown(report, latencies)
    assert a_report(late_us=900)[0].generator.kept_up


def test_processor_time_is_shared_by_the_answers_and_unknown_where_the_server_does_not_tell():
    assert a_report(cpu_s=0.0006)[0].server_cpu_us == 200
    report, latencies = a_report()
    assert report.server_cpu_us is None
    assert "GET /metrics has no liverank_process_cpu_seconds_total" in " ".join(report.notes)
    assert "server unknown" in shown(report, latencies)
    assert report.generator.cpu_us == 100


def test_a_rate_counts_what_was_answered_while_requests_were_sent():
    report, _ = a_report()
    assert (report.rank.answered, report.rank.per_second) == (3, 2.0)


def test_bars_show_each_latency_once():
    _, latencies = a_report()
    lines = latency_bars(latencies)
    assert sum(float(line.split("ms")[1].split("%")[0]) for line in lines) == pytest.approx(
        100, abs=0.1
    )
    assert len(lines) == 10  # from 0.63 ms to 63 ms, five to a factor of ten
