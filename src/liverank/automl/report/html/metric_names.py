"""How metrics are named and written in the report and on the command line."""

import re

from liverank.automl.metrics.figures import METRICS
from liverank.automl.report.html.numbers import number, percent


def title_of(name: str) -> str:
    """The title of a metric, with the share that it holds fixed.

    >>> title_of("precision_at_recall=0.9")
    'Precision at recall 0.9'
    """
    key, _, share = name.partition("=")
    title = METRICS[key].title if key in METRICS else name
    fixed = re.sub(r"^.*_at_", "", key)
    return f"{title} at {fixed} {share}" if share else title


def meaning_of(name: str) -> str:
    """One line that explains a metric; empty for an unknown one.

    >>> meaning_of("rmse")
    'root of the mean squared error; lower is better'
    """
    metric = METRICS.get(name.partition("=")[0])
    return "" if metric is None else metric.meaning


def in_text(name: str) -> str:
    """A metric's title within a sentence.

    >>> in_text("log_loss"), in_text("auc")
    ('log-loss', 'AUC')
    """
    title = title_of(name)
    return title[0].lower() + title[1:] if title[1:2].islower() else title


def written(name: str, value: float | None) -> str:
    """A figure as text.

    >>> written("accuracy", 0.912), written("rmse", 41213.2), written("r2", -0.00074)
    ('91 %', '41,213', '-0.001')
    """
    metric = METRICS.get(name.partition("=")[0])
    style = "number" if metric is None else metric.written_as
    if style == "decimals" and value is not None:
        return f"{value:.3f}"
    return percent(value) if style == "percent" else number(value)


def better_by(name: str, value: float | None, before: float | None) -> float | None:
    """Relative fall of a loss from ``before`` to ``value``; None where larger is better.

    >>> better_by("rmse", 50.0, 100.0), better_by("auc", 0.9, 0.5)
    (0.5, None)
    """
    metric = METRICS.get(name.partition("=")[0])
    if value is None or not before or metric is None or metric.larger_is_better:
        return None
    return 1 - value / before
