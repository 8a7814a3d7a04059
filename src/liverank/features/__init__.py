"""Feature state: a fold of the log, read as of a time."""
