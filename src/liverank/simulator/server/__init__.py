"""Runs a real rank server for a simulated world, in simulated time."""
