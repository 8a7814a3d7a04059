"""A proof on one seed: weeks on "most popular", training, an A/B test, its report, the truth.

The product does all of it by its own commands and server; only the lists of the truth's heuristics,
of random and of the oracle are made in this process. Invariant: the report is read before the first
truth is looked up, and the truth is of the same people in the same weeks with the same luck.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from liverank.proof.commands import run_command
from liverank.proof.judged import best_of, judged_metrics
from liverank.proof.phases import Effort, OnStage, Phases
from liverank.proof.plan import Plan, checked
from liverank.proof.project import (
    CONTROL,
    EXPERIMENT,
    VARIANT,
    copied_for_all,
    make_project,
    start_test,
)
from liverank.proof.reported import ReadReport, read_report, reported_metrics, training_summary
from liverank.proof.results import (
    MODEL,
    ORACLE,
    POPULAR,
    RANDOM,
    ProofResult,
    TrainingSummary,
    TruePolicy,
    WorldSummary,
)
from liverank.proof.truth.policies import Span, lived, true_policy
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.heuristics import heuristics
from liverank.simulator.policies.oracle import Oracle
from liverank.simulator.policies.popular import MostPopular
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.served_policy import ServedPolicy
from liverank.simulator.simulate import SURFACE, simulate, write_events
from liverank.simulator.world.world import DAY_MS, World, build_world

PROJECT = "project"
"""The folder of the project, in that of the proof."""
_SAMPLE_DAYS = 1


@dataclass(frozen=True)
class _Scene:
    """What all stages work in."""

    plan: Plan
    folder: Path
    world: World
    phases: Phases
    test: Span

    @property
    def before(self) -> Span:
        """The weeks before the test."""
        return Span(self.world.start_ms, self.test.start_ms)


def run_proof(
    plan: Plan, *, folder: Path | None = None, on_stage: OnStage | None = None
) -> ProofResult:
    """Run a proof; the project is kept in ``folder``, or nowhere without one.

    Raises ProofError where the plan cannot be run or a command fails, SimulatorError and
    ServingError where a server does.
    """
    checked(plan)
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="liverank-proof-") as scratch:
            return _run(plan, Path(scratch), Phases(on_stage), kept=None)
    return _run(plan, folder, Phases(on_stage), kept=str(folder / PROJECT))


def _run(plan: Plan, folder: Path, phases: Phases, *, kept: str | None) -> ProofResult:
    with phases.phase("world", "drawing a world of people, hosts and rooms"):
        world = build_world(plan.seed, people=plan.people, days=plan.days)
        start_ms = world.start_ms + plan.days_before * DAY_MS
        test = Span(start_ms, world.start_ms + plan.days * DAY_MS)
        scene = _Scene(plan, folder, world, phases, test)
        config = _project(scene)
    life = Life(world, seed=plan.seed, step_ms=plan.step_ms, shown=plan.shown)
    rivals = dict(heuristics()) if plan.truth_in_process else {}
    _weeks_before(scene, config, life, rivals)
    training = _train(scene, config)
    copies = _copies(scene, config) if plan.truth_on_server else {}
    forks = {name: life.fork() for name in (*copies, *rivals, *_KNOWING)}
    report = _test(scene, config, life)
    truth = _truth(scene, copies, rivals, forks)
    return _result(scene, training, report, truth, tuple(rivals), kept)
