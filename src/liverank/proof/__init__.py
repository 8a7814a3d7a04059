"""Proofs: an A/B test of the product in a simulated world, compared with the true effects."""
