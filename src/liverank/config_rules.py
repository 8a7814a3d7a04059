"""Checks of liverank.toml beyond the types of its values."""

import math
import re
from collections.abc import Iterator
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from liverank.errors import ConfigError
from liverank.quantities import DurationRule, duration_ms, size_bytes

if TYPE_CHECKING:
    from liverank.config import Config, Features, Label
    from liverank.config_autopilot import Autopilot

_WEB_ADDRESS = re.compile(
    r"https?://[\w.@:%~-]*?([\w.-]+|\[[0-9a-fA-F:]+\])(:\d{1,5})?([/?][!-~]*)?"
)
_MAIL_ADDRESS = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")
_MIN_MEMORY_BYTES = 64_000_000
_MAX_MEMORY_BYTES = 16_000_000_000
"""Largest memory: feature state reserves twice as much, addressed by 32-bit word indices."""


def check(config: "Config", where: str) -> None:
    """Raise ConfigError, naming the key and what is allowed, for a value that is not valid."""
    for key, text, rule in _durations(config, type(config), ""):
        if not (key.startswith("label.") and _is_label_named(config)):  # the file has `labels.NAME`
            _check_duration(key, text, rule, where)
    _check_features(config.features, where)
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
            "lists instead of them; leave one of the two out"
        )
    _check_labels(config, where)
    if config.autopilot is not None:
        _check_autopilot(config.autopilot, where)


def _check_autopilot(autopilot: "Autopilot", where: str) -> None:
    if autopilot.memory is not None:
        try:
            size_bytes(autopilot.memory)
        except ConfigError as error:
            raise ConfigError(f"{where}: `autopilot.memory` is {error}") from None
    alarms = autopilot.alarms
    for key, url in (("webhook", alarms.webhook), ("slack", alarms.slack)):
        if url is not None and not _WEB_ADDRESS.fullmatch(url):  # a secret, which is not shown
            raise ConfigError(
                f"{where}: `autopilot.alarms.{key}` is not a URL such as https://host/path"
            )
    email = alarms.email
    if email is not None and email.user is not None and email.password_variable is None:
        raise ConfigError(
            f"{where}: `autopilot.alarms.email.user` is {email.user!r}; name the environment "
            "variable with its password in `password_variable`"
        )
    for address in () if email is None else (email.from_, *email.to):
        if not _MAIL_ADDRESS.fullmatch(address):
            raise ConfigError(
                f"{where}: `autopilot.alarms.email` has the address {address!r}; expected one "
                "such as ann@example.com"
            )


def _durations(value: Any, kind: Any, key: str) -> Iterator[tuple[str, str, DurationRule]]:
    """Every duration of the config with its key and rule, found by the types of the fields."""
    if get_origin(kind) is Annotated:
        rules = [mark for mark in get_args(kind) if isinstance(mark, DurationRule)]
        if rules:
            yield key, value, rules[0]
    elif value is not None and get_origin(kind) in (Union, UnionType):
        yield from _durations(value, get_args(kind)[0], key)
    elif isinstance(value, msgspec.Struct):
        kinds = get_type_hints(type(value), include_extras=True)
        for field in msgspec.structs.fields(value):
            inner = f"{key}.{field.encode_name}" if key else field.encode_name
            yield from _durations(getattr(value, field.name), kinds[field.name], inner)
    elif isinstance(value, dict) and get_origin(kind) is dict:
        for name, entry in value.items():
            yield from _durations(entry, get_args(kind)[1], f"{key}.{name}")
    elif isinstance(value, tuple) and get_args(kind)[1:] == (...,):
        for index, entry in enumerate(value):
            yield from _durations(entry, get_args(kind)[0], f"{key}[{index}]")


def _check_duration(key: str, text: str, rule: DurationRule, where: str) -> None:
    if rule.never and text == "never":
        return
    try:
        value = duration_ms(text)
    except ConfigError as error:
        raise ConfigError(f"{where}: `{key}` is {error}") from None
    if rule.finite and math.isinf(value):
        never = ', or "never"' if rule.never else ""
        raise ConfigError(f'{where}: `{key}` is "forever"; it must be finite, e.g. "1h"{never}')


def _check_features(features: "Features", where: str) -> None:
    try:
        if features.memory_bytes < _MIN_MEMORY_BYTES:
            raise ConfigError(f'"{features.memory}"; expected "64MB" or more')
        if features.memory_bytes > _MAX_MEMORY_BYTES:
            raise ConfigError(f'"{features.memory}"; expected "16GB" or less')
    except ConfigError as error:
        raise ConfigError(f"{where}: `features.memory` is {error}") from None
    if not features.half_lives:
        raise ConfigError(f'{where}: `features.half_lives` is empty; name at least one, e.g. "1d"')
    if len(set(features.half_lives)) != len(features.half_lives):
        raise ConfigError(f"{where}: `features.half_lives` names one twice")


def _is_label_named(config: "Config") -> bool:
    """Whether ``label`` is the first of ``labels`` rather than a table of its own in the file."""
    return bool(config.labels) and config.label == next(iter(config.labels.values()))


def _labels(config: "Config") -> dict[str, "Label"]:
    """All labels by their keys."""
    named = {f"labels.{name}": label for name, label in config.labels.items()}
    return named if _is_label_named(config) else {"label": config.label, **named}


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
            f"{where}: `labels.{config.label.interaction}` has the name that `[label]` has; "
            "give it another, or leave `[label]` out: lists are ranked by the first of `labels`"
        )
