"""The results of a proof as the table that ends the demo; at most 80 columns."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from liverank.proof.page.words import interval_words, lift_words, metric_title, share_words
from liverank.proof.results import ProofResult

_SHORT = {"no difference proven": "not proven"}
_STYLES = {"better": "bold green", "worse": "bold red"}


def lift_table(result: ProofResult) -> Table:
    """A row for each metric: the reported effect, and the true one from the simulator."""
    table = Table(
        title="liverank over most popular, and the truth that only a simulator knows",
        caption="of oracle: share of its gain over the best heuristic that liverank has",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    for number, column in enumerate(
        ("", "lift", "95 % interval", "verdict", "true lift", "of oracle")
    ):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for metric in result.metrics:
        reported = metric.reported
        table.add_row(
            metric_title(metric.name),
            lift_words(reported.lift),
            interval_words(reported.lift_ci),
            _SHORT.get(reported.verdict, reported.verdict),
            lift_words(metric.true_lift),
            share_words(metric.oracle_share),
            style=_STYLES.get(reported.verdict, ""),
        )
    return table
