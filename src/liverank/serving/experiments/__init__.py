"""Experiments in the rank server: assignment, ranking by variant, and popularity by variant."""
