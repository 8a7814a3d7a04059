"""Experiments in the rank server: assignment, ranking by variants, popularity for each of them."""
