"""True values in a simulated world: the same weeks of the same people, all on one policy."""
