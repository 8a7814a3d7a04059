"""Collects the interactions of exposed units from the log, in one pass for all metrics."""
