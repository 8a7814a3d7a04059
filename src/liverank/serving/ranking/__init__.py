"""Ranking: candidates, features, scores, order; the ladder; the rankings in the log."""
