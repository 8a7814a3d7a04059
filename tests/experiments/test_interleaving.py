"""Multileaving, credit and preference, against enumeration, simulation and published formulas."""

import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, kstest, norm

from bench_interleaving import compare, credit_of_people, draft, mixed, stopping
from liverank.errors import DatasetError, EventError
from liverank.experiments.interleaving.credit import credits_of_users
from liverank.experiments.interleaving.multileave import draws_of, multileave, multileaved
from liverank.experiments.interleaving.preference import preference, preferences
from liverank.experiments.interleaving.team_draft import drafted
from liverank.experiments.interleaving.teams import shares_of, teams_text

RANKED = st.lists(st.integers(0, 12), unique=True, max_size=10)
SEEN = 1 / np.arange(1, 5)
"""Chance that the item at each place is looked at."""


def credit_over_all_draws(rankings, limit, places):
    """The mean credit of each ranker at each place over every sequence of draws."""
    every = list(itertools.product(range(len(rankings)), repeat=places))
    total = np.zeros((places, len(rankings)))
    for draws in every:
        _, teams = multileaved(rankings, draws, limit)
        shares = shares_of(teams_text(teams), len(rankings))[:places]
        total[: len(shares)] += shares
    return total / len(every)


@given(
    rankings=st.lists(RANKED, min_size=2, max_size=5), seed=st.integers(), limit=st.integers(0, 30)
)
def test_a_multileaved_list_holds_each_item_once_and_credits_all_who_would_have_placed_it(
    rankings, seed, limit
):
    order, teams = multileave(rankings, seed, limit)
    known = set(itertools.chain(*rankings))
    assert len(order) == len(set(order)) == len(teams) == min(limit, len(known))
    assert set(order) <= known
    for place, (item, team) in enumerate(zip(order, teams, strict=True)):
        above = set(order[:place])
        best = [next((one for one in ranked if one not in above), None) for ranked in rankings]
        agreeing = tuple(ranker for ranker, other in enumerate(best) if other == item)
        assert team == (() if None in best else agreeing)


@pytest.mark.parametrize("limit", [1, 3, 9])
@pytest.mark.parametrize(
    "rankings",
    [
        ["abcd", "abcd", "dcba"],
        ["abc", "xyz", "cab"],
        ["abcdef", "ab"],
        ["abcd", "a", "dcba"],
        ["abcd", "bdca"],
    ],
)
def test_each_counted_place_is_credited_to_all_rankers_alike_over_all_draws(rankings, limit):
    mean = credit_over_all_draws([list(ranked) for ranked in rankings], limit, places=4)
    assert mean == pytest.approx(np.repeat(mean[:, :1], len(rankings), axis=1))
    assert mean[0] == pytest.approx(1 / len(rankings))


def test_a_ranker_that_places_what_people_want_higher_leads_whatever_the_two_orders_are():
    """Of every pair of orders of four items where one puts each wanted item at least as high."""
    orders = list(itertools.permutations("abcd"))
    for wanted in ("a", "ab"):
        for first, second in itertools.product(orders, repeat=2):
            gains = [first.index(item) - second.index(item) for item in wanted]
            if min(gains) < 0 or max(gains) == 0:
                continue
            lead = 0.0
            for draws in itertools.product((0, 1), repeat=4):
                order, teams = multileaved([first, second], draws)
                shares = shares_of(teams_text(teams), 2)
                for place, item in enumerate(order):
                    if item in wanted:
                        lead += SEEN[place] * (shares[place, 1] - shares[place, 0])
            assert lead > 1e-9, (first, second, wanted)


def test_team_draft_misses_a_better_ranker_that_multileaving_sees():
    """The case of Hofmann et al. (2011): only `c` is wanted, and the second puts it higher."""
    first, second = ["a", "b", "c"], ["b", "c", "a"]
    drafts = [drafted(first, second, coins) for coins in itertools.product((0, 1), repeat=2)]
    lead = sum(2 * teams[order.index("c")] - 1 for order, teams in drafts)
    assert lead == 0
    shares = 0.0
    for draws in itertools.product((0, 1), repeat=3):
        order, teams = multileaved([first, second], draws)
        both = shares_of(teams_text(teams), 2)[order.index("c")]
        shares += (both[1] - both[0]) / 8
    assert shares == pytest.approx(0.25)


@pytest.mark.parametrize("rankers", [2, 3, 7, 26])
def test_draws_are_uniform(rankers):
    counts = np.zeros(rankers)
    for draw in itertools.islice(draws_of("q1", rankers), 20_000):
        counts[draw] += 1
    expected = 20_000 / rankers
    assert ((counts - expected) ** 2 / expected).sum() < rankers + 5 * np.sqrt(2 * rankers)


@pytest.mark.parametrize("rankers", [0, 1, 27])
def test_too_few_or_too_many_rankers_are_an_error(rankers):
    with pytest.raises(ValueError, match=f"Expected 2 to 26 rankers, got {rankers}"):
        multileave([["a"]] * rankers, 0)


