"""Runs a proof on one seed: weeks on "most popular", training, an A/B test, its report, the truth.

The product's own commands and server do all of it; only heuristics, random order and oracles, for
the truth, rank lists in this process. Invariant: the report is read before any truth is computed,
and the truth is for the same people, weeks and random numbers.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from liverank.proof.commands import run_command
from liverank.proof.heuristics import PersonalRule, heuristics
from liverank.proof.judged import best_of, judged_metrics
from liverank.proof.phases import OnStage, Phases
from liverank.proof.plan import Plan, checked
from liverank.proof.project import (
    CONTROL,
    EXPERIMENT,
    VARIANT,
    copied_for_all,
    new_project,
    people_of_variants,
    start_test,
)
from liverank.proof.reported import ReadReport, read_report, reported_metrics, training_summary
from liverank.proof.results import (
    ORACLE,
    ORACLE_OF_MINUTES,
    PERSONAL_RULE,
    RANDOM,
    ProofResult,
    TrainingSummary,
    TruePolicy,
    WorldSummary,
)
from liverank.proof.truth.counted import Counted
from liverank.proof.truth.policies import Bools, Counterfactual, Span, lived
from liverank.proof.watched import Watched
from liverank.simulator.life.life import Life
from liverank.simulator.policies.contract import Policy
from liverank.simulator.policies.oracle import Oracle, OracleOfMinutes
from liverank.simulator.policies.random_order import RandomOrder
from liverank.simulator.server.own_server import simulated_server
from liverank.simulator.server.served_policy import ServedPolicy
from liverank.simulator.world.world import DAY_MS, World, build_world

OnLived = Callable[[Life], None]

PROJECT = "project"
"""Name of the project's folder within the proof's folder."""


@dataclass(frozen=True)
class _Scene:
    """Objects that all stages of a proof share."""

    plan: Plan
    folder: Path
    world: World
    test: Span
    phases: Phases


def run_proof(
    plan: Plan,
    *,
    folder: Path | None = None,
    on_stage: OnStage | None = None,
    on_lived: OnLived | None = None,
) -> ProofResult:
    """Run a proof; the project is kept in ``folder``, if one is given.

    ``on_lived`` is called with the ``Life`` of the A/B test after its last step.

    Raises ProofError if the plan cannot be run or a command fails, and SimulatorError or
    ServingError if a server fails.
    """
    checked(plan)
    if folder is not None:
        return _run(plan, folder, Phases(on_stage), on_lived, kept=str(folder / PROJECT))
    with tempfile.TemporaryDirectory(prefix="liverank-proof-") as scratch:
        return _run(plan, Path(scratch), Phases(on_stage), on_lived, kept=None)


def _run(
    plan: Plan, folder: Path, phases: Phases, on_lived: OnLived | None, *, kept: str | None
) -> ProofResult:
    with phases.phase("world", "drawing a world of people, hosts and rooms"):
        world = build_world(plan.seed, people=plan.people, days=plan.days, start_ms=plan.start_ms)
        end_ms = world.start_ms + plan.days * DAY_MS
        test = Span(world.start_ms + plan.days_before * DAY_MS, end_ms)
        scene = _Scene(plan, folder, world, test, phases)
        config = new_project(folder / PROJECT, plan)
    life = Life(world, seed=plan.seed, step_ms=plan.step_ms, shown=plan.shown)
    names: tuple[str, ...] = (CONTROL,)
    rivals: dict[str, Policy] = {}
    if plan.truth_in_process:
        rivals = heuristics(world)
        names += tuple(rivals)
        rivals[PERSONAL_RULE] = PersonalRule(world)
    _weeks_before(scene, config, life, tuple(rivals.values()))
    training = _train(scene, config)
    at_start = life.fork()
    copies = _copies(scene, config)
    groups = people_of_variants(config, world.people.ids)
    report, in_test = _test(scene, config, life)
    if on_lived is not None:
        on_lived(life)
    truth = [
        *_on_servers(scene, copies, at_start, groups),
        *_in_process(scene, rivals, at_start),
    ]
    return ProofResult(
        seed=plan.seed,
        world=_summary(scene),
        phases=tuple(phases.done),
        training=training,
        experiment=EXPERIMENT,
        control=CONTROL,
        variant=VARIANT,
        units=report.units_by_arm,
        action=report.decision.action,
        decision=report.decision.sentence,
        reasons=report.decision.reasons,
        metrics=judged_metrics(
            reported_metrics(report, VARIANT),
            truth,
            control=CONTROL,
            heuristics=names,
            in_test={name: in_test.values(among) for name, among in groups.items()},
        ),
        truth=tuple(truth),
        heuristics=names,
        best_heuristic=best_of(truth, names),
        project=kept,
    )


def _weeks_before(scene: _Scene, config: Path, life: Life, rivals: Sequence[Policy]) -> None:
    """Serve all people by popularity, before there is a model; heuristics observe the events."""
    before = Span(scene.world.start_ms, scene.test.start_ms)
    words = f'{scene.plan.days_before} days on "most popular"'
    with (
        scene.phases.phase("before", words) as effort,
        simulated_server(config.parent) as address,
        ServedPolicy(address, shown=scene.plan.shown) as served,
    ):
        policy = Watched(served, others=rivals)
        policy.observe(life.introduction())
        lived(life, policy, before, effort, lambda share: scene.phases.progress(words, share))


def _train(scene: _Scene, config: Path) -> TrainingSummary:
    """Run `liverank train`. Raises ProofError if no model is better than popularity."""
    with scene.phases.phase("training", "liverank trains itself"):
        return training_summary(run_command("train", config=config, may_fail=True))


def _copies(scene: _Scene, config: Path) -> dict[str, Path]:
    """Copies of the project at the test's start, in which all people get one variant."""
    if not scene.plan.truth_on_server:
        return {}
    return {
        variant: copied_for_all(
            config, scene.folder / f"all-{variant}", variant, scene.test.start_ms
        )
        for variant in (CONTROL, VARIANT)
    }


