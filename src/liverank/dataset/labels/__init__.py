"""Which impressions were successes."""
