"""A process that is killed in the middle of a move leaves what the next one can continue from."""

import itertools
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from liverank.autopilot.history.state import state_of, steps_in
from liverank.autopilot.releasing.apply import carry_out, reconcile
from liverank.autopilot.releasing.move import Change, Move
from liverank.autopilot.releasing.release_loop import ReleaseLoop
from liverank.autopilot.releasing.service import Service, service_of
from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.config import parse_config
from liverank.events.actions import AutopilotAction
from liverank.events.autopilot_steps import reason_of, step_of
from liverank.events.log import Log
from liverank.events.schema.schema import Schema
from liverank.experiments.release import Trial
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.forest.forest import Forest, leaf_arrays
from liverank.models.predictor import Predictor, Term

CONFIG = parse_config('[label]\ninteraction = "join"\n[autopilot]\n')
KILLED = """
import os, signal, sys
from pathlib import Path
from liverank.autopilot.releasing.apply import carry_out
from liverank.autopilot.releasing.move import Change, Move
from liverank.bundle import store
from liverank.events.log import Log

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def then_die(function):
    def both(*args, **kwargs):
        function(*args, **kwargs)
        die()
    return both

def move_until(point, root, action, effect, version, before, after):
    if point == "before the pointer":
        store.write_pointer = die
    elif point == "pointer drafted":
        Path.replace = die
    elif point == "pointer changed":
        store.write_pointer = then_die(store.write_pointer)
    elif point == "logged":
        Log.append = then_die(Log.append)
    change = Change(before=before or None, after=after or None)
    move = Move(action=action, version=version, reason="", detail=change, effect=effect)
    with Log.open(Path(root) / "log") as log:
        carry_out(move, log, Path(root), 100)

for line in sys.stdin.read().splitlines():
    child = os.fork()  # each has an own process to be killed in
    if child == 0:
        move_until(*line.split("|"))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
POINTS = ("before the pointer", "pointer drafted", "pointer changed", "logged")


def stored(root: Path, number: int) -> str:
    """A bundle that scores everything alike, of an own version for each number."""
    spec = derive_spec(Schema(interactions=("join",)), CONFIG)
    width = len(spec.names)
    part = Forest.from_arrays(leaf_arrays(1.0), width)
    model = Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    packed = pack_bundle(
        spec=spec,
        heads={"join": model},
        report=FeatureSpec(spec.layout, ()),
        golden=np.zeros((1, width), np.float32),
        created_ms=number,
    )
    return store.add(root, packed)


def in_canary(root: Path) -> tuple[str, str]:
    """A deployment whose challenger is in canary; returns both versions, the champion first."""
    champion, challenger = stored(root, 1), stored(root, 2)
    store.promote(root, champion)
    trial = Trial(champion=champion, share=0.1)
    begun = step_of("canary_started", at_ms=10, reason="", model=challenger, detail=trial)
    with Log.open(root / "log") as log:
        log.append([begun], arrived_ms=10)
    return champion, challenger


def released(champion: str, challenger: str) -> Move:
    return Move(
        action="released",
        version=challenger,
        reason="no harm",
        detail=Change(before=champion, after=challenger),
        effect="promote",
    )


def returned(champion: str, challenger: str) -> Move:
    return Move(
        action="returned",
        version=challenger,
        reason="harm",
        detail=Change(before=challenger, after=champion),
        effect="roll_back",
    )


def withdrawn(challenger: str) -> Move:
    return Move(
        action="withdrawn",
        version=challenger,
        reason="harm",
        detail=Change(before=challenger, after=None),
        effect="withdraw",
    )


def written(point: str, root: Path, move: Move) -> str:
    assert isinstance(move.detail, Change)
    changed = [move.detail.before or "", move.detail.after or ""]
    return "|".join([point, str(root), move.action, move.effect, move.version, *changed])


def test_whenever_it_is_killed_log_and_pointer_agree_after_the_next_look(tmp_path: Path) -> None:
    cases = []
    for action, point in itertools.product(("released", "returned", "withdrawn"), POINTS):
        root = tmp_path / f"{action} {point}"
        champion, challenger = in_canary(root)
        move = released(champion, challenger)
        if action != "released":
            with Log.open(root / "log") as log:
                carry_out(move, log, root, 50)
            back = action == "returned"
            move = returned(champion, challenger) if back else withdrawn(challenger)
        cases.append((point, root, move))
    lines = "\n".join(written(*case) for case in cases)
    ended = subprocess.run(  # our own script
        [sys.executable, "-c", KILLED], input=lines, text=True, capture_output=True, check=True
    )
    assert ended.stdout.split() == [str(-signal.SIGKILL)] * len(cases)
    for case in cases:
        check_after(*case)


def check_after(point: str, root: Path, move: Move) -> None:
    """What the next looks find and log, after a move that was killed at a point."""
    assert isinstance(move.detail, Change)
    was_changed = point in ("pointer changed", "logged")
    serving = move.detail.after if was_changed else move.detail.before
    assert store.current(root) == serving
    with Log.open(root / "log") as log:
        ReleaseLoop(log, CONFIG, root).look(200)
        ReleaseLoop(log, CONFIG, root).look(201)
        steps = steps_in(log)
    assert store.current(root) == serving
    state, service = state_of(steps), service_of(steps)
    assert reconcile(state, service, serving) is None
    assert sum(step.action == move.action for step in steps) == was_changed
    if was_changed:
        assert service is not None
        assert service.version == serving
        assert state.release is None
    elif move.action == "released":
        assert state.release is not None


def test_a_rollback_by_hand_is_not_undone(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        carry_out(released(champion, challenger), log, tmp_path, 50)
        store.roll_back(tmp_path)
        step = ReleaseLoop(log, CONFIG, tmp_path).look(200)
    assert store.current(tmp_path) == champion
    assert step is not None
    assert (step.action, step.model) == ("returned", challenger)


def test_a_pause_between_decision_and_move_wins(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        log.append([step_of("paused", at_ms=40, reason="stop")], arrived_ms=40)
        assert carry_out(released(champion, challenger), log, tmp_path, 50) is None
    assert store.current(tmp_path) == champion


@pytest.mark.parametrize("action", ["shadow_started", "canary_started", "dropped"])
def test_in_a_pause_no_stage_begins_or_ends(tmp_path: Path, action: AutopilotAction) -> None:
    champion, challenger = in_canary(tmp_path)
    trial = Trial(champion=champion, share=0.5)
    move = Move(action=action, version=challenger, reason="", detail=trial)
    with Log.open(tmp_path / "log") as log:
        log.append([step_of("paused", at_ms=40, reason="stop")], arrived_ms=40)
        assert carry_out(move, log, tmp_path, 50) is None
        log.append([move.step(60)], arrived_ms=60)  # by a process that did not see the pause
        assert state_of(steps_in(log)).release is None
        log.append([step_of("resumed", at_ms=70, reason="go on")], arrived_ms=70)
        assert state_of(steps_in(log)).release is None


def test_what_is_in_service_is_logged_in_a_pause_too(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        carry_out(released(champion, challenger), log, tmp_path, 50)
        log.append([step_of("paused", at_ms=60, reason="stop")], arrived_ms=60)
        store.roll_back(tmp_path)
        step = ReleaseLoop(log, CONFIG, tmp_path).look(200)
    assert step is not None
    assert step.action == "returned"


def test_where_the_bundle_before_does_not_load_popularity_serves(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        carry_out(released(champion, challenger), log, tmp_path, 50)
        for file in (tmp_path / "bundles" / champion).rglob("*"):
            file.write_bytes(b"broken")
        step = carry_out(returned(champion, challenger), log, tmp_path, 60)
    assert step is not None
    assert step.action == "withdrawn"
    assert store.current(tmp_path) is None
    assert "does not load" in (store.withdrawn(tmp_path) or "")


def test_a_challenger_is_promoted_by_hand_during_its_canary(tmp_path: Path) -> None:
    _, challenger = in_canary(tmp_path)
    store.promote(tmp_path, challenger)
    with Log.open(tmp_path / "log") as log:
        step = ReleaseLoop(log, CONFIG, tmp_path).look(200)
        assert step is not None
        assert (step.action, step.model) == ("released", challenger)
        assert ReleaseLoop(log, CONFIG, tmp_path).look(300) is None


def test_another_bundle_is_promoted_by_hand_during_a_canary(tmp_path: Path) -> None:
    _, challenger = in_canary(tmp_path)
    store.promote(tmp_path, stored(tmp_path, 3))
    with Log.open(tmp_path / "log") as log:
        step = ReleaseLoop(log, CONFIG, tmp_path).look(200)
    assert step is not None
    assert (step.action, step.model) == ("dropped", challenger)


def test_a_bundle_promoted_by_hand_is_logged_once_and_is_not_on_probation(tmp_path: Path) -> None:
    one, other = stored(tmp_path, 1), stored(tmp_path, 2)
    with Log.open(tmp_path / "log") as log:
        for before, after, at_ms in ((None, one, 100), (one, other, 200)):
            store.promote(tmp_path, after)
            step = ReleaseLoop(log, CONFIG, tmp_path).look(at_ms)
            assert step is not None
            assert (step.action, step.model) == ("released", after)
            assert "promoted by hand" in reason_of(step)
            service = service_of(steps_in(log))
            assert service == Service(version=after, since_ms=at_ms, before=before, is_new=False)
            assert ReleaseLoop(log, CONFIG, tmp_path).look(at_ms + 1) is None
        store.roll_back(tmp_path)
        step = ReleaseLoop(log, CONFIG, tmp_path).look(300)
    assert step is not None
    assert (step.action, step.model) == ("returned", other)


def test_a_champion_promoted_by_hand_does_not_end_the_trial_against_it(tmp_path: Path) -> None:
    in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        assert ReleaseLoop(log, CONFIG, tmp_path).look(200) is None
