"""Labels: which impressions were successes."""
