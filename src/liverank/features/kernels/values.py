"""Kernels of single values: what one row says of one candidate at a time."""

import numpy as np

from liverank.compiled import compiled
from liverank.features import instructions as op
from liverank.features.layout import ITEM, REQUEST

SUM, MAX, MEAN, FIRST = op.SUM, op.MAX, op.MEAN, op.FIRST


@compiled
def combine(how, total, best, least, seen, first):
    """One number of a list's elements; NaN if it has none, or none that is known."""
    if seen == 0:
        return np.nan
    if how == SUM:
        return total
    if how == MAX:
        return best if best > -np.inf else np.nan
    if how == MEAN:
        return total / seen
    if how == FIRST:
        return first
    return least if least < np.inf else np.nan


@compiled
def count_at(words, row, block, which, rate, at):
    """A decayed count, as of ``at``."""
    if row < 0 or np.isnan(words[row + block]):
        return 0.0
    since = at - words[row + block]
    count = words[row + block + 1 + which]
    if since > 0 and rate > 0 and count > 0:  # else nothing decays: spare the exponential
        return count * np.exp(-rate * since)
    return count


@compiled
def rate_at(words, row, code, constants, prior, at):
    """A rate that falls back to the prior where there is little evidence.

    ``(count + strength * prior) / (trials + strength)``: the mean of a Beta posterior whose prior
    weighs as much as ``strength`` trials.
    """
    count = count_at(words, row, code[3], code[4], constants[0], at)
    trials = count_at(words, row, code[6], code[4], constants[0], at)
    return (count + constants[1] * prior) / (trials + constants[1])


@compiled
def seconds_since(words, row, block, at):
    """Seconds since the last interaction of a type; NaN if there was none."""
    return max(at - words[row + block], 0.0) / 1000.0 if row >= 0 else np.nan


@compiled
def go_on_at(words, row, recent_row, code, constants, at):
    """The share of those who engaged with a recent item and went on to this one."""
    count = count_at(words, row, code[3], code[4], constants[0], at)
    total = count_at(words, recent_row, code[6], code[7], constants[1], at)
    return count / (total + constants[2])


@compiled
def field_source(bits, request_bits, entity, of_user, of_item):
    """Where an entity's words are: the array, and the first word or a negative number."""
    if entity == REQUEST:
        return request_bits, np.int64(0)
    if entity == ITEM:
        return bits, of_item
    return bits, of_user


@compiled
def shared(left, left_word, left_list, right, right_word, right_list):
    """How many values two fields have in common; NaN where one is unknown."""
    left_count = np.int64(1)
    right_count = np.int64(1)
    if left_list:
        known = left[left_word : left_word + 1].view(np.float64)[0]
        left_count = np.int64(known) if known > 0 else np.int64(0)
        left_word += 1
    if right_list:
        known = right[right_word : right_word + 1].view(np.float64)[0]
        right_count = np.int64(known) if known > 0 else np.int64(0)
        right_word += 1
    shared, known_left, known_right = 0, False, False
    for i in range(left_count):
        for j in range(right_count):
            known_left |= left[left_word + i] != np.uint64(0)
            known_right |= right[right_word + j] != np.uint64(0)
            if left[left_word + i] == right[right_word + j] and left[left_word + i] != np.uint64(0):
                shared += 1
    return float(shared) if known_left and known_right else np.nan
