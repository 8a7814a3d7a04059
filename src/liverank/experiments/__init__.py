"""Experiments: the assignment of variants, the users' interactions, and the analysis of effects.

Invariant: nothing here reads a clock, a file or the network; tables and logs come in as arrays.
"""
