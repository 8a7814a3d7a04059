"""A proof as tables: every figure that a reader is to see, in its place."""

from io import StringIO

from proof_results import result
from rich.console import Console

from liverank.proof.judged import proof_of
from liverank.proof.tables import markdown, proof_grid, result_grid, rich_table, truth_grid


def test_a_row_says_what_was_reported_and_what_is_true() -> None:
    grid = result_grid(result(intervals={"join_rate": (0.0, 0.01)}))
    rows = {row[0]: row[1:] for row in grid.rows}
    assert rows["joins per impression"] == (
        "+70.0 %",
        "+50.0 % to +90.0 %",
        "better",
        "+80.0 %",
        "no",
        "60 %",
    )
    assert all(len(row) == len(grid.columns) for row in grid.rows)


def test_the_truth_names_the_best_heuristic() -> None:
    assert [row[0] for row in truth_grid(result()).rows] == [
        "popular",
        "popular 1d (best heuristic)",
        "random",
        "model",
        "oracle",
    ]


def test_tables_of_the_terminal_and_of_markdown_hold_the_same_cells() -> None:
    grid = proof_grid(proof_of([result(1), result(2)]))
    page = StringIO()
    Console(file=page, width=200).print(rich_table(grid))
    for row in grid.rows:
        assert all(cell in page.getvalue() for cell in row)
        assert f"| {' | '.join(row)} |" in markdown([grid])
    assert "2 of 2" in page.getvalue()
