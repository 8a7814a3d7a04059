"""The assignment of variants: hashes of units, and the timeline of an experiment."""
