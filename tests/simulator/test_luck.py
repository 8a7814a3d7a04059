"""Luck is the same for the same question, even from 0 to 1, and unrelated between questions."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liverank.simulator.life.luck_kernel import (
    CLICK,
    JOIN,
    RETURN,
    STAY,
    exponential,
    normal,
    uniform,
)

WORD = 2**64 - 1


def plain_uniform(*numbers: int) -> float:
    """The definition, in whole numbers."""
    word = 0
    for place, number in enumerate(numbers):
        word = (
            (word + number * 0x9E3779B97F4A7C15 + place) & WORD
            if place
            else (number + 0x9E3779B97F4A7C15) & WORD
        )
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & WORD
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & WORD
        word ^= word >> 31
    return (word >> 11) / 2**53


@given(
    st.integers(0, 2**62 - 1),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
    st.sampled_from([CLICK, JOIN, STAY]),
    st.integers(0, 2**62),
)
def test_luck_equals_its_plain_definition(
    seed: int, person: int, visit: int, purpose: int, item: int
) -> None:
    luck = uniform(seed, person, visit, purpose, item)

    assert luck == plain_uniform(seed, person, visit, purpose, item)
    assert 0 <= luck < 1


def test_luck_is_even_and_unrelated_between_neighbours() -> None:
    luck = np.array(
        [[uniform(1, person, 0, CLICK, item) for item in range(200)] for person in range(200)]
    )

    counts = np.histogram(luck, bins=20, range=(0, 1))[0]
    assert abs(luck.mean() - 0.5) < 4 / math.sqrt(12 * luck.size)
    assert ((counts - 2000) ** 2 / 2000).sum() < 45  # chi-squared with 19 degrees of freedom
    for other in (np.roll(luck, 1, axis=0), np.roll(luck, 1, axis=1)):
        assert abs(np.corrcoef(luck.ravel(), other.ravel())[0, 1]) < 0.02


def test_waits_and_stays_have_the_moments_of_their_distributions() -> None:
    waits = np.array([exponential(1, person, 0, RETURN, 0) for person in range(20_000)])
    stays = np.array([normal(1, person, 0, 0) for person in range(20_000)])

    assert abs(waits.mean() - 1) < 0.03
    assert abs((waits**2).mean() - 2) < 0.15
    assert abs(stays.mean()) < 0.03
    assert abs(stays.std() - 1) < 0.03
    assert abs((stays > 1.645).mean() - 0.05) < 0.006
