"""State that rankings are made from: the folded log, the live items, and snapshots of both."""
