"""Clocks that no machine and no load moves, so that a search does the same everywhere."""

import itertools


class Looks:
    """A clock that goes on by 2 ms whenever it is read."""

    def __init__(self, step_s=0.002):
        self.now_s = 0.0
        self.step_s = step_s

    def __call__(self):
        self.now_s += self.step_s
        return self.now_s


class Clock:
    """A clock that goes on only when a test sets ``now``."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def ticking(step_s=0.0006):
    """A clock that each reading moves on by ``step_s``."""
    return map(step_s.__mul__, itertools.count()).__next__
