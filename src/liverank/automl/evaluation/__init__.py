"""Rows that models are trained and evaluated on: folds, evaluation rows, subsamples."""
