"""The input and the output of a model family: rows to train on, and a trained model.

A ``Matrix`` holds numbers only: columns are encoded before, and a scaled target is unscaled after.
Invariant: a Matrix is checked when it is made, so no family checks it again.
"""

from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from liverank.errors import TrainingError
from liverank.models.predictor import ModelPart

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, eq=False)
class Matrix:
    """Rows to learn from.

    features    float32[n, f], row by row; NaN is unknown, and nothing is infinite
    target      float64[n]: 0 or 1 (binary), 0 to classes - 1 (multiclass), or any finite value
    weight      float64[n], at least 0 and not all 0; None where all rows weigh 1
    names       of the f features
    directions  monotone constraints of the f features: 1 where the margin may only rise with the
                feature, -1 where it may only fall, 0 for none; all 0 with several classes
    task        binary, multiclass or regression
    classes     number of classes for multiclass, else 1: the number of margins of a row
    base        float64[n], known margins of a binary target: a model learns what to add to them,
                and its own margins do not include them. None for none
    lists       int64[n], the list of each row, rows of one list together; None for none

    Raises TrainingError when a part does not fit the others.

    >>> matrix = Matrix(
    ...     features=np.zeros((3, 1), np.float32),
    ...     target=np.array([0.0, 1.0, 0.0]),
    ...     weight=None,
    ...     names=("age",),
    ...     directions=(0,),
    ...     task="binary",
    ... )
    >>> len(matrix), len(matrix.take(np.array([2, 1])))
    (3, 2)
    """

    features: NDArray[np.float32]
    target: NDArray[np.float64]
    weight: NDArray[np.float64] | None
    names: tuple[str, ...]
    directions: tuple[int, ...]
    task: Task
    classes: int = 1
    base: NDArray[np.float64] | None = None
    lists: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)

    def __len__(self) -> int:
        return len(self.target)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.names)

    def take(self, where: NDArray[np.bool_] | NDArray[np.int64] | slice) -> "Matrix":
        """The rows of a mask, of row numbers, or of a slice, which copies nothing.

        They count alike where all of them weigh 0. Raises TrainingError when the rows of a list are
        torn apart.
        """
        parts = {
            "features": np.ascontiguousarray(self.features[where]),
            "target": self.target[where],
            "weight": weight_of_part(self.weight, where),
            "base": None if self.base is None else self.base[where],
            "lists": None if self.lists is None else self.lists[where],
        }
        taken = object.__new__(Matrix)
        taken.__dict__.update(self.__dict__ | parts)
        # only lists can become unsound by leaving rows out; the others cost a pass of all rows
        _check_lists(taken.lists)
        return taken


def weight_of_part(
    weight: NDArray[np.float64] | None, where: NDArray[np.bool_] | NDArray[np.int64] | slice
) -> NDArray[np.float64] | None:
    """Weights of some of the rows; None, so that they count alike, where all of them are 0.

    >>> weight_of_part(np.array([0.0, 0.0, 2.0]), slice(1, 3))
    array([0., 2.])
    >>> weight_of_part(np.array([0.0, 0.0, 2.0]), slice(0, 2)) is None
    True
    """
    part = None if weight is None else weight[where]
    return None if part is None or not part.any() else part


