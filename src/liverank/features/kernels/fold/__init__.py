"""Kernels that fold events into feature state, and that make room in it."""
