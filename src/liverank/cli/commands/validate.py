"""``liverank validate``: check the config and the events, and report the problems found."""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich.console import Console

from liverank.cli.project.clock import now_ms
from liverank.cli.project.importing import reading_progress
from liverank.cli.project.paths import add_config_argument, log_path
from liverank.config import Config, load_config
from liverank.dataset.labels.labelled import LabelledRankings
from liverank.errors import ConfigError, DatasetError
from liverank.events.checks.checks import Oddities
from liverank.events.checks.contents import ContentNumbers
from liverank.events.checks.finding import Finding
from liverank.events.log import Log
from liverank.events.schema.declared import Unknown, declared_by
from liverank.events.schema.profile import Profile, profile_events
from liverank.events.schema.schema import resolve_schema
from liverank.events.schema.unused_words import unused_words
from liverank.events.sources.mapping.mapping import parse_source
from liverank.events.sources.read_events import read_events
from liverank.tables.compressed import Progress as OnProgress

HELP = "check the config and the events, and report problems"

_MOST_EXAMPLES = 3
"""Maximum number of rejected rows that are printed."""

_REFUSED = "; `events.strict` refuses them"

_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "events",
        nargs="*",
        type=Path,
        metavar="EVENTS",
        help="files or folders of events; without any, those of the log",
    )
    add_config_argument(parser)


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Check, report, and fail only when a finding is an error."""
    config = load_config(arguments.config)
    for index, source in enumerate(config.sources):
        parse_source(source, where=f"sources[{index}]")
    oddities = Oddities(config, now_ms=now_ms(), of_log=not arguments.events)
    labelled = LabelledRankings(config, oddities.shown)
    rejected = _Rejected()

    def looked_at(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        for frame in frames:
            oddities.feed(frame)
            labelled.feed(frame)
            yield frame

    with _events(arguments, config, rejected, console) as frames:
        profile = profile_events(looked_at(frames))
    findings = rejected.findings()
    findings += _fields(config, profile)
    findings += _words(config, profile)
    findings += _strictly(oddities.findings(), config, profile)
    findings += _labelled_rankings(labelled, config, rankings=oddities.shown.index.size)
    ok = all(finding.severity != "error" for finding in findings)
    _show(findings, profile, console)
    return {
        "ok": ok,
        "findings": msgspec.to_builtins(findings),
        "counts": {
            "events": profile.events,
            "interactions": {name: seen.count for name, seen in profile.interactions.items()},
            "rejected": rejected.count,
        },
    }


@contextmanager
def _events(
    arguments: argparse.Namespace, config: Config, rejected: "_Rejected", console: Console
) -> Iterator[Iterator[pl.DataFrame]]:
    """Frames of the events in the given files, else in the log, if there is one."""
    directory = log_path(arguments.config, config)
    if arguments.events:
        with reading_progress(arguments.events, console) as on_progress:
            yield _of_files(arguments.events, config, rejected, on_progress)
    elif directory.exists():
        with console.status("Reading the log"), Log.open(directory) as log:
            yield log.read()
    else:
        yield iter(())


def _of_files(
    paths: Sequence[Path], config: Config, rejected: "_Rejected", on_progress: OnProgress
) -> Iterator[pl.DataFrame]:
    numbers = ContentNumbers()
    declared = declared_by(config)._replace(is_strict=False)  # names have separate findings
    for part in read_events(paths, config.sources, declared=declared, on_progress=on_progress):
        rejected.add(part.rejected)
        yield numbers.numbered(part.frame, part.path)


class _Rejected:
    """The number of rows that are not events, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self._examples: list[str] = []

    def add(self, rejected: pl.DataFrame) -> None:
        """Count rejected rows, with the columns of ``reading.REJECTED``."""
        self.count += rejected.height
        more = rejected.head(_MOST_EXAMPLES - len(self._examples)).iter_rows()
        self._examples += [f"{where}: {reason}" for where, reason in more]

    def findings(self) -> list[Finding]:
        """The finding, if there are any."""
        if not self.count:
            return []
        message = "rows are no events and would be left out of an import"
        return [
            Finding(
                name="rejected_rows",
                severity="error",
                message=message,
                count=self.count,
                examples=tuple(self._examples),
            )
        ]


