"""The statistics of experiments, each in its own file and usable alone.

Everything is computed over independent units, which is whatever was assigned to a variant: a user,
a household. The formulas and their sources are in ``docs/statistics.md``.
"""
