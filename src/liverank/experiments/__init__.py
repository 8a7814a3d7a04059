"""Experiments: the assignment of variants, the users' interactions, and the analysis of effects.

Invariant: no module reads a clock, a file or the network; tables and logs are passed as arrays.
"""
