"""The start of a search: the families that can be tried, their timings, the number of folds."""

from collections.abc import Sequence

from msgspec.structs import replace

from liverank.automl.budget import Deadline
from liverank.automl.data.matrix import Matrix
from liverank.automl.evaluation.cross_validation import CrossValidation
from liverank.automl.families import FAMILIES, Family, is_installed
from liverank.automl.search.cost_model import choose_folds, folds_under_drift
from liverank.automl.search.hardware import available_bytes, cores, fastest_threads, too_large
from liverank.automl.search.timing_runs import time_all
from liverank.automl.trials.plan import Plan
from liverank.errors import TrainingError

_THREADS_SHARE = 0.05
"""Share of the remaining time used to choose the number of threads."""


def start_plan(
    evaluation: CrossValidation,
    wanted: Sequence[str] | None,
    *,
    seed: int,
    kind: str,
    deadline: Deadline,
    memory_bytes: int | None,
    sees_drift: bool = False,
) -> tuple[Plan, dict[str, Family]]:
    """A plan with timings and the number of folds, without trials, and the families to try.

    ``wanted`` names families, None for all; ``kind`` is that of the split. Parameters: eight, since
    it hands on what the search was asked. Raises TrainingError where no family is left.
    """
    train = evaluation.folds[-1].train
    memory = available_bytes() if memory_bytes is None else memory_bytes
    chosen, skipped = _possible_families(wanted, train, memory)
    n_threads = 1
    for family in chosen.values():
        if family.TRAITS.times_threads:
            n_threads = fastest_threads(family, train, deadline.share(_THREADS_SHARE), cores())
    timings = time_all(chosen, train, n_threads=n_threads, deadline=deadline)
    for name in set(chosen) - set(timings):
        skipped[name] = "the budget left no time to try it"
        del chosen[name]
    plan = Plan(seed=seed, n_threads=n_threads, folds=1, timings=timings, skipped=skipped)
    if sees_drift:
        n_folds = folds_under_drift(plan, evaluation, chosen, deadline.left_s())
    else:
        n_folds = choose_folds(plan, evaluation, chosen, deadline.left_s(), kind)
    return replace(plan, folds=n_folds), chosen


def _possible_families(
    wanted: Sequence[str] | None, train: Matrix, memory: int
) -> tuple[dict[str, Family], dict[str, str]]:
    """Families that can be trained here, the fastest first, and the reasons why others cannot."""
    unknown = set(wanted or ()) - set(FAMILIES)
    if unknown:
        raise TrainingError(
            f"family `{min(unknown)}` is unknown; there are {', '.join(sorted(FAMILIES))}"
        )
    skipped: dict[str, str] = {}
    chosen: dict[str, Family] = {}
    for name, family in sorted(FAMILIES.items(), key=lambda item: not item[1].TRAITS.first):
        if wanted is not None and name not in wanted:
            continue
        large = too_large(family, len(train), train.n_features, memory)
        if not is_installed(name):
            package = family.TRAITS.package
            skipped[name] = f"{package} is not installed; pip install 'liverank[automl]'"
        elif large is not None:
            skipped[name] = large
        else:
            chosen[name] = family
    if not chosen:
        raise TrainingError(
            "no family of models is left: "
            + "; ".join(f"{name}: {why}" for name, why in skipped.items())
        )
    return chosen, skipped
