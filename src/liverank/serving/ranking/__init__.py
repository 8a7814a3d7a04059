"""Ranking: candidates, features, scores, order; the ladder; and the rankings on their way to disk."""
