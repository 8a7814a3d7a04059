"""The project of a proof, and the same project with everybody on one variant."""

from pathlib import Path

import pytest

from liverank.config import load_config
from liverank.errors import ProofError, SimulatorError
from liverank.events.event import User
from liverank.events.log import Log
from liverank.experiments.assignment.assign import assignment_of
from liverank.experiments.assignment.buckets import draws_of, ends_of
from liverank.experiments.assignment.timeline import timeline_of
from liverank.proof.commands import run_command
from liverank.proof.plan import Plan, checked
from liverank.proof.project import (
    EXPERIMENT,
    copied_for_all,
    new_project,
    people_of_variants,
)
from liverank.proof.reported import METRIC_OF

AT_MS = 1_704_067_200_000
USERS = [f"u{row}" for row in range(400)]


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = new_project(tmp_path_factory.mktemp("proof") / "project", Plan(days_of_test=9))
    with Log.open(made.parent / ".liverank" / "log") as log:
        log.append([User(time=AT_MS - 1, user="u1", fields={})], arrived_ms=AT_MS - 1)
    return made


def test_the_project_has_the_experiment_of_the_plan(config: Path) -> None:
    loaded = load_config(config)
    experiment = loaded.experiments[EXPERIMENT]
    assert loaded.label.interaction == "join"
    assert {name: one.rank for name, one in experiment.variants.items()} == {
        "popular": "popular",
        "model": "model",
    }
    assert (experiment.days, experiment.metrics) == (9, tuple(METRIC_OF))
    assert loaded.training.budget == Plan().budget


def test_people_are_in_the_variants_that_the_server_would_give_them(config: Path) -> None:
    groups = people_of_variants(config, USERS)
    experiment = load_config(config).experiments[EXPERIMENT]
    assert (groups["popular"] ^ groups["model"]).all()
    assert 0.4 < groups["model"].mean() < 0.6
    running = timeline_of(EXPERIMENT, experiment, []).at(AT_MS)
    running = type(running)(at_ms=AT_MS, is_running=True, ramp=100.0)
    for row, user in enumerate(USERS[:50]):
        given = assignment_of(
            EXPERIMENT,
            experiment,
            running,
            draws_of(EXPERIMENT, experiment, user),
            ends=ends_of(experiment.shares),
            is_in_target=True,
        )
        assert given.variant is not None
        assert groups[given.variant][row]


def test_a_copy_gives_everybody_one_variant_and_the_project_goes_on_as_it_was(
    config: Path, tmp_path: Path
) -> None:
    copy = copied_for_all(config, tmp_path / "all-model", "model", AT_MS)
    for file, shipped in ((copy, "model"), (config, None)):
        experiment = load_config(file).experiments[EXPERIMENT]
        with Log.open(file.parent / ".liverank" / "log") as log:
            changes = [one.event for one in log.experiment_changes()]
        step = timeline_of(EXPERIMENT, experiment, changes).at(AT_MS)  # type: ignore[arg-type]
        assert (step.shipped, step.is_running) == (shipped, False)


def test_a_folder_in_use_and_a_command_that_fails_are_told(config: Path) -> None:
    with pytest.raises(SimulatorError, match="not empty"):
        new_project(config.parent, Plan())
    with pytest.raises(ProofError, match=r"experiment report nothing.*\[experiments\.nothing\]"):
        run_command("experiment", "report", "nothing", config=config)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (Plan(days_of_test=1), "`days_of_test` is 1"),
        (Plan(days_before=0), "`days_before` is 0"),
        (Plan(budget="0s"), '`budget` is "0s"; expected a duration'),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan: Plan, said: str) -> None:
    with pytest.raises(ProofError, match=said):
        checked(plan)
