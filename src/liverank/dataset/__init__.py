"""Training rows: features read at past rankings, from a fold of the log."""
