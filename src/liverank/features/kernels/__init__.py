"""Compiled kernels of feature state: they take arrays and scalars only."""
