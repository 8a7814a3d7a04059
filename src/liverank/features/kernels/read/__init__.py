"""Kernels that read feature values of candidates at a point in time."""
