"""Checks of the tables of experiments and metrics beyond the types of their values."""

import math
import re
from collections.abc import Iterable, Mapping
from itertools import combinations

from liverank.config_experiments import (
    AUTOPILOT,
    BUCKETS,
    HOLDOUT,
    SEED_METRICS,
    Experiment,
    Metric,
    Variant,
    parse_rank,
)
from liverank.errors import ConfigError
from liverank.quantities import duration_ms

_SHARES_TOLERANCE = 1e-6
_DAY_MS = 86_400_000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEYS = {
    "participation": ("interaction",),
    "ratio": ("numerator", "denominator"),
    "mean": ("interaction",),
    "retention": ("interaction", "from_", "to"),
    "quantile": ("interaction", "q"),
}
"""The keys that each kind of metric has in addition to the common ones."""
_REQUIRED = {"ratio": ("numerator", "denominator"), "retention": ("to",), "quantile": ("q",)}


def check_experiments(
    experiments: Mapping[str, Experiment],
    metrics: Mapping[str, Metric],
    labels: Iterable[str],
    where: str,
) -> None:
    """Raise ConfigError, naming the key and what is allowed, for a value that is not valid.

    ``labels`` are the names of the heads that a bundle of this config has.
    """
    for name, metric in metrics.items():
        _check_name(f"{where}: `metrics.{name}`", name)
        _check_metric(f"{where}: `metrics.{name}", metric)
    known = [*metrics, *(name for name in SEED_METRICS if name not in metrics)]
    for name, experiment in experiments.items():
        key = f"{where}: `experiments.{name}"
        _check_name(f"{key}`", name)
        if name == AUTOPILOT:
            raise ConfigError(
                f"{key}` has the name under which the holdout of [autopilot] is logged; take "
                "another name"
            )
        _check_names(key, experiment, known)
        _check_numbers(key, experiment)
        for of, variant in experiment.variants.items():
            _check_name(f"{key}.variants.{of}`", of)
            _check_variant(f"{key}.variants.{of}", variant, list(labels))
    _check_layers(experiments, where)