def _fields(config: Config, profile: Profile) -> list[Finding]:
    """Declared fields that contradict the data or are missing, and fields of inferred type."""
    try:
        resolve_schema(config, profile)
    except ConfigError as error:
        return [Finding(name="wrong_field_type", severity="error", message=str(error), count=1)]
    entities = {
        "items": (config.items.fields, profile.items, "item"),
        "users": (config.users.fields, profile.users, "user"),
        "requests": (config.requests.fields, profile.requests, ""),
    }
    typed = tuple(
        f'{entity}.{name} = "{seen.guess}"'
        for entity, (declared, fields, _) in entities.items()
        for name, seen in fields.items()
        if name not in declared
    )
    absent = tuple(
        f"{entity}.{name}"
        for entity, (declared, fields, kind) in entities.items()
        for name in declared
        if name not in fields and (profile.events.get(kind) or (not kind and profile.events))
    )
    findings = []
    if absent:
        message = "declared fields are in no event that was looked at"
        findings.append(_listed("fields_never_seen", "warning", message, absent))
    if typed:
        message = "fields that the config does not declare were typed by looking at them"
        findings.append(_listed("undeclared_fields", "info", message, typed))
    return findings


def _words(config: Config, profile: Profile) -> list[Finding]:
    """Names in the config that no event has, and surfaces that the config does not declare."""
    words = unused_words(config, profile)
    findings = []
    if words:
        severity = "info" if all(word.is_default for word in words) else "warning"
        message = "words of the config are in no event that was looked at"
        in_config = tuple(word.message for word in words)
        findings.append(_listed("words_never_seen", severity, message, in_config))
    return findings + _unknown_surfaces(config, profile)


def _unknown_surfaces(config: Config, profile: Profile) -> list[Finding]:
    """Surfaces that [surfaces] does not declare: an error if the config is strict."""
    declared = declared_by(config)
    counts = Counter({Unknown("surface", name): n for name, n in profile.surfaces.items()})
    known = declared.surfaces or profile.surfaces
    unknown = Counter({key: count for key, count in counts.items() if key.name not in known})
    if not unknown:
        return []
    severity = "error" if declared.is_strict else "warning"
    message = "surfaces that [surfaces] does not name" + _REFUSED * declared.is_strict
    return [_listed("unknown_surfaces", severity, message, tuple(declared.warnings(unknown)))]


def _strictly(findings: list[Finding], config: Config, profile: Profile) -> list[Finding]:
    """The findings, with undeclared types as an error if a strict config refuses them."""
    declared = declared_by(config)
    counts = {name: seen.count for name, seen in profile.interactions.items()}
    unknown = Counter(
        {Unknown("type", name): n for name, n in counts.items() if name not in declared.types}
    )
    if not (declared.is_strict and declared.types and unknown):
        return findings
    strict = Finding(
        name="unknown_interactions",
        severity="error",
        message="interactions are of a type that nothing in liverank.toml declares" + _REFUSED,
        count=unknown.total(),
        examples=tuple(declared.warnings(unknown)),
    )
    return [strict if finding.name == strict.name else finding for finding in findings]


def _listed(name: str, severity: Any, message: str, examples: tuple[str, ...]) -> Finding:
    return Finding(
        name=name, severity=severity, message=message, count=len(examples), examples=examples
    )


def _labelled_rankings(
    labelled: LabelledRankings, config: Config, *, rankings: int
) -> list[Finding]:
    """The share of rankings that led to a success, for each label."""
    if not rankings:
        return []
    findings = []
    for name, label in config.heads.items():
        try:
            count = labelled.count(name)
        except DatasetError as error:
            message = f"label `{name}`: {error}"
            findings.append(_listed("labelled_rankings", "warning", message, ()))
            continue
        stay = "" if label.min_duration is None else f" of {label.min_duration} or more"
        findings.append(
            Finding(
                name="labelled_rankings",
                severity="info" if count else "warning",
                message=f"of {rankings:,} rankings led to a {label.interaction}{stay} "
                f"within {label.within} ({count / rankings:.1%})",
                count=count,
            )
        )
    return findings


def _show(findings: list[Finding], profile: Profile, console: Console) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in profile.events.items())
    console.print(f"The config is sound. Events: {kinds or 'none yet'}")
    for finding in findings:
        colour = _COLOURS[finding.severity]
        console.print(f"[{colour}]{finding.severity:<8}[/]", end="")
        console.print(f"{finding.count:>10,} {finding.message}", markup=False, soft_wrap=True)
        for example in finding.examples[:10]:
            console.print(f"{'':>19}{example}", markup=False, soft_wrap=True)
