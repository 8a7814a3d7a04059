"""A whole trained model: columns in, probabilities or values out.

    columns -> encoder -> features -> sum of weight x part -> calibrator -> link

Invariant: a row's prediction does not depend on the other rows of the call.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from liverank.errors import BundleError
from liverank.models.calibrator import Calibrator
from liverank.models.encoder.columns import Columns
from liverank.models.encoder.encoder import Encoder
from liverank.models.forest.forest import Forest
from liverank.models.json_array import json_array, read_json_array
from liverank.models.linear.model import Linear
from liverank.models.link_kernel import chances_kernel, expm1_kernel, softmax_kernel
from liverank.models.mlp.model import Mlp
from liverank.models.sigmoid_kernel import sigmoid_kernel

Link: TypeAlias = Literal["sigmoid", "softmax", "identity", "expm1"]
ALL = -1
"""The ``margin`` of a term whose part gives every margin."""


class ModelPart(Protocol):
    """A model made of arrays: a Forest, a Linear or an Mlp."""

    @property
    def n_features(self) -> int:
        """The width of the rows it scores."""

    @property
    def used(self) -> NDArray[np.int64]:
        """The columns that can change a margin, in rising order."""

    def margin(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows, float32[n, n_features]: float64[n], or float64[n, k] for all margins."""

    def keep_columns(self, columns: NDArray[np.int64]) -> "ModelPart":
        """The same model for narrower rows."""

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays of the model, by name."""


@dataclass(frozen=True, eq=False)
class Term:
    """A part, the index of the margin it gives (``ALL`` for all margins), and its weight."""

    part: ModelPart
    margin: int
    weight: float


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    n_features: int
    n_margins: int
    link: Link
    classes: tuple[str, ...]
    terms: tuple[tuple[str, int, float], ...]


@dataclass(frozen=True, eq=False)
class Predictor:
    """A calibrated weighted sum of parts, and the link from its margins to predictions.

    link     ``sigmoid`` and ``softmax`` give probabilities of ``classes``; ``identity`` gives the
             margin as a value; ``expm1`` gives a value v with log(1 + v) = margin
    encoder  None where rows are features, not columns

    Raises BundleError when the parts do not fit together.

    >>> from liverank.models.forest.forest import leaf_arrays
    >>> part = Forest.from_arrays(leaf_arrays(3.0), n_features=2)
    >>> model = Predictor((Term(part, 0, 0.5),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    >>> model.answers(np.zeros((1, 2), np.float32)).round(4).tolist()
    [0.8176]
    """

    terms: tuple[Term, ...]
    calibrator: Calibrator
    link: Link
    classes: tuple[str, ...] = ()
    encoder: Encoder | None = None

    def __post_init__(self) -> None:
        widths = {term.part.n_features for term in self.terms}
        if self.encoder is not None:
            widths.add(self.encoder.n_features)
        if len(widths) != 1 or not self.terms:
            raise BundleError(
                f"predictor: all its parts must read rows of one width, got {sorted(widths)}"
            )
        if any(not ALL <= term.margin < self.n_margins for term in self.terms):
            raise BundleError(
                f"predictor: a part gives a margin outside the {self.n_margins} of the model"
            )
        n_classes = {"sigmoid": 2, "softmax": self.n_margins}.get(self.link, 0)
        if len(self.classes) != n_classes or (self.link != "softmax" and self.n_margins != 1):
            raise BundleError(
                f"predictor: {len(self.classes)} classes and {self.n_margins} margins do not fit "
                f"the link {self.link}"
            )

    @property
    def n_features(self) -> int:
        """The width of the rows it scores."""
        return self.terms[0].part.n_features

    @property
    def n_margins(self) -> int:
        """Number of margins of a row: one for each class with ``softmax``, else 1."""
        return len(self.calibrator.slope)

    @property
    def used(self) -> NDArray[np.int64]:
        """The features that can change a prediction, in rising order."""
        return np.unique(np.concatenate([term.part.used for term in self.terms]))

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Calibrated margins of rows, float32[n, n_features]: float64[n, k].

        Raises ServingError for rows of another type or width. Safe from several threads.
        """
        return self.calibrator.apply(sum_terms(self.terms, features, self.n_margins))

    def answers(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions for rows, float32[n, n_features].

        float64[n], the probability of the second class (``sigmoid``) or the value, or
        float64[n, k], the probability of each class (``softmax``).
        """
        if self.link == "sigmoid" and len(self.terms) == 1:
            [term], calibrator = self.terms, self.calibrator
            return chances_kernel(
                term.part.margin(features).ravel(),
                term.weight,
                calibrator.slope[0],
                calibrator.offset[0],
                calibrator.knots,
                calibrator.levels,
            )
        return linked(self.margins(features), self.link)

    def predict(self, columns: Columns) -> NDArray[np.float64]:
        """As ``answers``, for columns in the form of ``liverank.models.encoder.columns``."""
        if self.encoder is None:
            raise BundleError("predictor: it has no encoder; give features to `answers`")
        return self.answers(self.encoder.transform(columns))

    def keep_columns(self, columns: NDArray[np.int64]) -> "Predictor":
        """The same model for narrower rows: new column i is old column ``columns[i]``.

        ``columns`` is in rising order and contains all of ``used``; else raises BundleError.
        """
        if not np.isin(self.used, columns).all():
            raise BundleError(
                f"predictor: it uses columns {self.used}, and only {columns} are kept"
            )
        terms = [Term(t.part.keep_columns(columns), t.margin, t.weight) for t in self.terms]
        encoder = self.encoder and self.encoder.keep_features(columns)
        return Predictor(tuple(terms), self.calibrator, self.link, self.classes, encoder)

    def narrow(self) -> "Predictor":
        """The same model without unused features, and without the columns that only they need."""
        kept = self.used
        if len(kept) == self.n_features or len(kept) == 0:
            return self
        return self.keep_columns(kept)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays: ``head`` (JSON as uint8), ``calibrator.slope``, ``part0.starts``, ..."""
        head = _Head(
            n_features=self.n_features,
            n_margins=self.n_margins,
            link=self.link,
            classes=self.classes,
            terms=tuple((_kind(t.part), t.margin, float(t.weight)) for t in self.terms),
        )
        arrays = {"head": json_array(head)}
        pieces: list[tuple[str, dict[str, NDArray[Any]]]] = [
            ("calibrator", self.calibrator.to_arrays()),
            *((f"part{i}", term.part.to_arrays()) for i, term in enumerate(self.terms)),
        ]
        if self.encoder is not None:
            pieces.append(("encoder", self.encoder.to_arrays()))
        for prefix, piece in pieces:
            arrays |= {f"{prefix}.{name}": array for name, array in piece.items()}
        return arrays

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[Any]]) -> "Predictor":
        """The opposite of ``to_arrays``. Raises BundleError for missing, extra or wrong arrays."""
        left = dict(arrays)
        head = read_json_array(left.pop("head", None), _Head, where="predictor", name="head")
        terms = tuple(
            Term(_part(kind, _take(left, f"part{i}"), head.n_features), margin, weight)
            for i, (kind, margin, weight) in enumerate(head.terms)
        )
        calibrator = Calibrator.from_arrays(_take(left, "calibrator"))
        encoder = _take(left, "encoder")
        if left:
            raise BundleError(f"predictor: unknown array `{min(left)}`")
        return Predictor(
            terms,
            calibrator,
            head.link,
            head.classes,
            Encoder.from_arrays(encoder) if encoder else None,
        )


def sum_terms(
    terms: Sequence[Term], features: NDArray[np.float32], n_margins: int
) -> NDArray[np.float64]:
    """The weighted sum of the margins of the parts, in their order: float64[n, n_margins]."""
    total = np.zeros((len(features), n_margins))
    for term in terms:
        margin = term.part.margin(features)
        if term.margin == ALL:
            total += term.weight * margin.reshape(len(features), -1)
        else:
            total[:, term.margin] += term.weight * margin
    return total


def linked(margins: NDArray[np.float64], link: Link) -> NDArray[np.float64]:
    """Margins, float64[n, k], as probabilities or values: float64[n], or [n, k] for softmax.

    >>> linked(np.array([[0.0, 0.0]]), "softmax").tolist()
    [[0.5, 0.5]]
    """
    margins = np.ascontiguousarray(margins)
    answers: NDArray[np.float64]
    match link:
        case "sigmoid":
            answers = sigmoid_kernel(margins[:, 0])
        case "softmax":
            answers = softmax_kernel(margins)
        case "identity":
            answers = margins[:, 0]
        case "expm1":
            answers = expm1_kernel(margins[:, 0])
    return answers


def _kind(part: ModelPart) -> str:
    return type(part).__name__.lower()


def _part(kind: str, arrays: dict[str, NDArray[Any]], n_features: int) -> ModelPart:
    try:
        if kind == "forest":
            return Forest.from_arrays(arrays, n_features)
        if kind == "linear":
            return Linear.from_arrays(arrays)
        if kind == "mlp":
            return Mlp.from_arrays(arrays)
    except TypeError as error:
        raise BundleError(f"predictor: the arrays do not fit a {kind}: {error}") from None
    raise BundleError(f"predictor: a part is a `{kind}`; expected forest, linear or mlp")


def _take(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Remove the arrays under a prefix from ``arrays`` and return them."""
    names = [name for name in arrays if name.startswith(f"{prefix}.")]
    return {name.removeprefix(f"{prefix}."): arrays.pop(name) for name in names}
