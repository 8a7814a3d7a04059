"""The HTML page of a proof: its results, for people who decide about products."""