@given(
    st.lists(st.lists(st.integers(0, 25), unique=True, max_size=4), max_size=8),
)
def test_teams_go_through_text(teams):
    shares = shares_of(teams_text(teams), 26)
    assert len(shares) == len(teams)
    for team, share in zip(teams, shares, strict=True):
        assert sorted(team) == np.flatnonzero(share).tolist()
        assert share.sum() == pytest.approx(1 if team else 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("AC", r"got ranker `C` at position 2 of `AC`; the experiment has 2, A to B"),
        ("A[B", r"got `A\[B`; expected for each item a letter"),
        ("ab", r"got `ab`; expected for each item a letter"),
    ],
)
def test_what_is_no_text_of_teams_is_an_error_that_says_why(text, message):
    with pytest.raises(EventError, match=message):
        shares_of(text, 2)


def test_credit_counts_a_success_once_and_only_in_its_own_list():
    rankings = pl.DataFrame(
        {
            "ranking": ["q1", "q2", "q3"],
            "user": ["u1", "u2", "u1"],
            "items": [["a", "b"], ["a", "b"], ["c", "d"]],
            "teams": ["AB", "BA", "[AB]-"],
        }
    )
    clicks = pl.DataFrame(
        {
            "ranking": ["q1", "q1", "q3", "q3", "q9", None, "q2"],
            "item": ["b", "b", "c", "d", "a", "a", "c"],
        }
    )
    users, credit = credits_of_users(rankings, clicks, rankers=2)
    assert users == ["u1", "u2"]
    assert credit.tolist() == [[0.5, 1.5], [0.0, 0.0]]


def test_teams_of_more_items_than_the_list_holds_are_an_error():
    rankings = pl.DataFrame({"ranking": ["q"], "user": ["u"], "items": [["a"]], "teams": ["AB"]})
    clicks = pl.DataFrame({"ranking": ["q"], "item": ["a"]})
    with pytest.raises(EventError, match=r"names the teams of 2 items, but .* holds 1"):
        credits_of_users(rankings, clicks, rankers=2)


@pytest.mark.parametrize(("wins", "users"), [(0, 12), (7, 20), (33, 50), (60, 60)])
def test_the_interval_of_one_click_a_user_is_that_of_agresti_and_coull(wins, users):
    credit = np.zeros((users, 2))
    credit[:wins, 1] = 1
    credit[wins:, 0] = 1
    found = preference(credit)
    share = (wins + 2) / (users + 4)
    half = norm.ppf(0.975) * np.sqrt(share * (1 - share) / (users + 4))
    assert found.share == wins / users
    assert found.share_ci == pytest.approx((max(share - half, 0), min(share + half, 1)))
    exact = binomtest(wins, users)
    assert (found.p < 0.05) == (exact.pvalue < 0.05)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=40),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_swapping_the_rankers_mirrors_the_preference(pairs, level):
    credit = np.array(pairs, float)
    if np.count_nonzero(credit.sum(axis=1)) < 2:
        with pytest.raises(DatasetError, match="users chose an item that counts"):
            preference(credit, level)
        return
    found, mirrored = preference(credit, level), preference(credit[:, ::-1], level)
    assert found.share == pytest.approx(1 - mirrored.share)
    assert found.share_ci == pytest.approx((1 - mirrored.share_ci[1], 1 - mirrored.share_ci[0]))
    assert found.p == pytest.approx(mirrored.p)
    assert found.share_ci[0] <= found.share + 1e-12
    assert found.share <= found.share_ci[1] + 1e-12
    if not found.share_ci[0] <= 0.5 <= found.share_ci[1]:
        assert found.p < 1 - level + 1e-9


@pytest.mark.parametrize("interleave", [draft, mixed])
def test_two_rankers_whose_items_people_like_as_much_win_as_often_and_p_is_uniform(interleave):
    rng = np.random.default_rng(5)
    first, second = list(range(16)), rng.permutation(16).tolist()
    credit = credit_of_people(
        interleave, (first, second), np.full(16, 0.3), stopping, people=2_000, rng=rng
    )
    low, high = preference(credit).share_ci
    assert low < 0.5 < high
    # Thousands of A/A tests of 300 of these; half of them have the rankers' names swapped.
    ps = []
    for _ in range(3_000):
        some = credit[rng.integers(0, len(credit), 300)]
        swapped = rng.random(300) < 0.5
        some[swapped] = some[swapped][:, ::-1]
        ps.append(preference(some).p)
    assert np.mean(np.array(ps) < 0.05) == pytest.approx(0.05, abs=0.012)
    assert kstest(ps, "uniform").pvalue > 0.001


def test_interleaving_needs_a_small_part_of_the_people_of_an_a_b_test():
    found = compare("people stop once they chose", people=800, of_a_b=400_000, seed=8)
    assert found["team draft"] < found["a/b"] / 10
    assert found["multileave"] < found["a/b"] / 10


def test_each_pair_of_three_rankers_is_compared():
    rng = np.random.default_rng(3)
    credit = rng.poisson([1.0, 1.0, 2.0], (500, 3)).astype(float)
    found = preferences(credit)
    assert found[0, 2].share == pytest.approx(
        credit[:, 2].sum() / (credit[:, 0].sum() + credit[:, 2].sum())
    )
    assert max(found[0, 2].p, found[1, 2].p) < 1e-6
