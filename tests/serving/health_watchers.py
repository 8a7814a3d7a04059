"""What a real server's health says, by whichever of its workers is asked."""

import json
import time
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

SOON_S = 2.5
"""A second after the cause, and what the machine may take."""
_ASKED = 12
"""Connections that are opened, so that each worker is asked."""


def asked(server, timeout=20.0, path="/healthz", body=None):
    """The status and the answer of a route, from whichever worker a new connection comes to."""
    parts = urlsplit(server.url)
    connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    try:
        if body is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(body))
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def answer_of(server, timeout, path="/healthz", body=None):
    """What ``asked`` gives, or None where nobody answers."""
    try:
        return asked(server, timeout, path, body)
    except (OSError, HTTPException):
        return None


def told(server, key, words="", *, within_s=10.0, timeout=20.0):
    """What health says under a key, once every worker that answers says these words there.

    None of them may then think that all is well.
    """
    until = time.monotonic() + within_s
    while True:
        said = [answer for _ in range(_ASKED) if (answer := answer_of(server, timeout))]
        if said and all(words in (health[key] or "") and health[key] for _, health in said):
            assert all(status == 503 and not health["ok"] for status, health in said)
            return said[0][1][key]
        assert time.monotonic() < until, said
        time.sleep(0.05)


def is_well(server, *, within_s=SOON_S):
    """Wait until every worker says that all is well, and what they say."""
    until = time.monotonic() + within_s
    while True:
        said = [asked(server) for _ in range(_ASKED)]
        if all(status == 200 and health["ok"] for status, health in said):
            return said[0][1]
        assert time.monotonic() < until, said
        time.sleep(0.05)
