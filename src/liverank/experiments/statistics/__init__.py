"""The statistics of experiments: one method per file, each usable on its own.

Everything is computed over independent units: those that were assigned to a variant, such as users
or households. The formulas and their sources are in ``docs/statistics.md``.
"""
