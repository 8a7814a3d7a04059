"""Who gets which variant: hashes of units, and what became of an experiment so far."""
