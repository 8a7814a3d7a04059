"""One training of autopilot: train a challenger on the past, judge it on lists that neither saw.

The bundle that is judged is the one that is released later, not another one trained again on all
of the log: what was measured is what serves. Invariant: each training logs its start and one end
(``accepted``, ``refused`` or ``training_failed``), unless its process is killed.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec
import polars as pl

from liverank.autopilot.frames import LogFrames
from liverank.autopilot.history.state import steps_in
from liverank.autopilot.judging.judge import judge
from liverank.autopilot.promotion import PromotionPolicy
from liverank.autopilot.retraining import train_and_promote
from liverank.autopilot.run_loop.exclusions import exclusions_of
from liverank.autopilot.run_loop.schedule import judged_from_ms
from liverank.autopilot.scope import Excluded, Scope
from liverank.autopilot.training import OnProgress
from liverank.bundle import store
from liverank.config import Config
from liverank.config_autopilot import Autopilot
from liverank.errors import BundleError, DatasetError, LiverankError
from liverank.events.autopilot_steps import step_of
from liverank.events.event import AutopilotStep
from liverank.events.log import Log
from liverank.quantities import duration_ms


class TrainingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The detail of ``training_started``."""

    champion: str | None
    trained_until_ms: int
    """Lists from here on are not learned from, but judge the challenger; Unix ms."""
    judged_until_ms: int
    last_seq: int
    stretches_ms: tuple[tuple[int, int], ...] = ()
    """Stretches of time that are left out because of alarms."""
    users: int = 0
    """Number of users who are left out because of alarms."""


def train_challenger(
    log: Log,
    config: Config,
    root: Path,
    *,
    at_ms: int,
    clock: Callable[[], int],
    on_progress: OnProgress | None = None,
) -> AutopilotStep:
    """Train and judge a challenger as of ``at_ms``; returns the logged end of the training.

    ``clock`` gives the time of its end and of the bundle's creation, Unix ms. Errors of liverank
    are logged as ``training_failed``, and raised.
    """
    settings = config.autopilot or Autopilot()
    plan, excluded = plan_training(log, settings, root, at_ms=at_ms)
    began = step_of(
        "training_started",
        at_ms=at_ms,
        reason=_plan_in_words(plan),
        model=plan.champion,
        detail=plan,
    )
    log.append([began], arrived_ms=at_ms)
    try:
        ended = _trained(log, config, root, plan, excluded, clock, on_progress)
    except LiverankError as error:
        log_failure(log, str(error), at_ms=clock())
        raise
    log.append([ended], arrived_ms=ended.at_ms)
    return ended


def plan_training(
    log: Log, settings: Autopilot, root: Path, *, at_ms: int
) -> tuple[TrainingPlan, Excluded]:
    """What a training at ``at_ms`` learns from, and on what it is judged.

    Raises DatasetError for an empty log, BundleError, LogError.
    """
    oldest_ms = _first_ranking_ms(log)
    if oldest_ms is None:
        raise DatasetError(
            "the log holds no rankings to judge on; `liverank ingest PATH` or `liverank serve` "
            "fills it"
        )
    excluded = exclusions_of(steps_in(log), at_ms=at_ms)
    plan = TrainingPlan(
        champion=store.current(root),
        trained_until_ms=judged_from_ms(
            duration_ms(settings.judge_on),
            oldest_ms=oldest_ms,
            at_ms=at_ms,
            stretches_ms=excluded.stretches_ms,
        ),
        judged_until_ms=at_ms,
        last_seq=log.last_seq(),
        stretches_ms=excluded.stretches_ms,
        users=len(excluded.users),
    )
    return plan, excluded


def _first_ranking_ms(log: Log) -> int | None:
    """The time of the first ranking in the log, Unix ms; None where it has none."""
    for frame in log.read(columns=("seq", "event", "time")):
        times = frame.filter(pl.col("event") == "ranking")["time"]
        if len(times):
            return int(times[0])
    return None


def log_failure(log: Log, reason: str, *, at_ms: int) -> None:
    """Log that a training failed, and why. Raises LogError and its kinds."""
    log.append([step_of("training_failed", at_ms=at_ms, reason=reason)], arrived_ms=at_ms)


def _trained(
    log: Log,
    config: Config,
    root: Path,
    plan: TrainingPlan,
    excluded: Excluded,
    clock: Callable[[], int],
    on_progress: OnProgress | None,
) -> AutopilotStep:
    """The end of the training, which is not logged yet."""
    frames = LogFrames(log)
    scope = Scope(before_ms=plan.trained_until_ms, excluded=excluded)
    result = train_and_promote(
        frames,
        config,
        root,
        PromotionPolicy(force=True, promote=False),
        clock=clock,
        scope=scope,
        on_progress=on_progress,
    )
    version = result.promotion.version
    if version is None:
        raise BundleError(f"no bundle was written: {result.promotion.refusal}")
    verdict = judge(
        frames,
        config,
        store.load(root, version),
        None if plan.champion is None else store.load(root, plan.champion),
        from_ms=plan.trained_until_ms,
        until_ms=plan.judged_until_ms,
        on_progress=on_progress,
    )
    return step_of(
        "accepted" if verdict.is_accepted else "refused",
        at_ms=clock(),
        reason=verdict.reason,
        model=version,
        detail=verdict,
    )


def _plan_in_words(plan: TrainingPlan) -> str:
    days = (plan.judged_until_ms - plan.trained_until_ms) / 86_400_000
    parts = [f"the newest {days:.1f} days judge the challenger, and are not learned from"]
    if plan.stretches_ms:
        hours = sum(until - since for since, until in plan.stretches_ms) / 3_600_000
        parts.append(f"{hours:,.0f} hours are left out because of alarms")
    if plan.users:
        parts.append(f"{plan.users} users are left out because of alarms")
    return "; ".join(parts)
