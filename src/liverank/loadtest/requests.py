"""Builds requests as bytes: rankings with random candidates and users, and interactions.

Constant parts are encoded once. Invariant: the candidates of a request are distinct, and all live
items are equally likely.
"""

from collections.abc import Callable

import msgspec
import numpy as np

from liverank.loadtest.plan import Plan

_DRAWN = 4096


class Draws:
    """Uniform random integers below ``count``, drawn in blocks."""

    __slots__ = ("_block", "_count", "_generator")

    def __init__(self, count: int, generator: np.random.Generator) -> None:
        self._count = count
        self._generator = generator
        self._block: list[int] = []

    def one(self) -> int:
        """Draw one."""
        if not self._block:
            self._block = self._generator.integers(0, self._count, _DRAWN).tolist()
        return self._block.pop()


class RankRequests:
    """Makes ranking requests.

    Candidates are taken from a shuffled list of all items until it is used up, then it is shuffled
    again: each request has a random set, at a cost independent of the number of live items.
    """

    __slots__ = (
        "_body",
        "_generator",
        "_head",
        "_items",
        "_next",
        "_order",
        "_size",
        "_tail",
        "_user",
        "_users",
    )

    def __init__(self, plan: Plan) -> None:
        self._generator = np.random.default_rng((plan.seed, plan.worker, 2))
        self._head = _head("/v1/rank", plan)
        self._users = [b'{"user":' + msgspec.json.encode(user) for user in plan.users]
        self._user = Draws(len(plan.users), np.random.default_rng((plan.seed, plan.worker, 1)))
        self._items = [msgspec.json.encode(item) for item in plan.items]
        self._size = 0 if plan.candidates is None else min(plan.candidates, len(plan.items))
        self._tail = b',"surface":%s,"limit":%d' % (msgspec.json.encode(plan.surface), plan.limit)
        self._order: list[int] = []
        self._next = 0
        self._body = None if plan.body is None else plan.body.encode()

    def make(self) -> bytes:
        """The next request, head and body."""
        if self._body is not None:
            body = self._body
        else:
            body = self._users[self._user.one()] + self._tail + self._candidates() + b"}"
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def _candidates(self) -> bytes:
        size = self._size
        if size == 0:
            return b""
        begin, end = self._next, self._next + size
        if not self._order or end > len(self._order):
            self._order = self._generator.permutation(len(self._items)).tolist()
            begin, end = 0, size
        self._next = end
        items = self._items
        return b',"items":[%s]' % b",".join([items[index] for index in self._order[begin:end]])


class EventRequests:
    """Makes batches of interactions of the users with the items, one event per line."""

    __slots__ = (
        "_batch",
        "_head",
        "_item",
        "_items",
        "_now_ms",
        "_number",
        "_prefix",
        "_type",
        "_types",
        "_user",
        "_users",
    )

    def __init__(self, plan: Plan, *, now_ms: Callable[[], int]) -> None:
        seed = (plan.seed, plan.worker)
        self._head = _head("/v1/events", plan)
        self._batch = plan.events_batch
        self._types = [msgspec.json.encode(name) for name in plan.event_types]
        self._users = [msgspec.json.encode(user) for user in plan.users]
        self._items = [msgspec.json.encode(item) for item in plan.items]
        self._type = Draws(len(self._types), np.random.default_rng((*seed, 3)))
        self._user = Draws(len(self._users), np.random.default_rng((*seed, 4)))
        self._item = Draws(len(self._items), np.random.default_rng((*seed, 5)))
        self._prefix = f"loadtest-{plan.run}-{plan.worker}-".encode()
        self._number = 0
        self._now_ms = now_ms

    def make(self) -> bytes:
        """The next batch, head and body; events have ids, so a repeated batch is harmless."""
        now_ms, prefix, number = self._now_ms(), self._prefix, self._number
        self._number = number + self._batch
        body = b"\n".join(
            [
                b'{"event":"interaction","time":%d,"id":"%s%d","type":%s,"user":%s,"item":%s}'
                % (
                    now_ms,
                    prefix,
                    number + index,
                    self._types[self._type.one()],
                    self._users[self._user.one()],
                    self._items[self._item.one()],
                )
                for index in range(self._batch)
            ]
        )
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)


def _head(path: str, plan: Plan) -> bytes:
    host = f"[{plan.host}]" if ":" in plan.host else plan.host
    return (
        f"POST {path} HTTP/1.1\r\nhost: {host}:{plan.port}\r\n"
        "content-type: application/json\r\ncontent-length: "
    ).encode()
