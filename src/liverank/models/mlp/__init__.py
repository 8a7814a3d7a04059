"""Neural nets as arrays, and their scoring."""
