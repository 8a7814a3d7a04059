"""Records kept, told together, and held against what was promised."""

import doctest
import importlib
from pathlib import Path
from typing import Any

import pytest

from automl import records as records_file
from automl.cells import best_peer, cells_of, mean_ranks
from automl.records import Journal, Record
from automl.report import report
from automl.verdicts import verdicts

FOLDER = Path(records_file.__file__).parent
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "__init__")


def run(system: str, loss: float, **figures: Any) -> Record:
    return Record(
        **{
            "table": "rooms",
            "fingerprint": "f",
            "system": system,
            "budget_s": 60.0,
            "seed": 0,
            "cores": 1,
            "split": "shuffled",
            "task": "binary",
            "rows": 10,
            "test_rows": 4,
            "columns": 2,
            "commit": "abc",
            "at": "2026-01-01T00:00:00+00:00",
            "scores": {"log_loss": loss, "auc": 0.7},
            "constant": 0.69,
            "claimed": loss,
            "seconds": 50.0,
            "size_mb": 1.0,
            "batch_us": 100.0,
            "batch_p99_us": 200.0,
        }
        | figures
    )


def words(records: list[Record]) -> dict[str, str]:
    return {each.figure.split(":")[-1].strip(): each.word for each in verdicts(cells_of(records))}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    module = importlib.import_module(f"automl.{name}")

    assert doctest.testmod(module).failed == 0


def test_of_lines_about_the_same_run_the_last_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "runs.jsonl")
    journal.add(run("flaml", 0.5, failed="out of memory", scores={}))
    journal.add(run("liverank", 0.4))
    journal.add(run("flaml", 0.3))

    assert [(r.system, r.loss, r.failed) for r in journal.read().values()] == [
        ("flaml", 0.3, None),
        ("liverank", 0.4, None),
    ]


def test_seeds_are_told_by_their_median_and_the_worst_overrun() -> None:
    losses, seconds = (0.3, 0.9, 0.4), (60.0, 66.0, 50.0)
    records = [
        run("liverank", loss, seed=seed, seconds=took, claimed=0.2)
        for seed, (loss, took) in enumerate(zip(losses, seconds, strict=True))
    ]

    (cell,) = cells_of(records)

    assert (cell.runs, cell.loss, cell.claimed_ratio) == (3, 0.4, 0.5)
    assert cell.over == pytest.approx(0.1)


def test_a_seed_that_one_system_still_lacks_counts_for_none() -> None:
    records = [run("liverank", 0.3), run("liverank", 0.1, seed=1), run("flaml", 0.4)]

    assert [(cell.system, cell.runs, cell.loss) for cell in cells_of(records)] == [
        ("liverank", 1, 0.3),
        ("flaml", 1, 0.4),
    ]


def test_ranks_are_over_tables_that_all_have_a_figure_for() -> None:
    cells = cells_of(
        [
            run("liverank", 0.3),
            run("flaml", 0.4),
            run("liverank", 0.3, table="streams"),
            run("flaml", 0.3, table="streams"),
            run("liverank", 0.9, table="alone"),
        ]
    )

    assert mean_ranks(cells) == {"liverank": 1.25, "flaml": 1.75}
    best = best_peer(cells, "rooms")
    assert best is not None
    assert best.system == "flaml"


def test_ahead_of_all_by_all_figures_passes_them_all() -> None:
    fine = {"encoded_us": 300.0, "encoded_p99_us": 400.0}
    taught = {"details": {"served_loss": 0.301, "teacher_loss": 0.3}}
    told = words(
        [
            run("liverank", 0.3, **fine, **taught),
            run("catboost", 0.31),
            run("liverank", 0.3, table="streams", split="chronological", **fine),
            run("catboost", 0.32, table="streams", split="chronological"),
        ]
    )

    assert set(told.values()) == {"PASS"}


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({"scores": {"log_loss": 0.4}}, "loss no worse than the best peer's, on any table"),
        ({"claimed": 0.26}, "the loss we claim is within 10% of the later one"),
        ({"claimed": 0.34}, "the loss we claim is within 10% of the later one"),
        ({"batch_p99_us": 1001.0}, "p99 of 55 rows under 1 ms on one core, features to answers"),
        ({"size_mb": 5.1}, "bundle under 5 MB"),
        ({"seconds": 64.0}, "the budget is overrun by no more than 5%, in any run"),
        (
            {"details": {"served_loss": 0.31, "teacher_loss": 0.3}},
            "loss at most 0.5% above its teacher's",
        ),
    ],
)
def test_each_promise_can_be_missed(changed: dict[str, Any], missed: str) -> None:
    ours = run("liverank", 0.3, split="chronological", **changed)

    told = words([ours, run("catboost", 0.32, split="chronological")])

    assert told[missed] == "MISS"


def test_what_was_not_measured_is_neither_passed_nor_missed() -> None:
    assert set(words([run("catboost", 0.3)]).values()) == {"-"}


def test_the_report_names_what_failed_and_marks_the_best() -> None:
    text = report(
        [
            run("liverank", 0.3),
            run("catboost", 0.31),
            run("autogluon", 0.0, scores={}, failed="not installed: no such package"),
        ]
    )

    assert "| rooms (shuffled, binary) | 0.6900 | **0.3000** | 0.3100 | failed | 0.9677 |" in text
    assert "- autogluon on rooms failed: not installed: no such package" in text
