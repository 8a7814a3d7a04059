"""Prints a plan in a terminal."""

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from liverank.cli.commands.experiment.plan_inputs import PlanInputs
from liverank.experiments.analysis.words import number, percent
from liverank.experiments.planning.size import Size


def print_plan(inputs: PlanInputs, sizes: Sequence[Size], console: Console) -> None:
    """Print the sample size of a plan, and the smallest detectable effects."""
    design = inputs.design
    decisive = next(size for size in sizes if size.metric == inputs.decisive)
    for line in _sentences(inputs, decisive):
        console.print(escape(line))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column("metric")
    for name in ("now", "spread of a user", "saved by CUPED", "smallest effect seen"):
        table.add_column(name, justify="right")
    for size in sizes:
        reach = size.smallest_lift
        table.add_row(
            escape(size.metric),
            number(size.baseline),
            number(size.sd),
            percent(size.saved).lstrip("+"),
            "?" if math.isnan(reach) else f"{percent(reach).lstrip('+')} up or down",
            style="bold" if size is decisive else "",
        )
    console.print(table)
    console.print(
        f"{design.days} days, {design.looks} looks, power {design.power:g}, alpha "
        f"{design.alpha:.3g}, shares {design.control_share:.0%} and {design.variant_share:.0%}"
    )
    for note in inputs.notes:
        console.print(f"Note: {escape(note)}.")


def refusal(inputs: PlanInputs, size: Size) -> str:
    """The reason why a test is refused, and changes that would make it possible."""
    assert inputs.traffic is not None
    assert size.lift is not None
    available = inputs.traffic.users_by(inputs.design.days)
    longer = ""
    if size.days is not None and math.isfinite(size.days):
        longer = f", or plan {size.days:,.0f} days"
    return (
        f"{size.metric}: {percent(size.lift)} takes {size.users:,} users, and {inputs.design.days} "
        f"days bring about {available:,.0f}, who show {percent(size.smallest_lift)} or more; "
        f"look for a larger effect, give it more traffic{longer}"
    )


def _sentences(inputs: PlanInputs, size: Size) -> list[str]:
    lines = []
    if size.lift is not None and size.users is not None:
        line = (
            f"{size.metric}: {percent(size.lift)} on {number(size.baseline)} takes "
            f"{size.users_an_arm:,} users an arm, {size.users:,} in all"
        )
        if size.users_one_look != size.users:
            line += f" ({size.users_one_look:,} with a single look at the end)"
        lines.append(f"{line}.")
        if size.saved > 0:
            lines.append(f"Without CUPED it would take {size.users_without_cuped:,}.")
        if size.days is not None and math.isfinite(size.days):
            lines.append(f"So many come in about {size.days:,.0f} days.")
    elif inputs.traffic is not None and not math.isnan(size.smallest_lift):
        users = inputs.traffic.users_by(inputs.design.days)
        lines.append(
            f"{inputs.design.days} days bring about {users:,.0f} users, who show an effect on "
            f"{size.metric} of {percent(size.smallest_lift).lstrip('+')} or more."
        )
    return lines
