"""What monitoring counts of a log, hour by hour."""
