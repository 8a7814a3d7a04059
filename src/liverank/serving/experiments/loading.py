"""Loads and verifies the bundles of variants.

Invariant: a bundle that does not load, or needs another layout of state, is not used, and the
reason is reported.
"""

from collections.abc import Sequence
from pathlib import Path

from liverank.bundle import store
from liverank.config import Config
from liverank.config_experiments import Experiment, parse_rank
from liverank.errors import BundleError
from liverank.events.event import ExperimentChange
from liverank.experiments.assignment.held_out import holdout_share
from liverank.features.state.state import State
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.assigner import Assigner
from liverank.serving.experiments.variants import Variants
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import Ranker, make_ranker
from liverank.serving.server_log.events import write_event

_BUNDLE = "bundle:"


def versions_of(experiment: Experiment) -> list[str]:
    """The distinct versions of the bundles that an experiment's variants name.

    >>> from liverank.config_experiments import Variant
    >>> two = {"a": Variant(rank="bundle:v1"), "b": Variant(rank="interleave:bundle:v2,bundle:v1")}
    >>> versions_of(Experiment(variants=two))
    ['v1', 'v2']
    """
    named = [variant.rank for variant in experiment.variants.values() if variant.rank is not None]
    policies = [policy for rank in named for policy in parse_rank(rank)]
    versions = [one.removeprefix(_BUNDLE) for one in policies if one.startswith(_BUNDLE)]
    return list(dict.fromkeys(versions))


def load_variants(
    config: Config,
    changes: Sequence[ExperimentChange],
    state: State,
    table: ArmTable,
    *,
    root: Path | None,
    before: Variants | None,
) -> Variants:
    """Load the bundles of the config's experiments; reuses those that ``before`` has loaded.

    ``root`` is the root of the bundles. ``Variants.refused`` has the reason for each failure.
    """
    rankers: dict[str, Ranker] = {}
    refused: dict[str, str] = {}
    for name, experiment in config.experiments.items():
        for version in versions_of(experiment):
            if version in rankers or version in refused:
                continue
            known = None if before is None else before.rankers.get(version)
            loaded = load_ranker(version, state, root=root, known=known)
            if isinstance(loaded, str):
                refused[version] = f"experiment {name} cannot rank by bundle {version}: {loaded}"
            else:
                rankers[version] = loaded
    assigner = Assigner(config.experiments, changes, state, holdout=holdout_share(config))
    for version, reason in refused.items():
        if before is None or before.refused.get(version) != reason:
            write_event("bundle_refused", reason, bundle=version)
    return Variants(assigner, table, rankers, refused)


def load_ranker(
    version: str, state: State, *, root: Path | None, known: Ranker | None
) -> Ranker | str:
    """A ranker of the bundle, or the reason for the failure.

    ``root`` is the root of the bundles; ``known`` is used again if its layout is still right.
    """
    if known is not None and known.layout == state.layout:
        return known
    if root is None:
        return "the server was started with one bundle (--bundle) and does not load others"
    try:
        bundle = store.load(root, version)
    except BundleError as error:
        return str(error)
    if bundle.spec.layout != state.layout:
        return (
            "it needs another layout of state than the served bundle; train both with the same "
            "config and log, or promote it"
        )
    return make_ranker(
        FallbackLevel(bundle, None, None, version, store.directory_of(root, version)), state.layout
    )
