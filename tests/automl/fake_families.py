"""Families of models that take the time of a fake clock, and rows and plans to search on."""

import math

import numpy as np

from liverank.automl.data.matrix import Fit, Matrix
from liverank.automl.evaluation.cross_validation import CrossValidation, Fold
from liverank.automl.evaluation.eval_rows import LINKS, EvalRows
from liverank.automl.families.contract import Traits
from liverank.automl.metrics.objective import find_objective
from liverank.automl.trials.plan import Plan, Timing
from liverank.models.forest.forest import Forest, leaf_arrays


class FakeFamily:
    """Answers a constant; a round on 1000 rows takes ``second_s`` of a clock."""

    TRAITS = Traits(package="numpy", is_boosting=False)

    def __init__(self, clock, name="fake", value=0.0, round_s=0.01, bytes_=1000):
        self.clock, self.name, self.value, self.round_s, self.bytes_ = (
            clock,
            name,
            value,
            round_s,
            bytes_,
        )
        self.DEFAULTS = (("first", {"learning_rate": 0.1}), ("second", {"learning_rate": 0.05}))
        self.calls = []
        self.interrupt_at = math.inf

    def fit(self, train, validation, params, *, seed, n_threads, deadline, rounds):
        self.calls.append((len(train), params, rounds))
        if len(self.calls) >= self.interrupt_at:
            raise KeyboardInterrupt
        wanted, run, out = rounds or round(13 / params["learning_rate"]), 0, False
        while run < wanted and not out:
            self.clock.now += self.round_s * len(train) / 1000
            run += 1
            out = deadline.expired()
        out = out and run < wanted
        parts = tuple(
            Forest.from_arrays(leaf_arrays(self.value + run * 1e-6), train.n_features)
            for _ in range(train.classes)
        )
        kept = run if validation is None else max(run // 2, 1)
        return Fit(parts, kept, run, out, np.ones(train.n_features))

    def sample(self, generator, n_rows, n_columns):
        return {"learning_rate": float(generator.uniform(0.05, 0.2))}

    def expected_rounds(self, params, n_rows):
        return 13 / params["learning_rate"]

    def work(self, params, n_columns):
        return 1.0

    def needs_bytes(self, n_rows, n_columns, params):
        return self.bytes_


def a_matrix(n, seed=0, task="binary"):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 3)).astype(np.float32)
    y = (x[:, 0] + generator.normal(size=n) > 0).astype(float)
    if task == "regression":
        y = x[:, 0] + generator.normal(size=n) * 0.1
    return Matrix(x, y, None, ("a", "b", "c"), (0, 0, 0), task)


def an_evaluation(n=1000, n_folds=1, in_time=True, task="binary"):
    folds = tuple(
        Fold(a_matrix(n, f, task), a_matrix(200, 10 + f, task), a_matrix(100, 20, task).features)
        for f in range(n_folds)
    )
    objective = find_objective(None, task)
    target = np.concatenate([fold.validation.target for fold in folds])
    return CrossValidation(
        folds,
        EvalRows(target, None, None, objective, LINKS[task]),
        EvalRows(a_matrix(100, 20, task).target, None, None, objective, LINKS[task]),
        in_time,
    )


def a_plan(*names, n_folds=1, round_s=1e-5, **changes):
    timings = {name: Timing(setup_s=(0.0, 0.0), round_s=(0.0, round_s)) for name in names}
    return Plan(seed=1, n_threads=1, folds=n_folds, timings=timings, **changes)


class FakeBoosting(FakeFamily):
    """As ``FakeFamily``, but fewer rounds of a higher learning rate do the same."""

    TRAITS = Traits(package="numpy", is_boosting=True)
