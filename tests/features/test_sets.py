"""A set of numbers as bits tells how many of it lie below a number, as sorted numbers do."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liverank.compiled import compiled
from liverank.features.kernels.memory.bitset import below, count_up, groups_of, include
from liverank.features.kernels.memory.pointers import keep, pointer_to


@compiled
def counted_below(firsts, counts, numbers, size):
    groups = groups_of(size)
    bits, up_to = np.zeros(groups, np.uint64), np.empty(groups, np.uint32)
    set_ = (pointer_to(bits), pointer_to(up_to))
    for place in range(firsts.size):
        include(set_, firsts[place], counts[place])
    total = count_up(set_, groups)
    found = np.empty(numbers.size, np.int64)
    for place in range(numbers.size):
        found[place] = below(set_, numbers[place])
    keep((bits, up_to))
    return total, found


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 140))))
def test_it_tells_how_many_are_less_than_each_number(runs):
    firsts, counts = np.array(runs, np.int64).reshape(-1, 2).T.copy()
    numbers = np.arange(641)

    total, found = counted_below(firsts, counts, numbers, 640)

    members = sorted({n for first, count in runs for n in range(first, first + count)})
    assert total == len(members)
    np.testing.assert_array_equal(found, np.searchsorted(members, numbers))
