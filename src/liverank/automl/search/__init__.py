"""The search over families and settings within a budget of time."""
