"""Runs a proof of upkeep: months of a simulated product on the real server, kept by autopilot.

Nobody touches it: it begins without a model or history, and the run loop that `liverank autopilot
run` has trains, judges, releases and goes back. The same people also live with the most popular
list, with the oracle, and with autopilot's first model alone. Invariant: autopilot knows nothing
but its log; the truth is only read afterwards.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from liverank.autopilot.history.state import steps_in
from liverank.autopilot.letter.write import FOLDER
from liverank.autopilot.run_loop.project import Project
from liverank.autopilot.run_loop.run_loop import RunLoop
from liverank.config import load_config
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.experiments.assignment.held_out import is_held_out
from liverank.proof.upkeep.decisions import alarms_of, decisions_of, faults_of
from liverank.proof.upkeep.lived import Looks, ServedWorld, live_in_process, live_on_server
from liverank.proof.upkeep.plan import UpkeepPlan, checked, config_of
from liverank.proof.upkeep.results import UpkeepResult
from liverank.proof.upkeep.weeks import weeks_of
from liverank.simulator.faults import Fault
from liverank.simulator.life.life import Life
from liverank.simulator.life.tally import Tally
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.server.project import make_project
from liverank.simulator.world.world import DAY_MS, World, build_world

OnStage = Callable[[str, float], None]

_CHECK_EVERY_MS = 30 * DAY_MS
_PROJECT, _ONCE = "project", "trained-once"


@dataclass
class _Kept:
    """The life under autopilot, and where it stood when the first model was released."""

    steps: list[AutopilotStep] = field(default_factory=list)
    once: Life | None = None
    training_s: float = 0.0


def run_upkeep(
    plan: UpkeepPlan, *, folder: Path | None = None, on_stage: OnStage | None = None
) -> UpkeepResult:
    """Run a proof of upkeep; the project and its letters are kept in ``folder``, if one is given.

    Raises ProofError for an invalid plan, SimulatorError or ServingError if a server fails.
    """
    checked(plan)
    if folder is not None:
        return _run(plan, folder, on_stage or _silent, kept=str(folder / _PROJECT))
    with tempfile.TemporaryDirectory(prefix="liverank-upkeep-") as scratch:
        return _run(plan, Path(scratch), on_stage or _silent, kept=None)


def _run(plan: UpkeepPlan, folder: Path, on_stage: OnStage, *, kept: str | None) -> UpkeepResult:
    began_s = time.perf_counter()
    world = build_world(plan.seed, people=plan.people, days=plan.days, start_ms=plan.start_ms)
    faults = [fault.fault(world.start_ms) for fault in plan.faults]
    config = make_project(folder / _PROJECT, seed=plan.seed, more=config_of(plan))
    life = _life(world, plan)
    under = _with_autopilot(life, config, folder, plan, faults, on_stage)
    tallies = {"autopilot": life.tally, **_others(world, plan, on_stage)}
    once_from_day = None
    if under.once is not None:
        once_from_day = (under.once.at_ms - world.start_ms) / DAY_MS
        tallies["trained_once"] = _trained_once(under.once, folder, plan, faults, on_stage)
    alarms = alarms_of(under.steps, world.start_ms)
    letters = sorted((config.parent / load_config(config).path / FOLDER).glob("*.html"))
    return UpkeepResult(
        seed=plan.seed,
        people=plan.people,
        days=plan.days,
        weeks=weeks_of(
            tallies, _measured(world, plan.holdout), days=plan.days, once_from_day=once_from_day
        ),
        decisions=decisions_of(under.steps, world.start_ms),
        alarms=alarms,
        faults=faults_of(plan.faults, alarms),
        letters=tuple(letter.name for letter in letters),
        trainings=sum(step.action == "training_started" for step in under.steps),
        seconds=round(time.perf_counter() - began_s, 1),
        training_seconds=round(under.training_s, 1),
        project=kept,
    )


def _with_autopilot(
    life: Life,
    config_file: Path,
    folder: Path,
    plan: UpkeepPlan,
    faults: list[Fault],
    on_stage: OnStage,
) -> _Kept:
    """Live with autopilot; at the first release, the project is copied for the model alone."""
    config = load_config(config_file)
    kept = _Kept()
    root = config_file.parent / config.path
    with (
        Log.open(root / "log", syncs=False) as log,
        RunLoop(
            log,
            Project(config_file, config, root),
            check_every_ms=_CHECK_EVERY_MS,
            priority="normal",
            is_simulated=True,
        ) as loop,
    ):

        def look(at_ms: int) -> None:
            began_s = time.perf_counter()
            loop.look(at_ms)
            if loop.is_busy:
                loop.wait(at_ms)
                kept.training_s += time.perf_counter() - began_s
            if kept.once is None and loop.has_released:
                kept.once = life.fork()
                shutil.copytree(config_file.parent, folder / _ONCE)

        live_on_server(
            life,
            ServedWorld(config_file.parent, faults, plan.seed, plan.shown),
            on_share=lambda share: on_stage(f"{plan.days} days kept by autopilot", share),
            looks=Looks(plan.look_ms, look),
        )
        loop.look(int(life.until_ms))
        kept.steps = steps_in(log)
    return kept


def _others(world: World, plan: UpkeepPlan, on_stage: OnStage) -> dict[str, Tally]:
    """The counts of the same people with the most popular list, and with the oracle."""
    tallies = {}
    for name in ("popular", "oracle"):
        life = _life(world, plan)
        policy = MostPopular(world) if name == "popular" else Oracle(life)
        words = f"the same days with {'the most popular list' if name == 'popular' else name}"
        live_in_process(life, policy, on_share=partial(on_stage, words))
        tallies[name] = life.tally
    return tallies


def _trained_once(
    life: Life, folder: Path, plan: UpkeepPlan, faults: list[Fault], on_stage: OnStage
) -> Tally:
    """The counts of the same people with the first model, and no autopilot after it."""
    words = "the same days with the first model alone"
    live_on_server(
        life,
        ServedWorld(folder / _ONCE, faults, plan.seed, plan.shown),
        on_share=lambda share: on_stage(words, share),
        is_new=False,
    )
    shutil.rmtree(folder / _ONCE)
    return life.tally


def _life(world: World, plan: UpkeepPlan) -> Life:
    return Life(world, seed=plan.seed, step_ms=plan.step_ms, shown=plan.shown)


def _measured(world: World, holdout: float) -> NDArray[np.bool_]:
    """Who is not in the holdout, bool[n_people]."""
    return np.array([not is_held_out(user, holdout) for user in world.people.ids])


def _silent(_words: str, _share: float) -> None:
    pass
