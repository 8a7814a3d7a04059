"""Analyses the arms of an experiment: results, and a decision in plain words.

>>> from liverank.experiments.analysis import TableSpec, analyse, parse_metric
"""

from liverank.experiments.analysis.analysis import Analysis, analyse
from liverank.experiments.analysis.spec import MetricSpec, TableSpec, parse_covariate, parse_metric

__all__ = ["Analysis", "MetricSpec", "TableSpec", "analyse", "parse_covariate", "parse_metric"]
