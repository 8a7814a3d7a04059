"""``liverank validate``: check the config and the events, and say what is odd."""

import argparse
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from rich.console import Console

from liverank.cli.clock import now_ms
from liverank.cli.importing import reading_progress
from liverank.cli.paths import add_config_argument, log_path
from liverank.config import Config, load_config
from liverank.dataset.labels import label_items, long_stays, successes_of
from liverank.errors import ConfigError, DatasetError
from liverank.events.frame import empty_frame
from liverank.events.log import Log
from liverank.events.oddities.checks import find_oddities
from liverank.events.oddities.finding import Finding
from liverank.events.profile import Profile, profile_events
from liverank.events.schema import resolve_schema
from liverank.events.sources.mapping import parse_source
from liverank.events.sources.reading import REJECTED, read_all

HELP = "check the config and the events, and say what is odd"

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
    """Check, tell, and fail only when a finding is an error."""
    config = load_config(arguments.config)
    for place, source in enumerate(config.sources):
        parse_source(source, where=f"sources[{place}]")
    frame, rejected = _events(arguments, config, console)
    profile = profile_events([frame])
    findings: list[Finding] = []
    if rejected.height:
        findings.append(_rejected_rows(rejected))
    findings += _fields(config, profile)
    if frame.height:
        findings += find_oddities(frame, config, now_ms=now_ms())
        findings += _labelled_rankings(frame, config)
    ok = all(finding.severity != "error" for finding in findings)
    _tell(findings, profile, console)
    return {
        "ok": ok,
        "findings": msgspec.to_builtins(findings),
        "counts": {
            "events": profile.events,
            "interactions": {name: seen.count for name, seen in profile.interactions.items()},
            "rejected": rejected.height,
        },
    }


def _events(
    arguments: argparse.Namespace, config: Config, console: Console
) -> tuple[pl.DataFrame, pl.DataFrame]:
    if arguments.events:
        with reading_progress(arguments.events, console) as on_progress:
            return read_all(arguments.events, config.sources, on_progress=on_progress)
    directory = log_path(arguments.config, config)
    none_rejected = pl.DataFrame(schema=REJECTED)
    if not directory.exists():
        return empty_frame(), none_rejected
    with console.status("Reading the log"), Log.open(directory) as log:
        return pl.concat([empty_frame(), *log.read()]), none_rejected


def _rejected_rows(rejected: pl.DataFrame) -> Finding:
    return Finding(
        name="rejected_rows",
        severity="error",
        message="rows are no events and would be left out of an import",
        count=rejected.height,
        examples=tuple(f"{where}: {reason}" for where, reason in rejected.head(3).iter_rows()),
    )


def _fields(config: Config, profile: Profile) -> list[Finding]:
    """Declared fields that the data denies or lacks, and fields that were typed by looking."""
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


def _listed(name: str, severity: Any, message: str, examples: tuple[str, ...]) -> Finding:
    return Finding(
        name=name, severity=severity, message=message, count=len(examples), examples=examples
    )


def _labelled_rankings(frame: pl.DataFrame, config: Config) -> list[Finding]:
    """The share of rankings that led to a success, by each label."""
    rankings = frame.filter(pl.col("event") == "ranking").with_row_index("list")
    if rankings.is_empty():
        return []
    items = rankings.select("list", "id", "user", "time", item="items").explode(
        "item", empty_as_null=False
    )
    leaves = frame.filter(pl.col("type") == config.presence.leave)
    findings = []
    for name, label in config.heads.items():
        try:
            successes = long_stays(successes_of(frame, label), leaves, label)
        except DatasetError as error:
            message = f"label `{name}`: {error}"
            findings.append(_listed("labelled_rankings", "warning", message, ()))
            continue
        rows = pl.Series(label_items(items, successes, label) == 1)
        labelled = items.filter(rows)["list"].n_unique()
        stay = "" if label.min_duration is None else f" of {label.min_duration} or more"
        findings.append(
            Finding(
                name="labelled_rankings",
                severity="info" if labelled else "warning",
                message=f"of {rankings.height:,} rankings led to a {label.interaction}{stay} "
                f"within {label.within} ({labelled / rankings.height:.1%})",
                count=labelled,
            )
        )
    return findings


def _tell(findings: list[Finding], profile: Profile, console: Console) -> None:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in profile.events.items())
    console.print(f"The config is sound. Events: {kinds or 'none yet'}")
    for finding in findings:
        colour = _COLOURS[finding.severity]
        console.print(f"[{colour}]{finding.severity:<8}[/]", end="")
        console.print(f"{finding.count:>10,} {finding.message}", markup=False, soft_wrap=True)
        for example in finding.examples[:10]:
            console.print(f"{'':>19}{example}", markup=False, soft_wrap=True)
