"""``liverank experiment analyse``: analyse an experiment from any table of its units."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from liverank.errors import ExperimentError
from liverank.experiments.analysis.spec import (
    MetricSpec,
    TableSpec,
    parse_covariate,
    parse_metric,
)

HELP = "analyse an experiment from a table: CSV, TSV or Parquet"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("table", type=Path, metavar="TABLE", help="CSV, TSV or Parquet")
    parser.add_argument(
        "--unit", required=True, metavar="COL", help="column of the assigned units, e.g. users"
    )
    parser.add_argument(
        "--variant", required=True, metavar="COL", help="column of the assigned variants"
    )
    parser.add_argument("--control", metavar="NAME", help="the variant to compare with")
    _add_metrics(parser)
    parser.add_argument(
        "--time", metavar="COL", help="day or time of a row, if a unit has several rows"
    )
    parser.add_argument(
        "--cluster", metavar="COL", help="column of units assigned together, if coarser"
    )
    _add_many(parser, "--segment", "COL", "segments in which to look for a broken split")
    _add_many(parser, "--share", "NAME=SHARE", "planned share of a variant; default: equal")
    parser.add_argument("--alpha", type=float, default=0.05, help="two-sided error; 0.05")
    parser.add_argument(
        "--looks", metavar="SHARES", help="shares of the planned units at all looks: 0.25,0.5"
    )
    parser.add_argument(
        "--drop-mixed", action="store_true", help="leave out units that are in two arms"
    )


def run(arguments: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Analyse the table. Raises SourceError and ExperimentError."""
    from liverank.automl.data.read_table import column_names, read_table
    from liverank.cli.commands.experiment.analysis_tables import as_json, show_analysis
    from liverank.experiments.analysis import analyse
    from liverank.experiments.analysis.columns import check_columns

    spec = _spec(arguments)
    path: Path = arguments.table
    try:
        with console.status(f"reading {path.name}"):
            check_columns(spec.columns, column_names(path))
            found = analyse(read_table(path, spec.columns), spec)
            if not found.split.ok and not spec.segments:
                # other columns may reveal the cause of a broken split
                found = analyse(read_table(path), spec)
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from None
    show_analysis(found, console)
    return as_json(found)


def _add_metrics(parser: argparse.ArgumentParser) -> None:
    _add_many(
        parser,
        "--metric",
        "EXPR",
        "NAME=mean(COL), ratio(COL,COL) or quantile(COL,Q); first decides",
    )
    _add_many(parser, "--guardrail", "EXPR", "a metric that must not get worse")
    _add_many(parser, "--margin", "NAME=SHARE", "how much worse a guardrail may be: 0.01 is 1 %%")
    _add_many(parser, "--down", "NAME", "a metric that is better when lower")
    _add_many(
        parser, "--covariate", "COL", "known before the experiment; METRIC=COL for one metric"
    )


def _add_many(parser: argparse.ArgumentParser, option: str, metavar: str, what: str) -> None:
    parser.add_argument(
        option, action="append", default=[], metavar=metavar, help=f"{what}; may be repeated"
    )


def _spec(arguments: argparse.Namespace) -> TableSpec:
    return TableSpec(
        unit=arguments.unit,
        variant=arguments.variant,
        metrics=_metrics(arguments),
        control=arguments.control,
        shares=_numbers("--share", arguments.share),
        time=arguments.time,
        cluster=arguments.cluster,
        segments=tuple(dict.fromkeys(arguments.segment)),
        alpha=arguments.alpha,
        looks=_looks(arguments.looks),
        drop_mixed=arguments.drop_mixed,
    )


def _metrics(arguments: argparse.Namespace) -> list[MetricSpec]:
    metrics = [parse_metric(text) for text in arguments.metric]
    metrics += [replace(parse_metric(text), is_guardrail=True) for text in arguments.guardrail]
    names = [metric.name for metric in metrics]
    margins = _numbers("--margin", arguments.margin)
    covariates = [parse_covariate(text) for text in arguments.covariate]
    _check_names("--margin", margins, [one.name for one in metrics if one.is_guardrail])
    _check_names("--down", arguments.down, names)
    _check_names("--covariate", [name for name, _ in covariates if name is not None], names)
    for name, margin in margins.items():
        if not 0 <= margin < 1:
            raise ExperimentError(f"--margin: {name}={margin:g}; give a share such as 0.01")
    return [
        replace(
            metric,
            direction="down" if metric.name in arguments.down else "up",
            margin=margins.get(metric.name),
            covariates=tuple(spec for name, spec in covariates if name in (None, metric.name)),
        )
        for metric in metrics
    ]


def _check_names(option: str, given: Sequence[str] | dict[str, float], known: list[str]) -> None:
    for name in given:
        if name not in known:
            raise ExperimentError(
                f"{option}: there is no metric `{name}` that it may name; "
                f"there are {', '.join(known) or 'none'}"
            )


def _numbers(option: str, given: Sequence[str]) -> dict[str, float]:
    found = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            found[name.strip()] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise ExperimentError(f"{option}: `{text}` is not understood; write NAME=0.5")
    return found


def _looks(text: str | None) -> tuple[float, ...]:
    try:
        looks = tuple(float(part) for part in text.split(",")) if text else ()
        if any(not 0 < share <= 1 for share in looks):
            raise ValueError(looks)
        return looks
    except ValueError:
        raise ExperimentError(
            f"--looks: `{text}` is not understood; give rising shares of the plan: 0.25,0.5,1"
        ) from None
