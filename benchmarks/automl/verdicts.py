"""Whether what was promised holds: each figure of the promise, what was measured, PASS or MISS.

Invariant: a figure for which a run is missing is neither passed nor missed, and says so.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from automl.cells import Cell, best_peer, mean_ranks
from automl.systems import OURS, SYSTEMS

SHUFFLED_LOSS = 1.005
"""On shuffled tables, ours to the best peer's loss."""
CLAIMED = 0.10
"""On chronological tables, how far what we claim may be from what comes."""
TAUGHT = 1.005
"""The loss of the model that is served, to that of the blend that taught it."""
BATCH_US = 1000.0
SIZE_MB = 5.0
OVER = 0.05
"""Share of the budget by which a run may overrun."""


class Verdict(NamedTuple):
    """A figure; ``holds`` is None where nothing was measured."""

    figure: str
    holds: bool | None
    measured: str

    @property
    def word(self) -> str:
        """PASS, MISS, or a dash."""
        return "-" if self.holds is None else "PASS" if self.holds else "MISS"


def verdicts(cells: Iterable[Cell]) -> list[Verdict]:
    """The figures of one budget."""
    cells = list(cells)
    ours = [cell for cell in cells if cell.system == OURS and cell.loss is not None]
    later = [cell for cell in ours if cell.split == "chronological"]
    shuffled = [cell for cell in ours if cell.split == "shuffled"]
    return [
        *_against_peers(cells, later),
        _every(
            f"chronological: the loss we claim is within {CLAIMED:.0%} of the later one",
            [(c.table, abs(c.claimed_ratio - 1)) for c in later if c.claimed_ratio is not None],
            CLAIMED,
            "{:.1%}",
        ),
        _every(
            f"shuffled: loss at most {SHUFFLED_LOSS - 1:.1%} above the best peer's",
            [(name, ratio - 1) for name, ratio in _ratios(cells, shuffled)],
            SHUFFLED_LOSS - 1,
            "{:+.2%}",
        ),
        _ranks([cell for cell in cells if cell.split == "shuffled"]),
        _every(
            f"served: loss at most {TAUGHT - 1:.1%} above its teacher's",
            [(c.table, c.taught_ratio - 1) for c in ours if c.taught_ratio is not None],
            TAUGHT - 1,
            "{:+.2%}",
            none="no student was served; the blend itself was",
        ),
        _every(
            "served: p99 of 55 rows under 1 ms on one core, features to answers",
            [(c.table, c.batch_p99_us) for c in ours if c.batch_p99_us is not None],
            BATCH_US,
            "{:,.0f} us",
        ),
        _every(
            "the same from lists of values on, encoding included",
            [(c.table, c.encoded_p99_us) for c in ours if c.encoded_p99_us is not None],
            BATCH_US,
            "{:,.0f} us",
        ),
        _every(
            "bundle under 5 MB",
            [(c.table, c.size_mb) for c in ours if c.size_mb is not None],
            SIZE_MB,
            "{:.2f} MB",
        ),
        _every(
            f"the budget is overrun by no more than {OVER:.0%}, in any run",
            [(c.table, c.over) for c in ours if c.over is not None],
            OVER,
            "{:+.1%}",
        ),
    ]


def _against_peers(cells: Sequence[Cell], later: Sequence[Cell]) -> list[Verdict]:
    ratios = _ratios(cells, later)
    no_worse = _every(
        "chronological: loss no worse than the best peer's, on any table",
        [(name, ratio - 1) for name, ratio in ratios],
        0.0,
        "{:+.2%}",
    )
    better = sum(ratio < 1 for _, ratio in ratios)
    most = Verdict(
        "chronological: better than the best peer on most tables",
        2 * better > len(ratios) if ratios else None,
        f"on {better} of {len(ratios)}",
    )
    return [no_worse, most]


def _ratios(cells: Sequence[Cell], ours: Sequence[Cell]) -> list[tuple[str, float]]:
    """Our loss to the best peer's, by table."""
    found = []
    for cell in ours:
        peer = best_peer(cells, cell.table)
        if peer is not None and peer.loss and cell.loss is not None:
            found.append((cell.table, cell.loss / peer.loss))
    return found


def _ranks(cells: Sequence[Cell]) -> Verdict:
    """Before FLAML and each library with one setting."""
    figure = "shuffled: a better mean rank than FLAML's and any single library's"
    ranks = mean_ranks(cells)
    rivals = [name for name in ranks if name.startswith("flaml") or SYSTEMS[name].is_library]
    if OURS not in ranks or not rivals:
        return Verdict(figure, None, "not measured")
    told = ", ".join(f"{name} {rank:.2f}" for name, rank in sorted(ranks.items(), key=_second))
    return Verdict(figure, all(ranks[OURS] < ranks[name] for name in rivals), told)


def _second(pair: tuple[str, float]) -> float:
    return pair[1]


def _every(
    figure: str,
    measured: Sequence[tuple[str, float]],
    most: float,
    form: str,
    none: str = "not measured",
) -> Verdict:
    """Whether no table has more; the worst is told, and the number of those that have."""
    if not measured:
        return Verdict(figure, None, none)
    table, worst = max(measured, key=_second)
    above = sum(value > most for _, value in measured)
    told = f"at worst {form.format(worst)} ({table})"
    if above:
        told += f"; missed on {above} of {len(measured)}"
    return Verdict(figure, above == 0, told)
