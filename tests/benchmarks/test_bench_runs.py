"""Runs: in lanes, ended in time, and ours from a table to a record."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from automl.adapters import harness
from automl.lanes import cores_of_lanes, work_in_lanes
from automl.made_tables import made_drift
from automl.prepared import prepare_table
from automl.processes import Processes
from automl.records import Key
from automl.runs import run_system
from automl.systems import InstallError
from automl.tables import Ask, Table


def task(**changed: object) -> harness.Task:
    given = dict.fromkeys(harness.Task.__dataclass_fields__, None) | {"seed": 0} | changed
    return harness.Task(**given)  # type: ignore[arg-type]


def key(system: str) -> Key:
    return Key("made_drift", "f", system, 4.0, 0, 1)


def test_all_jobs_are_done_by_lanes_of_their_own() -> None:
    done: list[int] = []

    work_in_lanes(done.append, range(9), [set(), set()])

    assert sorted(done) == list(range(9))


def test_the_error_of_a_job_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        work_in_lanes(lambda job: 1 // job, [0], [set()])


def test_more_lanes_than_cores_are_refused() -> None:
    if sys.platform == "linux":
        with pytest.raises(ValueError, match="ask for fewer --lanes or --cores"):
            cores_of_lanes(1000, 64)


def test_a_process_that_overstays_is_ended_with_those_that_it_started(tmp_path: Path) -> None:
    sleeps = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    script = f"import subprocess, sys; subprocess.run({sleeps})"
    began = time.monotonic()

    why = Processes().run([sys.executable, "-c", script], tmp_path / "log", cores=1, most_s=1.0)

    assert why == "ended after 1 s"
    assert time.monotonic() - began < 10


def test_the_last_words_of_a_process_that_fails_are_kept(tmp_path: Path) -> None:
    script = "raise SystemExit('no memory')"

    why = Processes().run([sys.executable, "-c", script], tmp_path / "log", cores=1, most_s=60.0)

    assert why == "no memory"


def test_threads_are_as_many_as_cores(tmp_path: Path) -> None:
    script = "import os; raise SystemExit(os.environ['OMP_NUM_THREADS'])"

    assert (
        Processes().run([sys.executable, "-c", script], tmp_path / "log", cores=3, most_s=60) == "3"
    )


def test_ours_goes_from_a_table_to_a_record(tmp_path: Path) -> None:
    path = tmp_path / "made_drift.parquet"
    made_drift(1, 1500).write_parquet(path)
    prepared = prepare_table(
        Table("made_drift", path, Ask(target="joined", time="at")), tmp_path / "parts", seed=0
    )
    (tmp_path / "run").mkdir()

    record = run_system(
        key("liverank"),
        Path(sys.executable),
        prepared,
        tmp_path / "run",
        Processes(),
        commit="abc",
    )

    assert record.failed is None
    assert record.split == "chronological"
    assert record.loss is not None
    assert record.constant is not None
    assert record.loss < record.constant * 1.2
    assert record.claimed is not None
    assert record.batch_p99_us is not None
    assert record.encoded_us is not None
    assert record.details["families"]


def test_a_system_that_is_not_installed_is_a_record_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "made_drift.parquet"
    made_drift(1, 300).write_parquet(path)
    prepared = prepare_table(
        Table("made_drift", path, Ask(target="joined", time="at")), tmp_path / "parts", seed=0
    )

    record = run_system(
        key("autogluon"), InstallError("no wheel"), prepared, tmp_path, Processes(), commit="abc"
    )

    assert record.failed == "not installed: no wheel"


@pytest.mark.parametrize(
    ("answers", "classes", "expected"),
    [
        ([0.2, 0.7], ["a", "c"], [[0.8, 0, 0.2], [0.3, 0, 0.7]]),
        ([[0.2, 0.8], [0.6, 0.4]], ["c", "b"], [[0, 0.8, 0.2], [0, 0.4, 0.6]]),
    ],
)
def test_answers_are_put_in_the_order_of_the_classes_wanted(
    answers: list[object], classes: list[str], expected: list[list[float]]
) -> None:
    ordered = harness.in_order(np.array(answers), classes, ["a", "b", "c"])

    assert ordered == pytest.approx(np.array(expected))


def test_peers_hold_back_the_newest_groups_whole() -> None:
    group = ["r1", "r1", "r2", "r2", "r3", "r3", "r4", "r4", "r5", "r5"]

    learn, hold = harness.hold_back(task(time="at"), 10, group)

    assert (learn.tolist(), hold.tolist()) == (list(range(8)), [8, 9])


def test_peers_hold_back_groups_at_random_without_a_time() -> None:
    group = np.repeat(np.arange(50), 4)

    learn, hold = harness.hold_back(task(time=None), 200, group)

    assert not set(group[learn]) & set(group[hold])
    assert len(hold) == 40


def test_the_command_tells_its_options() -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "run_automl.py"

    told = subprocess.run(
        [sys.executable, str(script), "--help"], capture_output=True, text=True, check=True
    ).stdout

    assert all(option in told for option in ("--tables", "--budget", "--seeds", "--systems"))
