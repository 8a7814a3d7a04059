"""What a server tells of itself."""

import pytest

from liverank.errors import LoadTestError
from liverank.loadtest.target import Address, cpu_seconds, parse_address

METRICS = """\
# HELP liverank_process_cpu_seconds_total Processor time of a process
# TYPE liverank_process_cpu_seconds_total counter
liverank_process_cpu_seconds_total{process="worker-0"} 12.5
liverank_process_cpu_seconds_total{process="worker-1"} 1.25e+01
liverank_process_cpu_seconds_total{process="fold"} 0.25 1795906445769
liverank_process_cpu_seconds_total_else{process="fold"} 100
other_total 7
"""


def test_processor_time_is_summed_over_all_processes():
    assert cpu_seconds(METRICS) == 25.25
    assert cpu_seconds("liverank_process_cpu_seconds_total 3\n") == 3


def test_processor_time_that_is_not_told_is_unknown():
    assert cpu_seconds("other_total 7\n") is None


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://localhost:8080", Address("localhost", 8080)),
        ("http://[::1]:81/", Address("::1", 81)),
        ("http://example.com", Address("example.com", 80)),
    ],
)
def test_an_address_is_host_and_port(url, address):
    assert parse_address(url) == address


def test_what_is_no_address_is_refused():
    for url in ("", "8080", "ftp://h", "http://", "http://h/?a=1", "http://h:port", "http://[h"):
        with pytest.raises(LoadTestError, match="expected the address of a server"):
            parse_address(url)
