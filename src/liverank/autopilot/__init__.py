"""Automatic training from the log to a model in service: gather, train, compare, promote."""
