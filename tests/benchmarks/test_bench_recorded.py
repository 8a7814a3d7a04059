"""Peers' figures of before count where the table is the same, and only there."""

from pathlib import Path

import pytest
from test_bench_report import run

from automl.recorded import (
    FILE,
    Figures,
    Recorded,
    RecordedTable,
    read_recorded,
    recorded_cells,
    without_recorded,
)
from automl.records import Key
from automl.report import report
from automl.tables import Ask, Table

ROOMS = RecordedTable(
    split="shuffled",
    task="binary",
    budget_s=60.0,
    cores=1,
    constants=(0.69, 0.7),
    systems={"flaml": Figures(loss=0.5, seconds=61.0), "lightgbm": Figures(loss=0.6)},
)
RECORDED = Recorded(source="a page", versions={"flaml": "2"}, tables={"rooms": ROOMS})


def key(table: str, system: str, budget_s: float = 60.0) -> Key:
    return Key(table, "f", system, budget_s, 0, 1)


def test_peers_run_only_where_nothing_is_recorded() -> None:
    table = Table("rooms", Path("rooms.csv"), Ask())
    asked = [
        key("rooms", "liverank"),
        key("rooms", "flaml"),
        key("rooms", "catboost"),
        key("rooms", "flaml", 5.0),
        key("other", "flaml"),
    ]
    left = without_recorded(dict.fromkeys(asked, table), RECORDED)
    assert list(left) == [asked[0], *asked[2:]]


def test_recorded_figures_stand_next_to_ours() -> None:
    text = report([run("liverank", 0.49)], RECORDED, systems=("liverank", "flaml"))
    assert "| rooms (shuffled, binary) | 0.6900 | **0.4900** | 0.5000 | 0.9800 |" in text
    assert "lightgbm" not in text
    assert "Of rooms we ran fewer seeds than they" in text
    both = report([run("liverank", 0.49), run("liverank", 0.49, seed=1, constant=0.7)], RECORDED)
    assert "fewer seeds" not in both


def test_what_was_measured_now_counts_before_what_was_recorded() -> None:
    text = report([run("liverank", 0.49), run("flaml", 0.4)], RECORDED)
    assert "| 0.6900 | 0.4900 | **0.4000** |" in text


@pytest.mark.parametrize("changes", [{"constant": 0.68}, {"seed": 2}])
def test_figures_of_another_table_or_seed_do_not_count(changes: dict[str, float]) -> None:
    cells, other = recorded_cells([run("liverank", 0.49, **changes)], RECORDED, ["flaml"])
    assert (cells, other) == ([], ["rooms"])
    assert "not the table of the recorded figures" in report(
        [run("liverank", 0.49, **changes)], RECORDED
    )


def test_the_recorded_figures_are_those_of_the_results() -> None:
    results = (FILE.parent.parent / "RESULTS.md").read_text()
    recorded = read_recorded()
    assert len(recorded.tables) == 11
    for name, table in recorded.tables.items():
        assert len(table.constants) == 3
        for system, figures in table.systems.items():
            loss = f"{figures.loss:,.0f}" if figures.loss >= 10_000 else f"{figures.loss:#.4g}"
            assert f"| {name} | {system} | 3 | {loss} |" in results
