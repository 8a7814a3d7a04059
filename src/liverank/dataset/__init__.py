"""Training rows: the fold of the log, read at past rankings."""
