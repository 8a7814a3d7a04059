"""State that rankings use: the folded log, the live items, and snapshots of both."""
