"""Experiments: who gets which variant, what each did, and what that says about the difference.

Invariant: nothing here reads a clock, a file or the network; tables and logs come in as arrays.
"""