@dataclass(frozen=True, eq=False)
class Fit:
    """A trained model.

    parts        one part for each of the k margins of a row, or one part that gives all k
    rounds       boosting rounds or training steps in the model; 1 for models without rounds
    rounds_run   rounds that were trained, among them those dropped by early stopping
    out_of_time  whether the deadline ended the training
    gains        float64[f], at least 0: importance of each feature, comparable within one fit only
    losses       float64[rounds_run], loss of the validation rows after each round; empty where the
                 family has no rounds that could be left out, or there were no validation rows

    >>> from liverank.models.forest.forest import Forest, leaf_arrays
    >>> parts = tuple(Forest.from_arrays(leaf_arrays(v), n_features=1) for v in (1.0, 2.0))
    >>> Fit(parts, 1, 1, False, np.zeros(1)).margins(np.zeros((1, 1), np.float32)).tolist()
    [[1.0, 2.0]]
    """

    parts: tuple[ModelPart, ...]
    rounds: int
    rounds_run: int
    out_of_time: bool
    gains: NDArray[np.float64]
    losses: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def margins(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score rows, float32[n, f]: float64[n, k]. Raises ServingError for other shapes."""
        columns = [part.margin(features) for part in self.parts]
        return np.hstack([each[:, None] if each.ndim == 1 else each for each in columns])


def _check_shapes(matrix: Matrix) -> None:
    n, width = len(matrix.target), len(matrix.names)
    _expect("features", matrix.features, np.float32, (n, width))
    _expect("target", matrix.target, np.float64, (n,))
    if matrix.weight is not None:
        _expect("weight", matrix.weight, np.float64, (n,))
    if matrix.base is not None:
        _expect("base", matrix.base, np.float64, (n,))
        if matrix.task != "binary":
            raise TrainingError(
                f"`base` has no meaning for a {matrix.task} task; expected a binary one, or no base"
            )
    if matrix.lists is not None:
        _expect("lists", matrix.lists, np.int64, (n,))
        _check_lists(matrix.lists)
    if not matrix.features.flags.c_contiguous:
        raise TrainingError("`features` is laid out by column; pass np.ascontiguousarray(...)")
    if matrix.task not in get_args(Task):
        raise TrainingError(f"`task` is {matrix.task!r}; expected one of {get_args(Task)}")
    if (matrix.classes > 1) != (matrix.task == "multiclass") or matrix.classes < 1:
        raise TrainingError(
            f"`classes` is {matrix.classes} for a task of {matrix.task}; "
            "expected 2 or more for multiclass, 1 for any other"
        )
    if len(matrix.directions) != width or not set(matrix.directions) <= {-1, 0, 1}:
        raise TrainingError(
            f"`directions` are {len(matrix.directions)}; "
            f"expected -1, 0 or 1 for each of {width} features"
        )
    if matrix.classes > 1 and any(matrix.directions):
        raise TrainingError("`directions` have no meaning with several classes; give 0 for each")


def _check_values(matrix: Matrix) -> None:
    target = matrix.target
    if not np.isfinite(target).all():
        raise TrainingError("`target` holds NaN or infinity; leave those rows out")
    n_classes = {"binary": 2, "multiclass": matrix.classes, "regression": 0}[matrix.task]
    if n_classes and not np.isin(target, np.arange(n_classes)).all():
        raise TrainingError(f"`target` of a {matrix.task} task is 0 to {n_classes - 1}, whole")
    if matrix.base is not None and not np.isfinite(matrix.base).all():
        raise TrainingError("`base` holds NaN or infinity; give 0 where no margin is known")
    if np.isinf(matrix.features).any():
        raise TrainingError("`features` hold infinity; give NaN for what is unknown")
    _check_weight(matrix.weight)


def _check_lists(lists: NDArray[np.int64] | None) -> None:
    if lists is None:
        return
    starts = np.append(True, lists[1:] != lists[:-1])[: len(lists)]
    if len(np.unique(lists)) != np.count_nonzero(starts):
        raise TrainingError("the rows of a list are not together; sort rows by list")


def _check_weight(weight: NDArray[np.float64] | None) -> None:
    if weight is None or len(weight) == 0:
        return
    if not ((weight >= 0).all() and 0 < weight.sum() < np.inf):
        raise TrainingError("`weight` holds a value below 0, NaN or infinity, or nothing above 0")


def _expect(
    name: str, array: NDArray[np.generic], dtype: type[np.generic], shape: tuple[int, ...]
) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise TrainingError(
            f"`{name}` is {array.dtype}{list(array.shape)}; expected {np.dtype(dtype)}{list(shape)}"
        )
