"""``liverank experiment analyse`` on files: what it prints, its JSON, and its exit codes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

from liverank.cli import main


@pytest.fixture
def cats(tmp_path: Path) -> Path:
    """Like a table of players that met a gate at level 30 or 40."""
    random = np.random.default_rng(3)
    gates = random.choice(["gate_30", "gate_40"], 9000)
    chance = np.where(gates == "gate_30", 0.25, 0.20)
    table = pl.DataFrame(
        {
            "userid": np.arange(9000) * 7 + 116,
            "version": gates,
            "sum_gamerounds": (random.pareto(2.5, 9000) * 30).astype(int),
            "retention_7": random.random(9000) < chance,
        }
    )
    path = tmp_path / "cats.csv"
    table.write_csv(path)
    return path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["experiment", "analyse", *words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def asked(path: Path) -> list[str]:
    metrics = ["--metric", "kept=mean(retention_7)", "--metric", "rounds=mean(sum_gamerounds)"]
    return [str(path), "--unit", "userid", "--variant", "version", *metrics]


def test_the_json_holds_the_split_each_metric_and_the_decision(
    cats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, *asked(cats), "--json")
    found: dict[str, Any] = json.loads(out.splitlines()[-1])
    table = pl.read_csv(cats)
    kept = table["retention_7"].cast(pl.String) == "true"
    arms = [kept.filter(table["version"] == gate).to_numpy() for gate in ("gate_30", "gate_40")]

    assert code == 0
    assert found["srm"]["ok"] is True
    variant = found["metrics"]["kept"]["variants"]["gate_40"]
    assert found["metrics"]["kept"]["control"] == pytest.approx(arms[0].mean())
    assert variant["value"] == pytest.approx(arms[1].mean())
    assert variant["lift"] == pytest.approx(arms[1].mean() / arms[0].mean() - 1)
    assert variant["ci"][0] < variant["lift"] < variant["ci"][1] < 0
    told = stats.ttest_ind(arms[1].astype(float), arms[0].astype(float), equal_var=False)
    assert variant["p"] == pytest.approx(told.pvalue)
    assert variant["significant"] is True
    assert found["metrics"]["rounds"]["variants"]["gate_40"]["significant"] is False
    assert found["decision"].startswith("Stop gate_40: kept is worse")


def test_a_person_reads_the_decision_first_and_then_the_table(
    cats: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, *asked(cats), "--guardrail", "p90=quantile(sum_gamerounds,0.9)")
    assert code == 0
    assert out.startswith("Stop gate_40: kept is worse")
    assert "95 % interval" in out
    assert "no harm seen" in out
    assert "`gate_30` is taken as the control" in " ".join(out.split())
    assert "if you looked before" in " ".join(out.split())


def test_a_broken_split_is_flagged(cats: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = pl.read_csv(cats)
    is_lost = (pl.col("version") == "gate_40") & (pl.col("userid") % 5 == 0)
    table.filter(~is_lost).write_parquet(cats.with_suffix(".parquet"))
    code, out, _ = run(capsys, *asked(cats.with_suffix(".parquet")), "--json")
    found = json.loads(out.splitlines()[-1])
    assert code == 0
    assert found["srm"]["ok"] is False
    assert found["srm"]["p"] < 1e-6
    assert found["decision"].startswith("Do not trust these results: the split is broken")


def test_what_is_unknown_is_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "same.csv"
    path.write_text("u,v,y\n1,a,1\n2,a,1\n3,b,1\n4,b,1\n")
    words = [str(path), "--unit", "u", "--variant", "v", "--metric", "y=mean(y)", "--json"]
    code, out, _ = run(capsys, *words)
    variant = json.loads(out.splitlines()[-1])["metrics"]["y"]["variants"]["b"]
    assert code == 0
    assert variant["p"] is None
    assert variant["ci"] == [None, None]
    assert variant["significant"] is False
    assert "does not vary" in variant["reason"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--metric", "first=mean(retention_1)"],
            "no column `retention_1`; did you mean `retention",
        ),
        (["--metric", "kept=retention_7"], "not understood; write NAME=mean(COLUMN)"),
        (["--share", "gate_30"], "--share: `gate_30` is not understood"),
        (["--margin", "kept=0.01"], "--margin: there is no metric `kept` that it may name"),
        (["--down", "kep"], "--down: there is no metric `kep`"),
        (["--covariate", "kep=userid"], "--covariate: there is no metric `kep`"),
        (["--looks", "half"], "--looks: `half` is not understood"),
        (["--control", "gate_50"], "there is no variant `gate_50`"),
    ],
)
def test_what_is_asked_wrongly_gets_one_line_and_exit_code_one(
    cats: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    code, _, err = run(capsys, *asked(cats), *words)
    assert code == 1
    assert len(err.splitlines()) == 1
    assert told in err


def test_a_file_without_rows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text, told in (("", "is empty"), ("u,v,y\n", "no rows")):
        path = tmp_path / "none.csv"
        path.write_text(text)
        code, _, err = run(
            capsys, str(path), "--unit", "u", "--variant", "v", "--metric", "mean(y)"
        )
        assert code == 1
        assert told in err
