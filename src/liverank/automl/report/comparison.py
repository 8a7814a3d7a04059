"""The comparison of a ranking model with heuristics that need no model, as in the report."""

import msgspec


class Difference(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A list metric of the model minus that of the best heuristic, with its 95 % interval.

    The interval is a bootstrap over users.
    """

    value: float | None
    low: float | None
    high: float | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model and the heuristics on the lists of the holdout rows.

    Items are scored as if each were at the first position of its list.
    """

    lists: int
    """Lists with a success."""
    methods: dict[str, dict[str, float | None]]
    """``list_auc`` and ``ndcg@10`` by method."""
    best_heuristic: str | None
    """The heuristic with the highest ``ndcg@10`` on these lists."""
    differences: dict[str, Difference]
    """By metric."""
    beats: bool
    """Whether the model may be served: its ``ndcg@10`` is above that of the best heuristic, and its
    log-loss below that of the constant baseline."""
    reason: str
    """The decision in words."""
    wider: "Comparison | None" = None
    """The comparison on validation and holdout lists together, which decides where the holdout
    lists alone are too few; null where they are enough."""
