"""Codes of the instructions in a compiled program of features, shared with the kernel.

A module without imports: kernels are compiled with these constants, so an edit here recompiles
every kernel that reads features, and nothing else.
"""

COUNT, RATE, AGO, MOMENTUM, SHARE, FIELD, LEVEL, SAME = 0, 1, 2, 3, 4, 5, 6, 7
AGE, HOUR, WEEKDAY, POSITION, CANDIDATES, NEXT, RANK, GAP = 8, 9, 10, 11, 12, 13, 14, 15
PERSON, FOLLOWED, HERE, AUDIENCE_NOW = 16, 17, 18, 19
LIFE_LEFT, LIFE_STATE, DIFFERENCE, ABOVE_MEAN, ABOVE_MEAN_SD, LATEST = 20, 21, 22, 23, 24, 25
"""Operations, which ``kernels.read.run.run_program`` runs."""

SUM, MAX, MEAN, FIRST = 0, 1, 2, 3
COMBINATIONS = {"sum": SUM, "max": MAX, "mean": MEAN, "first": FIRST}
"""Ways to combine the values of a list's elements into one number."""

CODE_WIDTH = 8
"""Number of int64 words of an instruction: the operation, then its arguments."""
CONSTANT_WIDTH = 2
"""Number of float64 constants of an instruction."""
NO_HALF_LIFE = -1
"""Index that stands for the half-life of a word that does not decay."""