def _check_name(key: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{key} has no plain name; expected 1 to 64 of A-Z, a-z, 0-9, _ and -")


def _check_names(key: str, experiment: Experiment, metrics: list[str]) -> None:
    variants = list(experiment.variants)
    if len(variants) < 2:
        raise ConfigError(f"{key}.variants` names {len(variants)}; an experiment has two or more")
    if HOLDOUT in variants:
        raise ConfigError(
            f"{key}.variants.{HOLDOUT}` has a name that stands for the holdout; give it another"
        )
    named = [("control", experiment.control_name)]
    named += [(f"forced.{unit}", variant) for unit, variant in experiment.forced.items()]
    for of, variant in named:
        if variant not in variants:
            raise ConfigError(
                f'{key}.{of}` is "{variant}"; expected one of the variants: {", ".join(variants)}'
            )
    if not experiment.metrics:
        raise ConfigError(f"{key}.metrics` is empty; the first is what decides")
    for of, names in (("metrics", experiment.metrics), ("guardrails", experiment.guardrails)):
        for index, metric in enumerate(names):
            if metric not in metrics:
                raise ConfigError(
                    f'{key}.{of}[{index}]` is "{metric}"; expected a metric of [metrics.NAME] or '
                    f"one of {', '.join(metrics)}"
                )
    repeated = sorted(set(experiment.metrics) & set(experiment.guardrails))
    if repeated or len(set(experiment.metrics)) < len(experiment.metrics):
        raise ConfigError(
            f"{key}.metrics` and `guardrails` name one twice: "
            f"{', '.join(repeated or experiment.metrics)}"
        )
    if not re.fullmatch(r"user|fields\..+", experiment.unit, re.S):
        raise ConfigError(
            f'{key}.unit` is "{experiment.unit}"; expected "user" or "fields.NAME", '
            "a field of the request"
        )


def _check_numbers(key: str, experiment: Experiment) -> None:
    first, end = experiment.buckets
    if not 0 <= first < end <= BUCKETS:
        raise ConfigError(
            f"{key}.buckets` is [{first}, {end}]; expected two bounds from 0 to {BUCKETS}, "
            "the lower first"
        )
    shares = [variant.share for variant in experiment.variants.values()]
    if None in shares and any(share is not None for share in shares):
        raise ConfigError(f"{key}.variants` name some shares and not others; name all or none")
    total = math.fsum(experiment.shares.values())
    if abs(total - 1) > _SHARES_TOLERANCE:
        raise ConfigError(
            f"{key}.variants` have shares that sum to {total:g}; expected 1. `ramp` says how many "
            "units take part at all"
        )
    if experiment.start and experiment.end and experiment.start >= experiment.end:
        raise ConfigError(f"{key}.end` is not after its start, {experiment.start.isoformat()}")
    for field, values in experiment.target.items():
        if not values:
            raise ConfigError(f"{key}.target.{field}` is empty; name a value, or leave it out")


def _check_variant(key: str, variant: Variant, labels: list[str]) -> None:
    if (variant.rank is None) == (not variant.weights):
        raise ConfigError(f"{key}` needs either `rank` or `weights`")
    if variant.rank is not None:
        try:
            parse_rank(variant.rank)
        except ValueError as error:
            raise ConfigError(f"{key}.rank` is {error}") from None
    allowed = [*labels, *(["popular"] if "popular" not in labels else [])]
    for label, weight in variant.weights.items():
        if label not in allowed:
            raise ConfigError(
                f"{key}.weights.{label}` weighs no label; expected {', '.join(allowed)}"
            )
        if not math.isfinite(weight):
            raise ConfigError(f"{key}.weights.{label}` is {weight}; expected a finite number")
    if variant.weights and not any(variant.weights.values()):
        raise ConfigError(f"{key}.weights` are all zero; such scores order nothing")


def _check_layers(experiments: Mapping[str, Experiment], where: str) -> None:
    """Refuse two experiments of one surface or layer that share units while both may run."""
    for (name, one), (other_name, other) in combinations(experiments.items(), 2):
        if _is_before(one, other) or _is_before(other, one):
            continue
        layers = [experiment.layer or experiment.surface for experiment in (one, other)]
        if layers[0] != layers[1]:
            if one.surface == other.surface:
                raise ConfigError(
                    f"{where}: `experiments.{other_name}.layer` is another than that of "
                    f'`experiments.{name}`, and both rank the surface "{one.surface}"; a list has '
                    "one variant, so give them one layer and other buckets of it"
                )
            continue
        if one.unit != other.unit:
            raise ConfigError(
                f"{where}: `experiments.{other_name}.unit` is another than that of "
                f'`experiments.{name}`, and both share the layer "{layers[0]}"; buckets of a layer '
                "are of one unit, so give it another layer"
            )
        if one.buckets[1] <= other.buckets[0] or other.buckets[1] <= one.buckets[0]:
            continue
        raise ConfigError(
            f"{where}: `experiments.{other_name}.buckets` overlap those of `experiments.{name}` "
            f'in the layer "{layers[0]}", and both may run at one time; give them other buckets, '
            "an `end` before the other's `start`, or another `layer`"
        )


def _is_before(one: Experiment, other: Experiment) -> bool:
    return one.end is not None and other.start is not None and one.end <= other.start


def _check_metric(key: str, metric: Metric) -> None:
    window_ms = metric.window_ms
    if metric.kind == "participation" and (window_ms < _DAY_MS or window_ms % _DAY_MS):
        raise ConfigError(
            f'{key}.window` is "{metric.window}"; participation counts days, so give whole days, '
            'e.g. "28d"'
        )
    allowed = _KEYS[metric.kind]
    for field in ("interaction", "numerator", "denominator", "from_", "to", "q"):
        given = getattr(metric, field) is not None
        if given and field not in allowed:
            raise ConfigError(
                f'{key}.{field.strip("_")}` is no key of a metric of kind "{metric.kind}"; '
                f"expected {', '.join(name.strip('_') for name in allowed)}"
            )
        if not given and field in _REQUIRED.get(metric.kind, ()):
            raise ConfigError(
                f'{key}.{field.strip("_")}` is left out; a metric of kind "{metric.kind}" needs it'
            )
    if metric.kind == "retention" and metric.to is not None:
        first_ms = 0.0 if metric.from_ is None else duration_ms(metric.from_)
        if duration_ms(metric.to) <= first_ms:
            raise ConfigError(f'{key}.to` is "{metric.to}"; expected longer than `from`')
