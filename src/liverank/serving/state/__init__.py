"""What rankings are made from: the folded log, the live items, and the snapshots of both."""
