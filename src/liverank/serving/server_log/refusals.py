"""Refusals in the server's log, by kind: the first at once, then their number each minute.

A kind is a route and a status, or ``REJECTED`` for refused events in an otherwise accepted body.
"""

from collections.abc import Mapping

import numpy as np

from liverank.serving.processes.board import ROUTES, STATUSES
from liverank.serving.server_log.events import write_event

EVERY_S = 60.0
"""Least time between two lines about the same kind of refusal."""
REJECTED = "events rejected"
"""Kind of events that were refused while others of their request were accepted."""


def kind_of(route: str, status: int) -> str:
    """The kind of a refusal.

    >>> kind_of("rank", 422), kind_of("other", 505)
    ('rank 422', 'other other')
    """
    return f"{route} {status if status in STATUSES else 'other'}"


_KINDS = [
    (kind_of(route, status or -1), ROUTES.index(route), STATUSES.index(status))
    for route in ROUTES
    for status in STATUSES
    if route != "health" and (status >= 400 or not status)
]


class Refusals:
    """Writes the refusals of one worker. ``examples`` is the message of the last one of each kind.

    ``row`` is the worker's row on the board; the counts it holds at first are its predecessor's.
    """

    def __init__(self, row: np.void, examples: Mapping[str, str]) -> None:
        self._row = row
        self._examples = examples
        self._written = self._counts()
        self._written_s: dict[str, float] = {}

    def look(self, *, now_s: float, is_last: bool = False) -> None:
        """Write the kinds that are due, or all if ``is_last``, because the worker stops."""
        counts = self._counts()
        if counts == self._written:
            return
        for kind, count in counts.items():
            new, since_s = count - self._written[kind], now_s - self._written_s.get(kind, -EVERY_S)
            if not new or (since_s < EVERY_S and not is_last):
                continue
            self._written[kind], self._written_s[kind] = count, now_s
            example = self._examples.get(kind)
            what = "events" if kind == REJECTED else f"requests ({kind})"
            write_event(
                "refused",
                f"{new:,} {what} were refused" + (f", the last: {example}" if example else ""),
                kind=kind,
                count=new,
                example=example,
            )

    def _counts(self) -> dict[str, int]:
        requests = self._row["requests"].tolist()
        counts = {kind: requests[route][status] for kind, route, status in _KINDS}
        return {**counts, REJECTED: int(self._row["events_rejected"])}
