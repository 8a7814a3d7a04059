"""Feature state in memory: folding events into it, reading rows, snapshots on disk."""
