"""The inputs of a plan, from the config, the log, and the command line."""

import argparse
import math
from collections.abc import Callable, Sequence

import msgspec
from rich.console import Console

from liverank.cli.commands.experiment.report import frames_with_progress, open_log
from liverank.config import Config, load_config
from liverank.config_experiments import BUCKETS, SEED_METRICS, Experiment
from liverank.errors import ExperimentError
from liverank.experiments.gathering.impressions import stands_for_impressions
from liverank.experiments.metrics.from_config import metrics_of
from liverank.experiments.metrics.metric import Metric
from liverank.experiments.metrics.need import DAY_MS
from liverank.experiments.metrics.participation import Participation
from liverank.experiments.planning.baseline import DAY_CORRELATION, Baseline, participation_sd
from liverank.experiments.planning.from_log import FromLog, read_log, wanted_for, window_of
from liverank.experiments.planning.size import Design
from liverank.experiments.planning.traffic import Traffic

_DAYS, _ALPHA, _POWER = 28, 0.05, 0.8


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a plan needs."""

    decisive: str
    """The metric that decides."""
    baselines: tuple[Baseline, ...]
    design: Design
    traffic: Traffic | None
    """None if the number of users is unknown."""
    notes: tuple[str, ...]


def inputs_of(arguments: argparse.Namespace, console: Console) -> PlanInputs:
    """Collect the inputs. Raises ConfigError, ExperimentError, LogError."""
    _check(arguments)
    given = arguments.baseline is not None
    config = None
    if arguments.name is not None or not given or arguments.config.exists():
        config = load_config(arguments.config)
    experiment = _experiment(config, arguments)
    design = _design(arguments, experiment)
    names = SEED_METRICS if experiment is None else experiment.metrics
    decisive = arguments.metric or names[0]
    if given:
        metric = None if config is None else _metric_of(config, decisive)
        baseline = _given(arguments, decisive, metric, design.days)
        traffic = None
        if arguments.daily_users is not None:
            traffic = Traffic((), arguments.daily_users)
        notes = _given_notes(arguments)
        return PlanInputs(
            decisive=decisive, baselines=(baseline,), design=design, traffic=traffic, notes=notes
        )
    assert config is not None
    guards = () if experiment is None else experiment.guardrails
    chosen = (decisive,) if arguments.metric else (*names, *guards)
    metrics = [_metric_of(config, name) for name in chosen]
    found = _measured(arguments, config, experiment, metrics, design.days, console)
    if decisive not in {one.metric for one in found.baselines}:
        raise ExperimentError(
            f"{decisive} does not vary in the log; name another --metric, or give "
            "--baseline and --sd"
        )
    traffic = found.traffic.times(_part(experiment))
    if arguments.daily_users is not None:
        traffic = Traffic((), arguments.daily_users)
    return PlanInputs(
        decisive=decisive,
        baselines=found.baselines,
        design=design,
        traffic=traffic,
        notes=_log_notes(found, design, experiment),
    )


def _check(arguments: argparse.Namespace) -> None:
    rules: dict[str, tuple[float | None, str, Callable[[float], bool]]] = {
        "--days": (arguments.days, "1 or more", lambda x: x >= 1),
        "--looks": (arguments.looks, "1 or more", lambda x: x >= 1),
        "--alpha": (arguments.alpha, "between 0 and 0.5", lambda x: 0 < x < 0.5),
        "--power": (arguments.power, "between 0.5 and 1", lambda x: 0.5 < x < 1),
        "--effect": (arguments.effect, "a lift other than 0, such as 2%", lambda x: x != 0),
        "--sd": (arguments.sd, "above 0", lambda x: 0 < x < math.inf),
        "--baseline": (
            arguments.baseline,
            "a finite value other than 0",
            lambda x: x != 0 and math.isfinite(x),
        ),
        "--cuped": (arguments.cuped, "from 0 to below 1", lambda x: 0 <= x < 1),
        "--daily-users": (arguments.daily_users, "above 0", lambda x: 0 < x < math.inf),
    }
    for name, (value, allowed, holds) in rules.items():
        if value is not None and not holds(value):
            raise ExperimentError(f"{name} is {value:g}; expected {allowed}")
    if arguments.sd is not None and arguments.baseline is None:
        raise ExperimentError("--sd goes with --baseline; give both, or neither for the log's own")


def _experiment(config: Config | None, arguments: argparse.Namespace) -> Experiment | None:
    if arguments.name is None:
        return None
    assert config is not None
    if arguments.name not in config.experiments:
        known = ", ".join(config.experiments) or "none"
        raise ExperimentError(
            f"{arguments.config}: there is no [experiments.{arguments.name}]; it has: {known}"
        )
    return config.experiments[arguments.name]


def _design(arguments: argparse.Namespace, experiment: Experiment | None) -> Design:
    days = arguments.days or (_DAYS if experiment is None else experiment.days)
    power = arguments.power or (_POWER if experiment is None else experiment.power)
    alpha = arguments.alpha or (_ALPHA if experiment is None else experiment.alpha)
    if experiment is None:
        return Design(days=days, alpha=alpha, power=power, looks=arguments.looks or days)
    shares = experiment.shares
    control = shares.pop(experiment.control_name)
    tests = len(experiment.metrics) * len(shares)
    looks = arguments.looks or max(round(days * DAY_MS / experiment.looks_ms), 1)
    return Design(
        days=days,
        control_share=control,
        variant_share=min(shares.values()),
        alpha=alpha / tests,
        power=power,
        looks=looks,
    )


def _metric_of(config: Config, name: str) -> Metric:
    if name not in config.metrics and name not in SEED_METRICS:
        known = ", ".join(dict.fromkeys([*config.metrics, *SEED_METRICS]))
        raise ExperimentError(f"there is no metric {name}; expected one of {known}")
    return metrics_of(config, [name])[0]


def _given(arguments: argparse.Namespace, name: str, metric: Metric | None, days: int) -> Baseline:
    value = arguments.baseline
    sd = arguments.sd
    if sd is None:
        if not _is_participation(name, metric):
            raise ExperimentError(
                f"--baseline of {name} needs --sd, the standard deviation of one user; only a "
                "participation metric can do without"
            )
        sd = participation_sd(value, days)
    return Baseline(metric=name, value=value, sd=sd, saved=arguments.cuped)


def _is_participation(name: str, metric: Metric | None) -> bool:
    return name == SEED_METRICS[0] if metric is None else isinstance(metric, Participation)


def _measured(
    arguments: argparse.Namespace,
    config: Config,
    experiment: Experiment | None,
    metrics: Sequence[Metric],
    days: int,
    console: Console,
) -> FromLog:
    with open_log(arguments, config) as log:
        stats = log.stats()
        assert stats.oldest_ms is not None
        assert stats.newest_ms is not None
        window = window_of(stats.oldest_ms, stats.newest_ms, days)
        listed = stands_for_impressions(
            config.impressions, lambda columns: log.read(columns=tuple(columns))
        )
        wanted = wanted_for(
            metrics,
            window,
            surface=None if experiment is None else experiment.surface,
            unit_field=None if experiment is None else experiment.unit_field,
            listed_as=config.impressions.interaction if listed else None,
        )
        with frames_with_progress(log, wanted.columns, console) as frames:
            return read_log(frames, wanted, metrics, window)


def _part(experiment: Experiment | None) -> float:
    """Share of a surface's users that take part in an experiment."""
    if experiment is None:
        return 1.0
    first, end = experiment.buckets
    return (end - first) / BUCKETS * experiment.ramp / 100 * (1 - experiment.holdout)


