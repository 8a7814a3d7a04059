"""Attributions: how much each input contributed to a prediction."""
