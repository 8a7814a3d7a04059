"""The record of one number of features that was tried before a search on rankings."""

import msgspec


class FeatureCountTrial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A number of features, and its metrics on the folds compared with those of all features."""

    features: int
    log_loss: float
    """Log-loss minus that of all features."""
    ndcg: float
    """NDCG minus that of all features."""
    is_enough: bool
    """Whether the difference is within the noise of the folds."""
