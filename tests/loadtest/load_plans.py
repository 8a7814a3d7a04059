"""A plan of a load process, for tests to vary."""

import msgspec

from liverank.loadtest.plan import Plan

PLAN = Plan(
    host="127.0.0.1",
    port=1,
    worker=0,
    seed=1,
    run="test",
    rate=200.0,
    duration_s=1.0,
    timeout_s=5.0,
    connections=4,
    candidates=5,
    limit=3,
    surface="default",
    users=["u1", 'u"2'],
    items=[f"room{number}" for number in range(12)],
    body=None,
    check_every=1,
    events_rate=0.0,
    events_batch=20,
    event_types=["impression", "join"],
)


def plan(**changes):
    return msgspec.structs.replace(PLAN, **changes)
