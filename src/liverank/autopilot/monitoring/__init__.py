"""Finds what is wrong with a product by its log: few alarms, each with its cause."""
