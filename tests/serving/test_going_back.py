"""From harm in the log to rankings by the bundle before: within seconds, on a real server."""

import time

from rank_servers import CONFIG, room, running_server
from test_processes_swapped import ROOMS
from trial_steps import append, canary, champion_and_challenger, now_ms, until_release_is

from liverank.autopilot.releasing.move import Change
from liverank.autopilot.releasing.release_evidence import SETTLES_MS
from liverank.autopilot.releasing.release_loop import FINDINGS_MS, ReleaseLoop
from liverank.bundle import store
from liverank.config import parse_config
from liverank.events.autopilot_steps import step_of
from liverank.events.event import Interaction, Ranking
from liverank.events.log import Log
from liverank.experiments.assignment.buckets import bucket_of
from liverank.experiments.release import Release

SERVER = CONFIG + '\n[impressions]\nsource = "ranking"\n[autopilot]\nholdout = 0.1\n'
USERS = [f"u{number}" for number in range(40)]
USERS = [user for user in USERS if bucket_of("autopilot:holdout", user) >= 1000]
"""People who are not in the holdout."""
MOST_S = 3.0


def lists(users, at_ms, model, *, joins, variant=None, word=""):
    """A ranking of each user, of whom some join its first room."""
    for number, user in enumerate(users):
        served = f"{word}-{user}"
        yield Ranking(
            time=at_ms, id=served, user=user, items=["r1", "r2"], model=model, variant=variant
        )
        if number % 100 < joins:
            yield Interaction(time=at_ms, type="join", user=user, item="r1", ranking=served)


def until_all_by(server, version, began):
    """Ask until rankings of all users are by a bundle; the seconds since ``began``."""
    while {server.rank(user=user)["model"] for user in USERS} != {version}:
        assert time.monotonic() - began < 20
    return time.monotonic() - began


def test_a_harmful_challenger_and_a_harmful_bundle_are_gone_within_seconds(tmp_path):
    root, config = tmp_path / ".liverank", parse_config(SERVER)
    one, other = champion_and_challenger(tmp_path)
    with running_server(tmp_path, config=SERVER) as server, Log.open(root / "log") as log:
        server.send_and_fold(*map(room, ROOMS))
        loop = ReleaseLoop(log, config, root)
        began_ms = now_ms() - 3_600_000
        append(tmp_path, canary(other, share=0.2, champion=one, at_ms=began_ms))
        assert until_release_is(server, "canary") < MOST_S
        at_ms = now_ms()
        assert loop.look(at_ms) is None
        release = Release(version=other, stage="canary", since_ms=began_ms, champion=one, share=0.2)
        people = [f"p{number}" for number in range(3000)]
        theirs = [user for user in people if release.serves(user)]
        others = [user for user in people if not release.serves(user)]
        append(
            tmp_path, *lists(theirs, at_ms, other, joins=5), *lists(others, at_ms, one, joins=40)
        )
        began = time.monotonic()
        step = loop.look(at_ms + FINDINGS_MS)
        assert step is not None
        assert (step.action, step.model) == ("dropped", other)
        until_release_is(server, None)
        dropped_s = until_all_by(server, one, began)

        store.promote(root, other)
        change = Change(before=one, after=other)
        released_ms = at_ms - SETTLES_MS - 1000
        released = step_of("released", at_ms=released_ms, reason="", model=other, detail=change)
        append(tmp_path, released)
        until_all_by(server, other, time.monotonic())
        assert loop.look(at_ms + FINDINGS_MS + 1000) is None
        kept = lists(
            people[:500], at_ms, "popular", joins=40, variant="autopilot:holdout", word="h"
        )
        served = lists(people[500:], at_ms, other, joins=5, word="m")
        append(tmp_path, *kept, *served)
        began = time.monotonic()
        step = loop.look(at_ms + 2 * FINDINGS_MS + 1000)
        assert step is not None
        assert (step.action, step.model) == ("returned", other)
        assert "holdout" in str(step.fields["reason"])
        returned_s = until_all_by(server, one, began)
    print(f"dropped after {dropped_s:.2f} s, returned after {returned_s:.2f} s")
    assert dropped_s < MOST_S
    assert returned_s < MOST_S
