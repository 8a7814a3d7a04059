"""The page of a proof: what came of it, for people who decide about products."""
