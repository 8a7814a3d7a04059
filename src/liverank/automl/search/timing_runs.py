"""How a search starts: which families fit here, how long they take, how many folds to use."""

from collections.abc import Sequence

from msgspec.structs import replace

from liverank.automl.budget import Deadline
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import FAMILIES, Family, is_installed
from liverank.automl.search.cost_model import FIRST, choose_folds
from liverank.automl.search.hardware import (
    available_bytes,
    cores,
    fastest_threads,
    time_all,
    too_large,
)
from liverank.automl.trials.plan import Plan
from liverank.errors import TrainingError

_PILOT_SHARE = 0.05
"""Of the time left that telling the best number of threads may take."""


def start_plan(
    evaluation: CrossValidation,
    wanted: Sequence[str] | None,
    *,
    seed: int,
    kind: str,
    deadline: Deadline,
    memory_bytes: int | None,
) -> tuple[Plan, dict[str, Family]]:
    """A plan without trials, and the families to try: how long they take, and on how many folds.

    ``wanted`` names families, None for all; ``kind`` is that of the split. Raises TrainingError
    where no family is left.
    """
    train = evaluation.folds[-1].train
    unknown = set(wanted or ()) - set(FAMILIES)
    if unknown:
        raise TrainingError(
            f"family `{min(unknown)}` is unknown; there are {', '.join(sorted(FAMILIES))}"
        )
    memory = available_bytes() if memory_bytes is None else memory_bytes
    skipped: dict[str, str] = {}
    chosen: dict[str, Family] = {}
    for name in sorted(FAMILIES, key=lambda name: name != FIRST):
        family = FAMILIES[name]
        if wanted is not None and name not in wanted:
            continue
        if not is_installed(name):
            skipped[name] = f"{family.PACKAGE} is not installed; pip install 'liverank[automl]'"
            continue
        large = too_large(family, len(train), train.n_features, memory)
        if large is not None:
            skipped[name] = large
            continue
        chosen[name] = family
    if not chosen:
        raise TrainingError(
            "no family of models is left: "
            + "; ".join(f"{name}: {why}" for name, why in skipped.items())
        )
    n_threads = 1
    if "lightgbm" in chosen:
        until = deadline.share(_PILOT_SHARE)
        n_threads = fastest_threads(chosen["lightgbm"], train, until, cores())
    timings = time_all(chosen, train, n_threads=n_threads, deadline=deadline)
    for name in set(chosen) - set(timings):
        skipped[name] = "the budget left no time to try it"
        del chosen[name]
    plan = Plan(seed=seed, n_threads=n_threads, folds=1, timings=timings, skipped=skipped)
    n_folds = choose_folds(plan, evaluation, chosen, deadline.left_s(), kind)
    return replace(plan, folds=n_folds), chosen
