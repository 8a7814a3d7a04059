"""Attributions of a prediction to the columns of the table, not to encoded features.

They are Shapley values of a forest, terms of a linear model, and integrated gradients of a net.
Invariant: base + the sum of the attributions is the calibrated margin (before the steps of an
isotonic calibration, where there are any).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.attribution.integrated_gradients import attribute_mlp
from liverank.models.attribution.tree_shap import (
    Attributions,
    LeafPaths,
    attribute_linear,
    leaf_paths,
)
from liverank.models.encoder.columns import Columns
from liverank.models.encoder.encoder import Encoder
from liverank.models.forest.forest import Forest
from liverank.models.linear.model import Linear
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import ALL, Predictor


@dataclass(frozen=True, eq=False)
class Parts:
    """Attributions of k margins: ``effects`` float64[n, n_columns, k], and ``base`` float64[k]."""

    effects: NDArray[np.float64]
    base: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Explainer:
    """Attributes predictions for any rows; made once for a predictor.

    ``owners`` is float64[f, n_columns]: a feature of several columns is shared equally by them.
    """

    predictor: Predictor
    encoder: Encoder
    names: tuple[str, ...]
    owners: NDArray[np.float64]
    paths: tuple[LeafPaths | Linear | Mlp, ...]

    def explain(self, columns: Columns) -> Parts:
        """Attributions of the margins of rows. Raises ServingError for missing columns."""
        features = self.encoder.transform(columns)
        k = self.predictor.n_margins
        effects, base = np.zeros((len(features), len(self.names), k)), np.zeros(k)
        for term, part in zip(self.predictor.terms, self.paths, strict=True):
            if isinstance(part, Mlp):
                net = attribute_mlp(part, features)
                where = slice(None) if term.margin == ALL else slice(term.margin, term.margin + 1)
                by_column = np.einsum("nfk,fc->nck", net.effects, self.owners)
                effects[:, :, where] += term.weight * by_column
                base[where] += term.weight * net.base
                continue
            attributions = _attribute(part, features)
            effects[:, :, term.margin] += term.weight * (attributions.effects @ self.owners)
            base[term.margin] += term.weight * attributions.base
        slope, offset = self.predictor.calibrator.slope, self.predictor.calibrator.offset
        return Parts(effects * slope, base * slope + offset)


def make_explainer(predictor: Predictor) -> Explainer:
    """Make the explainer of a predictor.

    Raises BundleError for a predictor that reads no columns, or a forest without ``cover``.
    """
    encoder = predictor.encoder
    if encoder is None:
        raise BundleError(
            "a model without an encoder reads no columns to attribute its predictions to"
        )
    paths: list[LeafPaths | Linear | Mlp] = []
    for term in predictor.terms:
        if isinstance(term.part, Forest):
            paths.append(leaf_paths(term.part))
        elif isinstance(term.part, Linear | Mlp):
            paths.append(term.part)
        else:
            kind = type(term.part).__name__
            raise BundleError(f"the model holds a {kind}, whose predictions cannot be attributed")
    names, owners = column_owners(encoder)
    return Explainer(predictor, encoder, names, owners, tuple(paths))


def column_owners(encoder: Encoder) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Names of the columns, and the share of each in each feature: float64[f, n_columns]."""
    names = tuple(column.name for column in encoder.inputs)
    owners = np.zeros((encoder.n_features, len(names)))
    row = 0
    for step in encoder.spec.steps:
        read = step.reads
        for _ in step.names:
            for name in read:
                owners[row, names.index(name)] += 1 / len(read)
            row += 1
    return names, owners


def _attribute(part: LeafPaths | Linear, features: NDArray[np.float32]) -> Attributions:
    if isinstance(part, Linear):
        return attribute_linear(part, features)
    return part.attribute(features)