def _given_notes(arguments: argparse.Namespace) -> tuple[str, ...]:
    notes = []
    if arguments.sd is None:
        notes.append(
            f"the spread assumes that days of a user are correlated by {DAY_CORRELATION:g}; the "
            "log's own, or --sd, is better"
        )
    if arguments.daily_users is None:
        notes.append("with --daily-users, the plan also states how many days that takes")
    return tuple(notes)


def _log_notes(found: FromLog, design: Design, experiment: Experiment | None) -> tuple[str, ...]:
    notes = [
        f"measured on {found.users:,} users of the log's newest {found.days} days, with "
        f"{found.pre_days} days before for CUPED"
    ]
    if found.days < design.days:
        notes.append(
            f"the log is too short for {design.days} days; a user varies less over more days, so "
            "the numbers are rather too high"
        )
    if found.missing:
        notes.append(f"the log has nothing for {', '.join(found.missing)}")
    if experiment is not None:
        tests = len(experiment.metrics) * (len(experiment.variants) - 1)
        if tests > 1:
            notes.append(
                f"alpha is {design.alpha:.3g}: Holm's correction at its strictest, for {tests} "
                "comparisons"
            )
        if experiment.target:
            notes.append("`target` is ignored: fewer users will be in the experiment")
    return tuple(notes)
