"""Metrics of experiments, one file a kind; each declares the data it needs before computing."""
