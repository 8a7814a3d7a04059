"""Feature state: a fold of the log, read at a time."""
