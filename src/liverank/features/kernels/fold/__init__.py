"""Kernels that fold events into feature state, and that free its memory."""
