"""Combining trained models: weights, calibration, one predictor."""
