"""Rules of liverank.toml beyond the types of its values."""

import math
from typing import TYPE_CHECKING

from liverank.errors import ConfigError
from liverank.quantities import duration_ms

if TYPE_CHECKING:
    from liverank.config import Config, Label

_MIN_MEMORY_BYTES = 64_000_000
_MAX_MEMORY_BYTES = 16_000_000_000
"""Feature state reserves twice as much, and names a place in it by a 32-bit number of words."""


def check(config: "Config", where: str) -> None:
    """Raise ConfigError, naming the key and what is allowed, where a value makes no sense."""
    durations = {
        "features.max_future": config.features.max_future,
        "presence.expire_after": config.presence.expire_after,
        "training.budget": config.training.budget,
        "serving.expire_after": config.serving.expire_after,
        "serving.log_wait": config.serving.log_wait,
        "serving.max_lag": config.serving.max_lag,
        "serving.slow_request": config.serving.slow_request,
        "serving.keep_alive": config.serving.keep_alive,
        "log.keep": config.log.keep,
    }
    if config.serving.snapshot_every != "never":
        durations["serving.snapshot_every"] = config.serving.snapshot_every
    if config.candidates is not None:
        durations["candidates.within"] = config.candidates.within
    for name, surface in config.surfaces.items():
        durations[f"surfaces.{name}.deadline"] = surface.deadline
    for place, text in enumerate(config.features.half_lives):
        durations[f"features.half_lives[{place}]"] = text
    finite = {
        "features.max_future",
        "presence.expire_after",
        "training.budget",
        "candidates.within",
        "serving.log_wait",
        "serving.snapshot_every",
    }
    for key, label in _labels(config).items():
        durations[f"{key}.within"] = label.within
        finite.add(f"{key}.within")
        if label.min_duration is not None:
            durations[f"{key}.min_duration"] = label.min_duration
            finite.add(f"{key}.min_duration")
    for key, text in durations.items():
        try:
            value = duration_ms(text)
        except ConfigError as error:
            raise ConfigError(f"{where}: `{key}` is {error}") from None
        if key in finite and math.isinf(value):
            never = ', or "never"' if key == "serving.snapshot_every" else ""
            raise ConfigError(f'{where}: `{key}` is "forever"; it must be finite, e.g. "1h"{never}')
    try:
        if config.features.memory_bytes < _MIN_MEMORY_BYTES:
            raise ConfigError(f'"{config.features.memory}"; expected "64MB" or more')
        if config.features.memory_bytes > _MAX_MEMORY_BYTES:
            raise ConfigError(f'"{config.features.memory}"; expected "16GB" or less')
    except ConfigError as error:
        raise ConfigError(f"{where}: `features.memory` is {error}") from None
    if not config.features.half_lives:
        raise ConfigError(f'{where}: `features.half_lives` is empty; name at least one, e.g. "1d"')
    if len(set(config.features.half_lives)) != len(config.features.half_lives):
        raise ConfigError(f"{where}: `features.half_lives` names one twice")
    if config.presence.enter == config.presence.leave:
        raise ConfigError(
            f"{where}: `presence.enter` and `presence.leave` are both {config.presence.enter!r}; "
            "coming and going are two types of interaction"
        )
    if "\0" in config.path:
        raise ConfigError(f"{where}: `path` is {config.path!r}; expected a path without NUL")
    if config.training.variants and config.candidates is not None:
        raise ConfigError(
            f"{where}: `training.variants` chooses among logged rankings, and `candidates` makes "
            "lists of its own; leave one of them out"
        )
    _check_labels(config, where)


def _labels(config: "Config") -> dict[str, "Label"]:
    """All labels by their keys."""
    named = {f"labels.{name}": label for name, label in config.labels.items()}
    is_first = bool(named) and config.label == next(iter(named.values()))
    return named if is_first else {"label": config.label, **named}


def _check_labels(config: "Config", where: str) -> None:
    for key, label in _labels(config).items():
        if label.min_value is not None and not math.isfinite(label.min_value):
            raise ConfigError(
                f"{where}: `{key}.min_value` is {label.min_value}; expected a finite number"
            )
        if config.interactions and label.interaction not in config.interactions:
            raise ConfigError(
                f"{where}: `{key}.interaction` is {label.interaction!r}, which is not among "
                f"`interactions`: {', '.join(config.interactions)}"
            )
    clash = config.labels.get(config.label.interaction, config.label)
    if config.label not in config.labels.values() and clash != config.label:
        raise ConfigError(
            f"{where}: `labels.{config.label.interaction}` has the name of what `[label]` says; "
            "give it another, or leave `[label]` out: the first of `labels` is what lists are "
            "ranked by"
        )
