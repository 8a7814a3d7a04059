"""Events of autopilot as tests write them into a log, and a project with two bundles."""

import time

from rank_servers import a_bundle, a_spec

from liverank.bundle import store
from liverank.events.autopilot_steps import detail_of, step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.experiments.release import Trial


def now_ms():
    return time.time_ns() // 1_000_000


def append(directory, *steps):
    """Append steps to the log of a project, as another process does."""
    with Log.open(directory / ".liverank" / "log") as log:
        log.append(steps, arrived_ms=max(step.at_ms for step in steps))


def shadow(version, *, champion=None, at_ms=None):
    trial = Trial(champion=champion)
    at_ms = now_ms() if at_ms is None else at_ms
    return step_of("shadow_started", at_ms=at_ms, reason="a test", model=version, detail=trial)


def canary(version, *, share, champion=None, at_ms=None):
    trial = Trial(champion=champion, share=share)
    at_ms = now_ms() if at_ms is None else at_ms
    return step_of("canary_started", at_ms=at_ms, reason="a test", model=version, detail=trial)


def ended(action, version=None, *, at_ms=None):
    at_ms = now_ms() if at_ms is None else at_ms
    return step_of(action, at_ms=at_ms, reason="a test", model=version)


def champion_and_challenger(directory, challenger_spec=None):
    """The versions of a served bundle, and of another one in the store."""
    root = directory / ".liverank"
    champion = store.add(root, a_bundle(a_spec()))
    challenger = store.add(root, a_bundle(challenger_spec or a_spec(), seed=7))
    store.promote(root, champion)
    return champion, challenger


def details(directory, action, kind):
    """The details of all steps of an action in the log of a project."""
    with Log.open(directory / ".liverank" / "log") as log:
        steps = [one.event for one in log.autopilot_steps()]
    return [
        detail_of(step, kind)
        for step in steps
        if isinstance(step, AutopilotStep) and step.action == action
    ]


def until_release_is(server, stage, seconds=10):
    """Ask until both workers follow a stage (None: no release); how many seconds it took."""
    began, in_a_row = time.monotonic(), 0
    while in_a_row < 8:
        release = server.ask("/healthz")["release"]
        in_a_row = in_a_row + 1 if (release and release["stage"]) == stage else 0
        assert time.monotonic() - began < seconds, release
    return time.monotonic() - began
