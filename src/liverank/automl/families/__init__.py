"""Model families: each has a module, and one line here.

A family's module has the members of ``contract.Family``. Libraries are imported when a fit begins,
so that a missing package disables only its own family.
"""

from importlib.util import find_spec

from liverank.automl.families import catboost, lightgbm, xgboost
from liverank.automl.families.contract import Family as Family
from liverank.automl.families.linear import linear
from liverank.automl.families.mlp import mlp

FAMILIES: dict[str, Family] = {
    "lightgbm": lightgbm,
    "catboost": catboost,
    "mlp": mlp,
    "xgboost": xgboost,
    "linear": linear,
}
"""Families by name, those most worth trying first."""


def is_installed(name: str) -> bool:
    """Whether the package that a family trains with is installed.

    >>> is_installed("lightgbm")
    True
    """
    return find_spec(FAMILIES[name].TRAITS.package) is not None
