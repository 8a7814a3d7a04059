"""Linear models as arrays, and their scoring."""
