"""Finds a good model automatically, within a time budget.

``fit`` trains on any table, ``load`` reads a saved result; both are imported at their first use, so
that ``from liverank import automl`` is quick.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from liverank.automl.result import Result as Result
    from liverank.automl.table import fit as fit
    from liverank.bundle.table_bundle import load_table_bundle as load

__all__ = ["Result", "fit", "load"]

_MODULES = {
    "Result": ("liverank.automl.result", "Result"),
    "fit": ("liverank.automl.table", "fit"),
    "load": ("liverank.bundle.table_bundle", "load_table_bundle"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _MODULES[name]
    return getattr(importlib.import_module(module), attribute)
