"""Metrics of experiments, one file a kind; each says what it needs apart from its arithmetic."""
