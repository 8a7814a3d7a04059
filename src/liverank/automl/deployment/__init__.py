"""The choice of the deployed model, and its final training on all rows."""
