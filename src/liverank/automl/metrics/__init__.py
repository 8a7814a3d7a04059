"""Objectives, metrics and their confidence intervals."""
