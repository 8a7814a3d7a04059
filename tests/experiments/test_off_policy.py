"""Off-policy estimates, against exact expectations over every list and truths known by design."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.errors import DatasetError
from liverank.experiments.off_policy.bounds import empirical_bernstein
from liverank.experiments.off_policy.estimate import dr, ips, logged_value, snips
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.ranked import ranked_lists
from liverank.experiments.off_policy.reward_table import reward_table
from liverank.experiments.off_policy.support import Least, check_support
from liverank.experiments.off_policy.uniform import by_position, given_above, is_uniform
from liverank.experiments.off_policy.weights import (
    cascade_weights,
    effective_size,
    item_position_weights,
    list_weights,
)

ITEMS, PLACES = 4, 3
EVERY_LIST = np.array(list(itertools.permutations(range(ITEMS), PLACES)))
LOGGING, TARGET = np.array([0.3, -0.4, 0.6, 0.0]), np.array([-0.5, 1.0, 0.2, 0.7])
"""Log-weights of two policies that draw the next item by a softmax over those that are left."""


def conditional(logits):
    """The probability of each item of each list given those above it, float64[lists, places]."""
    chances = np.empty(EVERY_LIST.shape)
    for row, items in enumerate(EVERY_LIST):
        for place, item in enumerate(items):
            left = [other for other in range(ITEMS) if other not in items[:place]]
            chances[row, place] = np.exp(logits[item]) / np.exp(logits[left]).sum()
    return chances


def marginal(logits):
    """The probability of each item of each list at its place, whatever stands above it."""
    lists = conditional(logits).prod(axis=1)
    table = np.zeros((ITEMS, PLACES))
    for place in range(PLACES):
        np.add.at(table[:, place], EVERY_LIST[:, place], lists)
    return table[EVERY_LIST, np.arange(PLACES)]


RNG = np.random.default_rng(4)
OF_ITEM_AND_PLACE = RNG.random((ITEMS, PLACES))[EVERY_LIST, np.arange(PLACES)]
OF_THOSE_ABOVE = np.stack(
    [
        RNG.random((ITEMS,) * (place + 1))[tuple(EVERY_LIST[:, : place + 1].T)]
        for place in range(PLACES)
    ],
    axis=1,
)
OF_THE_WHOLE_LIST = RNG.random(EVERY_LIST.shape)


def expected_over(policy, rewards):
    return float(conditional(policy).prod(axis=1) @ rewards.sum(axis=1))


def lists_of(form, rewards):
    return LoggedLists(rewards, form(LOGGING), form(TARGET), np.arange(len(rewards)))


def mean_under_logging(weights, rewards):
    """The exact expectation of an estimate, as each list comes with its own probability."""
    chances = conditional(LOGGING).prod(axis=1)
    return float(chances @ (weights * rewards).sum(axis=1))


@pytest.mark.parametrize(
    ("form", "weigh", "rewards"),
    [
        (marginal, item_position_weights, OF_ITEM_AND_PLACE),
        (conditional, cascade_weights, OF_ITEM_AND_PLACE),
        (conditional, cascade_weights, OF_THOSE_ABOVE),
        (conditional, list_weights, OF_THOSE_ABOVE),
        (conditional, list_weights, OF_THE_WHOLE_LIST),
    ],
)
def test_weighted_rewards_are_exactly_the_policys_on_average(form, weigh, rewards):
    weights = weigh(lists_of(form, rewards))
    assert mean_under_logging(weights, rewards) == pytest.approx(expected_over(TARGET, rewards))
    assert mean_under_logging(weights, np.ones(rewards.shape)) == pytest.approx(PLACES)


@pytest.mark.parametrize(
    ("form", "weigh", "rewards"),
    [
        (marginal, item_position_weights, OF_THOSE_ABOVE),
        (conditional, cascade_weights, OF_THE_WHOLE_LIST),
    ],
)
def test_a_form_is_biased_where_its_assumption_does_not_hold(form, weigh, rewards):
    weights = weigh(lists_of(form, rewards))
    found = mean_under_logging(weights, rewards)
    assert abs(found - expected_over(TARGET, rewards)) > 0.001


def model_over(policy, model, above):
    """What a model (items, places) says on average of what a policy shows at each place.

    With ``above``: given the items above it in each list.
    """
    expected = np.empty(EVERY_LIST.shape)
    table = np.zeros((ITEMS, PLACES))
    for place in range(PLACES):
        np.add.at(table[:, place], EVERY_LIST[:, place], conditional(policy).prod(axis=1))
        for row, items in enumerate(EVERY_LIST):
            left = [other for other in range(ITEMS) if other not in items[:place]]
            chances = np.exp(policy[left]) / np.exp(policy[left]).sum()
            expected[row, place] = chances @ model[left, place]
    return expected if above else np.tile((table * model).sum(axis=0), (len(EVERY_LIST), 1))


@pytest.mark.parametrize("is_good", [True, False])
@pytest.mark.parametrize(
    ("form", "weigh", "rewards", "cascade"),
    [
        (marginal, item_position_weights, OF_ITEM_AND_PLACE, False),
        (conditional, cascade_weights, OF_THOSE_ABOVE, True),
    ],
)
def test_doubly_robust_is_unbiased_whatever_its_model_says(form, weigh, rewards, cascade, is_good):
    rng = np.random.default_rng(9)
    model = rng.normal(5, 3, (ITEMS, PLACES))
    if is_good:
        for item, place in itertools.product(range(ITEMS), range(PLACES)):
            model[item, place] = rewards[EVERY_LIST[:, place] == item, place].mean()
    predicted = model[EVERY_LIST, np.arange(PLACES)]
    expected = model_over(TARGET, model, cascade)
    logged = lists_of(form, rewards)
    # An estimate is linear in rewards and predictions: scaled by what its list's chance is above
    # that of all lists being alike, its mean over the lists is its exact expectation.
    scale = (conditional(LOGGING).prod(axis=1) * len(EVERY_LIST))[:, None]
    scaled = LoggedLists(rewards * scale, logged.logging, logged.target, logged.unit)
    found = dr(scaled, weigh(logged), predicted * scale, expected * scale, cascade=cascade)
    assert found.value == pytest.approx(expected_over(TARGET, rewards))
    plain = ips(scaled, weigh(logged))
    assert plain.value == pytest.approx(found.value)


def lists_at_random(rng, lists, rates, target):
    """Lists in random order, clicked by item and place; some units click more than others."""
    items, places = rates.shape
    order = np.argsort(rng.random((lists, items)), axis=1)[:, :places]
    unit = np.sort(rng.integers(0, lists // 4, lists))
    eager = rng.uniform(0.5, 1.5, lists // 4)[unit]
    chance = rates[order, np.arange(places)] * eager[:, None]
    rewards = (rng.random(chance.shape) < chance).astype(float)
    candidates = np.full(lists, items)
    logged = LoggedLists(
        rewards, by_position(candidates, places), (order == target[:places]).astype(float), unit
    )
    return logged, np.argsort(target)[order].astype(float)


def test_intervals_hold_a_truth_that_is_known():
    rng = np.random.default_rng(12)
    rates = np.outer(np.linspace(0.4, 0.1, 6), [1, 0.7, 0.5, 0.4])
    target = np.array([0, 2, 1, 3, 4, 5])
    truth = rates[target[:4], np.arange(4)].sum()
    held = {"ips": 0, "snips": 0, "dr": 0, "bound": 0}
    spread = {"ips": [], "snips": [], "dr": []}
    for _ in range(300):
        logged, rank = lists_at_random(rng, 1_500, rates, target)
        weights = item_position_weights(logged)
        model = reward_table(logged.rewards, rank, np.tile(np.arange(4.0), (1_500, 1)), logged.unit)
        found = {
            "ips": ips(logged, weights, greatest=4 * 6.0),
            "snips": snips(logged, weights),
            "dr": dr(logged, weights, model.predicted, model.expected),
        }
        for name, estimate in found.items():
            held[name] += estimate.ci[0] <= truth <= estimate.ci[1]
            spread[name].append(estimate.value)
        low, high = found["ips"].bound
        held["bound"] += low <= truth <= high
        assert high - low > found["ips"].ci[1] - found["ips"].ci[0]
    for name in ("ips", "snips", "dr"):
        assert 0.92 <= held[name] / 300 <= 0.98, held
        assert np.mean(spread[name]) == pytest.approx(
            truth, abs=4 * np.std(spread[name]) / 300**0.5
        )
    assert held["bound"] == 300
    assert np.std(spread["dr"]) < np.std(spread["ips"])
    assert np.std(spread["snips"]) < np.std(spread["ips"])


def test_estimates_are_their_plain_definitions():
    rng = np.random.default_rng(2)
    logged, _ = lists_at_random(rng, 400, np.full((5, 3), 0.3), np.array([4, 1, 2, 0, 3]))
    weights = item_position_weights(logged)
    of_ips = of_snips = 0.0
    sums = {}
    for row in range(400):
        gain = sum(
            logged.target[row, place] / logged.logging[row, place] * logged.rewards[row, place]
            for place in range(3)
        )
        of_ips += gain / 400
        sums[logged.unit[row]] = [*sums.get(logged.unit[row], []), gain]
    for place in range(3):
        weight = [logged.target[row, place] / logged.logging[row, place] for row in range(400)]
        of_snips += sum(w * r for w, r in zip(weight, logged.rewards[:, place], strict=True)) / sum(
            weight
        )
    found = ips(logged, weights)
    assert found.value == pytest.approx(of_ips)
    assert snips(logged, weights).value == pytest.approx(of_snips)
    spread = sum((sum(gains) - of_ips * len(gains)) ** 2 for gains in sums.values())
    assert found.se == pytest.approx((spread * len(sums) / (len(sums) - 1)) ** 0.5 / 400)
    assert logged_value(logged).value == pytest.approx(logged.rewards.sum() / 400)


def test_the_standard_error_of_snips_is_that_of_leaving_units_out():
    rng = np.random.default_rng(3)
    logged, _ = lists_at_random(rng, 2_000, np.full((4, 2), 0.4), np.array([1, 0, 2, 3]))
    found = snips(logged, item_position_weights(logged))
    left_out = []
    for unit in np.unique(logged.unit):
        kept = logged.unit != unit
        rest = LoggedLists(
            logged.rewards[kept], logged.logging[kept], logged.target[kept], logged.unit[kept]
        )
        left_out.append(snips(rest, item_position_weights(rest)).value)
    units = len(left_out)
    jackknife = np.sqrt((units - 1) / units * np.sum((left_out - np.mean(left_out)) ** 2))
    assert found.se == pytest.approx(jackknife, rel=0.05)


def test_lists_of_different_lengths_count_what_they_hold():
    nan = np.nan
    logged = LoggedLists(
        rewards=np.array([[1.0, 0.0], [1.0, nan], [0.0, 1.0]]),
        logging=np.array([[0.5, 0.5], [1.0, nan], [0.5, 0.5]]),
        target=np.array([[1.0, 1.0], [1.0, nan], [0.0, 0.0]]),
        unit=np.arange(3),
    )
    weights = item_position_weights(logged)
    assert weights.tolist() == [[2.0, 2.0], [1.0, 0.0], [0.0, 0.0]]
    assert ips(logged, weights).value == pytest.approx((2 + 1) / 3)
    assert snips(logged, weights).value == pytest.approx(3 / 3 + 2 / 3 * 0 / 2)
    cascade = cascade_weights(
        LoggedLists(
            logged.rewards, np.array([[0.5, 1], [1, nan], [0.5, 1]]), logged.target, logged.unit
        )
    )
    assert cascade.tolist() == [[2.0, 2.0], [1.0, 0.0], [0.0, 0.0]]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=6), st.data())
def test_a_ranked_policys_probabilities_are_those_of_every_order_of_its_ties(scores, data):
    served = data.draw(st.permutations(range(len(scores))))
    count = data.draw(st.integers(1, len(scores)))
    ordered = np.array([scores[item] for item in served], float)
    found = ranked_lists(ordered, np.array([0, len(scores)]), np.array([count]), count)
    orders = [
        order
        for order in itertools.permutations(range(len(scores)))
        if all(scores[one] >= scores[next_] for one, next_ in itertools.pairwise(order))
    ]
    for place in range(count):
        here = [order for order in orders if order[place] == served[place]]
        assert found.by_position[0, place] == pytest.approx(len(here) / len(orders))
    prefix = [order for order in orders if list(order[:count]) == list(served[:count])]
    assert np.prod(found.given_above[0]) == pytest.approx(len(prefix) / len(orders))
    mean_rank = np.mean(
        [[order.index(item) for item in served[:count]] for order in orders], axis=0
    )
    assert found.rank[0] == pytest.approx(mean_rank)


def test_probabilities_of_a_random_order_are_known_from_its_length():
    candidates = np.array([4, 4, 3])
    marginals = by_position(candidates, 3)
    assert marginals[2].tolist() == pytest.approx([1 / 3] * 3)
    assert np.prod(given_above(candidates, 3)[0]) == pytest.approx(1 / 24)
    marginals[1, 2] = 0.5
    marginals[2, 2] = np.nan
    assert is_uniform(marginals, candidates).tolist() == [True, False, True]


def test_the_bound_holds_a_mean_that_few_values_tell():
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(500):
        values = (rng.random(200) < 0.02) * 10.0
        low, high = empirical_bernstein(values, 0.0, 10.0)
        held += low <= 0.2 <= high
    assert held == 500
    with pytest.raises(DatasetError, match="beyond the range 0 to 5"):
        empirical_bernstein(np.array([0.0, 6.0]), 0.0, 5.0)


def some_lists(**changed):
    rng = np.random.default_rng(1)
    values = {
        "rewards": (rng.random((3_000, 1)) < 0.3).astype(float),
        "logging": np.full((3_000, 1), 0.25),
        "target": (rng.random((3_000, 1)) < 0.25).astype(float),
        "unit": np.arange(3_000),
    }
    return LoggedLists(**{**values, **changed})


def checked(logged, **least):
    check_support(logged, item_position_weights(logged), Least(**least))


def test_a_log_that_explores_enough_is_let_pass():
    checked(some_lists())


@pytest.mark.parametrize(
    ("changed", "least", "message"),
    [
        ({"logging": np.ones((3_000, 1))}, {}, "every propensity is 1, so the logging policy expl"),
        ({"logging": np.full((3_000, 1), np.nan)}, {}, "lists have no propensity where the policy"),
        ({"logging": np.zeros((3_000, 1))}, {}, "no support: .* have a propensity of 0"),
        ({"logging": np.full((3_000, 1), 1.5)}, {}, "propensity of list .* is 1.5; a probability"),
        ({"logging": np.full((3_000, 1), 0.5)}, {}, "the log never shows some 5.% of what the pol"),
        ({"logging": np.full((3_000, 1), 0.05)}, {}, "propensities are too small: check how they"),
        ({"target": np.full((3_000, 1), np.nan)}, {}, "policy's probability is unknown"),
        ({}, {"effective_lists": 5_000}, "count as 7.* that the policy would have .* 8 times as m"),
        ({"unit": np.zeros(3_000, int)}, {}, "are those of 1 units, 30 are needed"),
        ({"rewards": np.zeros((3_000, 1))}, {}, "too few successes: 0 of the lists that count"),
        ({"rewards": np.full((3_000, 1), np.nan)}, {}, "there are no logged lists to estimate fr"),
        ({"unit": np.arange(2)}, {}, "3000 lists, but units for 2"),
        ({"target": np.ones((3_000, 2))}, {}, "must have one shape"),
    ],
)
def test_a_log_that_cannot_answer_is_refused_with_what_is_missing(changed, least, message):
    with pytest.raises(DatasetError, match=message):
        checked(some_lists(**changed), **least)


def test_the_refusal_says_how_many_places_could_be_answered():
    rng = np.random.default_rng(1)
    order = np.argsort(rng.random((4_000, 8)), axis=1)[:, :4]
    logged = LoggedLists(
        rewards=np.ones((4_000, 4)),
        logging=given_above(np.full(4_000, 8), 4),
        target=(order == np.arange(4)).astype(float),
        unit=np.arange(4_000),
    )
    weights = cascade_weights(logged)
    assert effective_size(weights)[0] > 400 > 30 > effective_size(weights)[2]
    with pytest.raises(DatasetError, match="ask for the first position only, or gather"):
        check_support(logged, weights)
    first = logged.first_positions(1)
    check_support(first, cascade_weights(first))


def test_a_model_that_learned_from_a_unit_never_predicts_for_it():
    """A unit's own reward has no part in its prediction, or the estimate would lean to the log."""
    rng = np.random.default_rng(7)
    rewards = (rng.random((600, 3)) < 0.3).astype(float)
    rank = rng.integers(0, 9, (600, 3)).astype(float)
    unit = rng.integers(0, 100, 600)
    expected = np.tile(np.arange(3.0), (600, 1))
    before = reward_table(rewards, rank, expected, unit)
    changed = rewards.copy()
    changed[unit == 17] = 1 - changed[unit == 17]
    after = reward_table(changed, rank, expected, unit)
    mine = unit == 17
    assert (before.predicted[mine] == after.predicted[mine]).all()
    assert (before.expected[mine] == after.expected[mine]).all()
    assert (before.predicted[~mine] != after.predicted[~mine]).any()
