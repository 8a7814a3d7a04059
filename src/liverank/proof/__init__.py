"""Weeks in a simulated world, an A/B test of the product in it, and the truth to compare with."""
