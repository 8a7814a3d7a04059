"""Reports of searches that never were, with the real curves and slices of made-up answers."""

import numpy as np

from liverank.automl.profile.leakage import Leak
from liverank.automl.profile.profile import ColumnProfile
from liverank.automl.report.curves import draw_curves
from liverank.automl.report.reports import TableReport
from liverank.automl.report.schema import (
    Block,
    Calibration,
    Data,
    Drift,
    Ensemble,
    Importance,
    LeaderboardEntry,
    SearchRequest,
    ServedModel,
    SplitReport,
)
from liverank.automl.report.slices import Outcomes, find_slices
from liverank.models.encoder.columns import Input

CLASSES = {
    "binary": ("stays", "leaves"),
    "multiclass": ("cotton", "grey soil", "red soil", "stubble"),
    "regression": (),
}
FIGURES = {
    "binary": {"log_loss": 0.2131, "auc": 0.9312, "auc_pr": 0.842, "accuracy": 0.953},
    "multiclass": {"log_loss": 0.2512, "auc": 0.9871, "accuracy": 0.9123},
    "regression": {"rmse": 41213.4, "mae": 27512.1, "r2": 0.853},
}
DAY_MS = 86_400_000.0


def made_up_report(task="binary", *, target="churned", column="day minutes", warned=True, n=2000):
    generator = np.random.default_rng(0)
    columns = {
        column: generator.normal(180, 50, n),
        "plan": np.array(["basic", "plus", "family", None], object)[generator.integers(0, 4, n)],
    }
    inputs = (Input(name=column, type="number"), Input(name="plan", type="category"))
    answers, truth, losses = _answers(task, columns[column], generator)
    single = task != "multiclass"
    figures = FIGURES[task]
    objective = next(iter(figures))
    names = (column, "plan", *(f"column {place}" for place in range(3, 20)))
    return TableReport(
        asked=SearchRequest(
            target=target,
            task=task,
            classes=CLASSES[task],
            objective=objective,
            larger_is_better=False,
            budget_s=60,
            serving_budget_us=20,
            seed=1,
            command="liverank automl churn.tsv.gz --target churned --time opened --seed 1",
        ),
        data=Data(
            name="churn.tsv.gz",
            rows=20_000,
            columns=19,
            sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            profile=tuple(
                ColumnProfile(
                    form=Input(name=name, type="number"),
                    role="feature",
                    reason="numbers",
                    missing=120,
                    distinct=812,
                )
                for name in names
            ),
            reason="it has two values",
        ),
        split=SplitReport(
            kind="chronological",
            reason="by time: the oldest rows train, newer ones choose, the newest are held out",
            blocks=(
                Block(name="train", rows=16_000, mean=0.14, from_ms=0, to_ms=800 * DAY_MS),
                Block(
                    name="validation",
                    rows=2_000,
                    mean=0.15,
                    from_ms=801 * DAY_MS,
                    to_ms=900 * DAY_MS,
                ),
                Block(
                    name="holdout", rows=2_000, mean=0.15, from_ms=901 * DAY_MS, to_ms=1000 * DAY_MS
                ),
            ),
            left_out=0,
        ),
        seconds=58.3,
        held_out=figures,
        intervals={objective: (figures[objective] * 0.93, figures[objective] * 1.07)},
        baseline={objective: figures[objective] * 2},
        test={name: value * 1.02 for name, value in figures.items()},
        test_rows=5_000,
        served=ServedModel(
            kind="student 240 trees x 31 leaves",
            why="the full ensemble is too slow or too large; this model was distilled from it",
            us_per_row_55=7.93,
            size_mb=0.61,
            teacher={name: value * 0.997 for name, value in figures.items()},
        ),
        ensemble=Ensemble(kept=True, gain_low=0.001, gain_high=0.004),
        calibration=Calibration(kind="affine", kept=True, before=0.2142, after=0.2131),
        leaderboard=tuple(
            LeaderboardEntry(
                family=family,
                name=name,
                validation=figures[objective] * factor,
                seconds=seconds,
                us_per_row=us,
                rounds=rounds,
                weight=weight,
            )
            for family, name, factor, seconds, us, rounds, weight in (
                ("lightgbm", "default", 1.01, 2.1, 9.1, 210, 0.4),
                ("lightgbm", "extra trees", 1.03, 3.4, 18.3, 512, 0.0),
                ("catboost", "default", 1.005, 8.1, 4.2, 620, 0.36),
                ("xgboost", "default", 1.02, 2.7, 7.7, 190, 0.0),
                ("mlp", "default", 1.06, 12.2, 31.5, 24, 0.24),
                ("linear", "ridge", 1.4, 0.1, 0.4, None, 0.0),
            )
        ),
        skipped={"random": "needs about 30,000 MB, and 12,000 MB are free"},
        leaks=(
            Leak(
                kind="predicts_target",
                column="closing fee",
                figure=0.993,
                message="column `closing fee` alone has an AUC of 0.993 on the target: is it known "
                "before the outcome? If not, leave it out",
            ),
        )
        if warned
        else (),
        drift=Drift(shuffled=0.181, chronological=0.2131, differs=warned),
        warnings=("shuffled rows would have claimed a log-loss of 0.181, newer ones say 0.213",)
        if warned
        else (),
        notes=("column `opened` is the time of the rows: they are split by it",),
        importance=tuple(
            Importance(
                column=name,
                rise=0.12 / (1 + place),
                low=0.12 / (1 + place) - 0.004,
                high=0.12 / (1 + place) + 0.004,
            )
            for place, name in enumerate(names)
        ),
        curves=draw_curves(answers, truth, task=task, classes=CLASSES[task]),
        slices=find_slices(
            columns,
            inputs,
            Outcomes(
                losses,
                observed=truth if single else None,
                predicted=answers if single else None,
                squared=task == "regression",
            ),
        ),
        versions={"liverank": "0.1.0", "lightgbm": "4.6.0", "numpy": "2.4.0"},
        machine="2 cores, Linux x86_64, Python 3.11",
    )


def _answers(task, values, generator):
    """Answers, the truth and the losses of rows, as the task has them."""
    n = len(values)
    if task == "regression":
        answers = 100_000 + 900 * values + generator.normal(0, 20_000, n)
        truth = answers + generator.normal(0, 41_000, n)
        return answers, truth, (truth - answers) ** 2
    if task == "binary":
        margin = (values - 240) / 18
        answers = 1 / (1 + np.exp(-margin))
        truth = (generator.random(n) < answers) * 1.0
        return answers, truth, -np.log(np.where(truth == 1, answers, 1 - answers))
    margins = generator.normal(0, 2.5, (n, 4))
    answers = np.exp(margins) / np.exp(margins).sum(axis=1, keepdims=True)
    truth = (answers.cumsum(axis=1) > generator.random(n)[:, None]).argmax(axis=1) * 1.0
    return answers, truth, -np.log(answers[np.arange(n), truth.astype(int)])