def _test(scene: _Scene, config: Path, life: Life) -> tuple[ReadReport, Counted]:
    """Run the A/B test on the server; returns its report, and the true counts of its people."""
    words = f"{scene.plan.days_of_test} days of A/B test"
    people = scene.world.people.ids
    counted = Counted(people, start_ms=scene.test.start_ms, end_ms=scene.test.end_ms)
    start_test(config, scene.test.start_ms)
    with (
        scene.phases.phase("test", words) as effort,
        simulated_server(config.parent) as address,
        ServedPolicy(address, shown=scene.plan.shown) as served,
    ):
        policy = Watched(served, counted=counted)
        lived(life, policy, scene.test, effort, lambda share: scene.phases.progress(words, share))
        served.observe(life.remaining())
        effort.fallbacks = sum(
            count
            for by, count in served.answered.items()
            if by.fallback is not None and by.variant == f"{EXPERIMENT}:{VARIANT}"
        )
    with scene.phases.phase("report", "liverank reports the experiment"):
        at = ("--at", str(scene.test.end_ms))
        answer = run_command("experiment", "report", EXPERIMENT, *at, config=config)
    return read_report(answer), counted


def _on_servers(
    scene: _Scene, copies: Mapping[str, Path], at_start: Life, groups: Mapping[str, Bools]
) -> list[TruePolicy]:
    """True values of the test's two variants, each on a real server."""
    truth = []
    for variant, config in copies.items():
        with (
            simulated_server(config.parent) as address,
            ServedPolicy(address, shown=scene.plan.shown) as served,
        ):
            other = Counterfactual(variant, "server", at_start.fork(), served)
            truth.append(other.lived_through(scene.test, scene.phases, groups))
        shutil.rmtree(config.parent)
    return truth


def _in_process(scene: _Scene, rivals: Mapping[str, Policy], at_start: Life) -> list[TruePolicy]:
    """True values of the heuristics, the personal rule, random order, and the oracles."""
    if not scene.plan.truth_in_process:
        return []
    policies = {**rivals, RANDOM: RandomOrder(scene.world, seed=scene.plan.seed)}
    others = [
        Counterfactual(name, "in process", at_start.fork(), policy)
        for name, policy in policies.items()
    ]
    for name, oracle in ((ORACLE, Oracle), (ORACLE_OF_MINUTES, OracleOfMinutes)):
        knowing = at_start.fork()
        others.append(Counterfactual(name, "in process", knowing, oracle(knowing)))
    return [other.lived_through(scene.test, scene.phases) for other in others]


def _summary(scene: _Scene) -> WorldSummary:
    return WorldSummary(
        people=scene.plan.people,
        hosts=len(scene.world.host_ids),
        rooms=len(scene.world.rooms.ids),
        days_before=scene.plan.days_before,
        days_of_test=scene.plan.days_of_test,
        start_ms=scene.world.start_ms,
        test_start_ms=scene.test.start_ms,
        end_ms=scene.test.end_ms,
    )
