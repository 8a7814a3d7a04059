"""Ranking: candidates, features, scores, order; fallback levels; rankings in the log."""
