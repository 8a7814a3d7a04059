"""Ranking by the variant that a unit is assigned to.

Invariant: if a variant cannot be served, the list is still logged with that variant (intention to
treat), and with the reason for the fallback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from liverank.bundle.bundle import Bundle
from liverank.config_experiments import AUTOPILOT, HOLDOUT, MIXES, Variant, parse_rank
from liverank.errors import StateBusyError
from liverank.experiments.assignment.assign import Assignment
from liverank.serving.experiments.arm_table import ArmTable
from liverank.serving.experiments.arms import arm_of
from liverank.serving.experiments.assigner import Assigner
from liverank.serving.experiments.exploring import rank_exploring
from liverank.serving.experiments.policies import (
    RankingContext,
    at_random,
    by_popularity,
    by_weights,
    combined,
)
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.ranker import NO_LIMIT, RankedList, Ranker, TimeLimit, View, rank

POPULAR, NEWEST = "popular", "newest"
_CURRENT = "current"
"""Fallback of a variant whose own bundle cannot be served: the current bundle."""


@dataclass(frozen=True, slots=True)
class Variants:
    """Ranks by variants; ``rank`` replaces ``ranker.rank``.

    ``rankers`` are for the variants' own bundles by version; ``refused`` has the reasons why
    other bundles cannot be served, by version.
    """

    assigner: Assigner
    table: ArmTable
    rankers: Mapping[str, Ranker]
    refused: Mapping[str, str]

    def bundle(self, version: str) -> Bundle | None:
        """The variants' own bundle with this version, or None."""
        ranker = self.rankers.get(version)
        return None if ranker is None else ranker.level.bundle

    @property
    def trouble(self) -> str | None:
        """A message on bundles that are not served and targets that match nobody, or None."""
        troubles = list(self.refused.values())
        troubles += [
            experiment.target.trouble
            for experiment in self.assigner.experiments.values()
            if experiment.target.trouble is not None
        ]
        return "; ".join(troubles) or None

    def rank(
        self,
        view: View,
        hashes: Hashes,
        request: RankRequest,
        *,
        request_id: str,
        at_ms: int,
        limit: int,
        time_limit: TimeLimit = NO_LIMIT,
    ) -> RankedList:
        """Rank a request by the variant of its unit, or as the server does if it has none."""
        assignment = self.assigner.assign(
            request.user, request.surface, request.fields, at_ms=at_ms
        )
        context = RankingContext(view, hashes, request, request_id, at_ms, limit, time_limit)
        if assignment is None or assignment.variant is None:
            return _by_server(context)
        if assignment.experiment == AUTOPILOT:
            ranked = by_popularity(context, self.table, arm_of(AUTOPILOT, HOLDOUT))
        else:
            ranked = self._by_variant(context, assignment, assignment.variant)
        ranked.variant = assignment.label
        return ranked

    def _by_variant(self, context: RankingContext, assignment: Assignment, name: str) -> RankedList:
        variant: Variant = self.assigner.experiments[assignment.experiment].settings.variants[name]
        arm = arm_of(assignment.experiment, name)
        if variant.rank is None:
            return self._by_weights(context, variant.weights, arm)
        policies = parse_rank(variant.rank)
        if policies[0] not in MIXES:
            return self._by_policy(context, policies[0], arm)
        lists = [self._by_policy(context, policy, arm) for policy in policies[1:]]
        return combined(context, lists, variant.rank)

    def _by_policy(self, context: RankingContext, policy: str, arm: int) -> RankedList:
        if policy == "popular":
            return by_popularity(context, self.table, arm)
        if policy == "random":
            return at_random(context)
        if policy == "model":
            return self._by_model(context, arm)
        version = policy.removeprefix("bundle:")
        ranker = self.rankers.get(version)
        if ranker is not None:
            return self._by_model(replace(context, view=replace(context.view, ranker=ranker)), arm)
        ranked = self._by_model(context, arm)
        reason = self.refused.get(version, f"bundle {version} is not loaded")
        fallback = ranked.fallback or _CURRENT
        return replace(ranked, fallback=fallback, reason=_both(reason, ranked.reason))

    def _by_weights(
        self, context: RankingContext, weights: Mapping[str, float], arm: int
    ) -> RankedList:
        bundle = context.view.ranker.level.bundle
        if bundle is None or context.time_limit.skip_reason is not None:
            return self._by_model(context, arm)
        missing = [label for label in weights if label not in bundle.heads and label != POPULAR]
        if missing:
            reason = f"bundle {bundle.version} has no model of {', '.join(missing)}"
            ranked = self._by_model(context, arm)
            fallback = ranked.fallback or _CURRENT
            return replace(ranked, fallback=fallback, reason=_both(reason, ranked.reason))
        try:
            return by_weights(context, weights, self.table, arm)
        except StateBusyError as error:
            return self._popular_instead(context, arm, str(error))

    def _by_model(self, context: RankingContext, arm: int) -> RankedList:
        """Rank by the server's bundle, or by the arm's popularity if the bundle cannot rank."""
        level = context.view.ranker.level
        if context.time_limit.skip_reason is not None or level.bundle is None:
            return self._popular_instead(
                context, arm, context.time_limit.skip_reason or level.reason
            )
        ranked = _by_server(context)
        if ranked.fallback not in (POPULAR, NEWEST):
            return ranked
        return self._popular_instead(context, arm, ranked.reason)

    def _popular_instead(self, context: RankingContext, arm: int, reason: str | None) -> RankedList:
        ranked = by_popularity(context, self.table, arm)
        return replace(
            ranked, fallback=ranked.fallback or POPULAR, reason=_both(reason, ranked.reason)
        )


def _by_server(context: RankingContext) -> RankedList:
    """Rank as the server does without experiments."""
    ranks = rank_exploring if context.view.explore else rank
    return ranks(
        context.view,
        context.hashes,
        context.request,
        request_id=context.request_id,
        at_ms=context.at_ms,
        limit=context.limit,
        time_limit=context.time_limit,
    )


def rank_for(view: View) -> Callable[..., RankedList]:
    """The function that ranks from a view, with the arguments of ``rank``."""
    if view.variants is not None:
        return view.variants.rank
    return rank_exploring if view.explore else rank


def _both(first: str | None, second: str | None) -> str | None:
    """Both reasons in one text."""
    return "; and ".join(one for one in (first, second) if one is not None) or None
