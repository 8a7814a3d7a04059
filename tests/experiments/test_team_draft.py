"""Team draft interleaving, against every outcome of its coins and plain properties."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.experiments.interleaving.team_draft import (
    FIRST,
    NOBODY,
    SECOND,
    drafted,
    team_draft,
)

RANKED = st.lists(st.integers(0, 12), unique=True, max_size=10)


def every_outcome(first, second, limit, rounds=6):
    """The lists of every sequence of coins; each is equally likely."""
    for coins in itertools.product((0, 1), repeat=rounds):
        yield drafted(first, second, coins, limit)


@given(first=RANKED, second=RANKED, seed=st.integers() | st.text(), limit=st.integers(0, 25))
def test_a_list_holds_each_item_once_and_as_many_as_asked(first, second, seed, limit):
    order, teams = team_draft(first, second, seed, limit)
    assert len(order) == len(set(order)) == len(teams) == min(limit, len({*first, *second}))
    assert set(order) <= {*first, *second}
    assert (order, teams) == team_draft(first, second, seed, limit)
    for item, team in zip(order, teams, strict=True):
        assert team == NOBODY or item in (first, second)[team]


@given(first=RANKED, second=RANKED, seed=st.integers())
def test_each_ranker_places_its_best_item_that_is_left(first, second, seed):
    order, teams = team_draft(first, second, seed)
    for place, (item, team) in enumerate(zip(order, teams, strict=True)):
        if team != NOBODY:
            above = set(order[:place])
            assert item == next(one for one in (first, second)[team] if one not in above)


def test_the_two_outcomes_of_one_round_are_those_of_the_paper():
    outcomes = [
        (tuple(order), tuple(teams))
        for order, teams in every_outcome(["a", "b"], ["b", "c"], 2, rounds=1)
    ]
    assert outcomes == [(("a", "b"), (0, 1)), (("b", "a"), (1, 0))]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("abcd", "abcd"),
        ("abcd", "dcba"),
        ("abc", "xyz"),
        ("abcdef", "a"),
        ("a", "abcdef"),
        ("ab", "ba"),
        ("abc", "cxyzab"),
        ("", "abc"),
    ],
)
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 9])
def test_each_place_belongs_to_either_ranker_as_often_over_all_coins(first, second, limit):
    lead = np.zeros(16)
    for _, teams in every_outcome(list(first), list(second), limit):
        for place, team in enumerate(teams):
            lead[place] += (team == FIRST) - (team == SECOND)
    assert not lead.any()


def test_coins_of_seeds_are_fair_and_of_different_seeds_different():
    firsts = np.array([team_draft("ab", "ba", f"q{n}")[1][0] for n in range(4_000)])
    assert abs(firsts.mean() - 0.5) < 4 * 0.5 / np.sqrt(4_000)
    flips = np.mean(firsts[1:] != firsts[:-1])
    assert abs(flips - 0.5) < 4 * 0.5 / np.sqrt(4_000)


def test_coins_are_the_bits_of_sha_256_so_that_another_language_draws_the_same():
    # printf 'q1:0' | sha256sum: its first byte, lowest bit first, gives the first eight coins.
    first = hashlib.sha256(b"q1:0").digest()[0]
    items = [f"i{n}" for n in range(16)]
    _, teams = team_draft(items, items[::-1], "q1")
    assert teams[::2] == [first >> bit & 1 for bit in range(8)]
