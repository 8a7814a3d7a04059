"""``liverank simulate prove``: what it asks for, what it writes, and what it refuses.

The proofs themselves are results made by hand; a whole one runs in the demo's test.
"""

import json
from pathlib import Path

import msgspec
import pytest
from proof_results import result

from liverank.cli import main
from liverank.cli.commands.simulate import prove
from liverank.proof.plan import Plan
from liverank.proof.results import Proof, ProofResult


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Plan, Path | None]]:
    """The plans and folders that proofs are asked for."""
    asked: list[tuple[Plan, Path | None]] = []

    def made(plan: Plan, *, folder: Path | None, on_stage: object) -> ProofResult:
        asked.append((plan, folder))
        return result(plan.seed)

    monkeypatch.setattr(prove, "run_proof", made)
    return asked


def test_each_seed_is_proven_as_asked_and_told_together(
    plans: list[tuple[Plan, Path | None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "simulate prove --seeds 2 --first-seed 5 --people 300 --weeks-before 1 --weeks 0.5"
    out = tmp_path / "proof"
    code = main([*words.split(), "--budget", "7s", "--step", "60", "--out", str(out), "--json"])
    assert code == 0
    assert [plan for plan, _ in plans] == [
        Plan(seed=seed, people=300, days_before=7, days_of_test=4, budget="7s", step_ms=60_000)
        for seed in (5, 6)
    ]
    assert [folder for _, folder in plans] == [out / "seed5", out / "seed6"]
    kept = msgspec.json.decode((out / "proof.json").read_bytes(), type=Proof)
    assert [one.seed for one in kept.results] == [5, 6]
    assert kept.metrics[1].covered == kept.metrics[1].judged == 2
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["ok"] is True
    assert msgspec.convert(answer, type=Proof) == kept
    page = (out / "proof.md").read_text()
    assert page.count("popular 1d (best heuristic)") == 2
    assert "**2 seeds**" in page


def test_without_a_folder_nothing_is_kept(plans: list[tuple[Plan, Path | None]]) -> None:
    assert main(["simulate", "prove", "--seeds", "1"]) == 0
    assert plans == [(Plan(), None)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--seeds", "0"], "--seeds is 0; expected 1 or more"),
        (["--weeks", "0.1"], "`days_of_test` is 1"),
        (["--budget", "soon"], '`budget` is "soon"'),
    ],
)
def test_what_cannot_be_proven_is_refused_before_anything_runs(
    words: list[str],
    said: str,
    plans: list[tuple[Plan, Path | None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["simulate", "prove", *words]) == 1
    assert said in capsys.readouterr().err
    assert plans == []
