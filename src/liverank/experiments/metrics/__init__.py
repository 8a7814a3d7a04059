"""Metrics of experiments, one file a kind; each declares its needs apart from its arithmetic."""
