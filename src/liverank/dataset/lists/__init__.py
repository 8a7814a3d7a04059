"""Ranked lists that people saw, gathered from the log."""
