"""Alarms: what is wrong, since when, what follows from it, and what to do."""
