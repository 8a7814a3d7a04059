"""What each figure is called, says and how it is written, for readers who do not know it."""

import re
from typing import NamedTuple

from liverank.automl.report.html.numbers import number, percent


class Figure(NamedTuple):
    """A figure's name, what it says in plain words, and which way is better."""

    name: str
    says: str
    larger_is_better: bool


FIGURES = {
    "log_loss": Figure("Log-loss", "how surprised the model is by what happens", False),
    "auc": Figure("AUC", "how often the likelier of two rows is ranked higher; .5 is chance", True),
    "auc_pr": Figure("AUC-PR", "precision, over all shares of positives found", True),
    "accuracy": Figure("Accuracy", "rows whose likeliest class is the true one", True),
    "precision_at_recall": Figure("Precision", "positives among rows called, at recall", True),
    "recall_at_precision": Figure("Recall", "positives that are found, at precision", True),
    "rmse": Figure("RMSE", "the typical error, large ones counting more", False),
    "mae": Figure("MAE", "the mean error", False),
    "rmsle": Figure("RMSLE", "the typical error of the logarithm", False),
    "r2": Figure("R²", "the share of the differences that is explained", True),
}


def figure_of(name: str) -> Figure:
    """The figure of a name, with the share that it holds fixed.

    >>> figure_of("precision_at_recall=0.9").name
    'Precision at recall 0.9'
    """
    key, _, share = name.partition("=")
    found = FIGURES.get(key, Figure(name, "", False))
    if share:
        what = re.sub(r"^.*_at_", "", key)
        return found._replace(name=f"{found.name} at {what} {share}")
    return found


def in_text(name: str) -> str:
    """The figure's name within a sentence.

    >>> in_text("log_loss"), in_text("auc")
    ('log-loss', 'AUC')
    """
    told = figure_of(name).name
    return told[0].lower() + told[1:] if told[1:2].islower() else told


def written(name: str, value: float | None) -> str:
    """A figure as text.

    >>> written("accuracy", 0.912), written("rmse", 41213.2), written("r2", -0.00074)
    ('91 %', '41,213', '-0.001')
    """
    if name in ("auc", "auc_pr", "r2") and value is not None:
        return f"{value:.3f}"
    return percent(value) if name.startswith("accuracy") else number(value)


def better_by(name: str, value: float | None, before: float | None) -> float | None:
    """The share by which a figure is better than another; None where that says nothing.

    >>> better_by("rmse", 50.0, 100.0), better_by("auc", 0.9, 0.5)
    (0.5, None)
    """
    if value is None or not before or figure_of(name).larger_is_better:
        return None
    return 1 - value / before
