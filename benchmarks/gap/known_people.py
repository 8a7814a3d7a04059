"""What a log can tell of people at best: their tastes, inferred by the world's own model.

A posterior mode (Newton's method; Gaussian priors with the moments that the world draws people by)
for each person's liking of topics, hosts and words, the languages understood, and eagerness, from
what they clicked and joined among what they examined, and from which hosts they followed as the
world began. All else is taken as known: every weight of the world's choices, what hosts are like,
who is where. So no model that learns from the same log can be expected to order lists better.
Invariant: a posterior reads labels and follows, never a person's own latent values.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from gap.world_log import Floats, Side
from liverank.simulator.world.constants import PeopleConstants, Weights
from liverank.simulator.world.names import OPENINGS
from liverank.simulator.world.people import LEANINGS
from liverank.simulator.world.world import World

_STEPS = 6
_SURE = 1e-4
"""Variance of what is known for sure."""
_FOLLOWS = 1.2, 0.7, -4.0
"""What topics, liking and a language that is not understood add to following a host."""


@dataclass(frozen=True)
class Evidence:
    """What a posterior may learn from."""

    choices: bool = True
    follows: bool = True


class _Weighing(NamedTuple):
    """A linear predictor: ``design`` float64[n_rooms, d] of a person's values, and the rest."""

    design: Floats
    fixed: Floats


def scores_by_evidence(
    world: World, past: Side, tests: Side, evidence: Evidence, *, quality_known: bool
) -> Floats:
    """The chances of the rows to test on, by what the log before them told: float64[k].

    Tests are cut into thirds in time; each knows what came before its beginning.
    """
    choices = world.constants.choices
    sides = past, tests
    click = _Weighing(_design(world, choices.click, eager=True), _fixed(choices.click, sides))
    join = _Weighing(_design(world, choices.join, eager=False), _fixed(choices.join, sides))
    cuts = np.linspace(tests.at_ms.min(), tests.at_ms.max() + 1, 4 if evidence.choices else 2)
    scores = np.empty(len(tests.rooms))
    first_test = len(past.rooms)
    for begin, end in pairwise(cuts):
        values = _posterior(world, sides, evidence, click, join, before_ms=begin)
        here = (tests.at_ms >= begin) & (tests.at_ms < end)
        rooms, own = tests.rooms[here], values[tests.people[here]]
        clicks = click.fixed[first_test:][here] + (click.design[rooms] * own).sum(axis=1)
        joins = join.fixed[first_test:][here] + (join.design[rooms] * own).sum(axis=1)
        if not quality_known:
            joins = joins - choices.join.quality * tests.causes[here, 5]
        scores[here] = _logistic(clicks) * _logistic(joins)
    return scores


def _posterior(
    world: World,
    sides: tuple[Side, Side],
    evidence: Evidence,
    click: _Weighing,
    join: _Weighing,
    *,
    before_ms: float,
) -> Floats:
    """Posterior modes of people's values, float64[n_people, d]."""
    people = np.concatenate([side.people for side in sides])
    rooms = np.concatenate([side.rooms for side in sides])
    clicked = np.concatenate([np.maximum(side.clicks, side.labels) for side in sides])
    joined = np.concatenate([side.labels for side in sides])
    known = np.concatenate([side.examined() & (side.at_ms < before_ms) for side in sides])
    order = np.argsort(people, kind="stable")
    order = order[known[order]] if evidence.choices else order[:0]
    starts = np.searchsorted(people[order], np.arange(len(world.people.ids) + 1))
    following, fame = _following(world)
    host_of = {person: host for host, person in enumerate(world.hosts.person.tolist())}
    values = np.empty((len(world.people.ids), click.design.shape[1]))
    for person in range(len(values)):
        own = order[starts[person] : starts[person + 1]]
        after = own[clicked[own] == 1]
        hosts: list[int] = []
        if evidence.follows:
            targets = world.graph.follows(person).tolist()
            hosts = [host_of[target] for target in targets if target in host_of]
        mean, precision = _prior(world, person)
        mode = mean.copy()
        for _ in range(_STEPS):
            gradient, curvature = precision @ (mode - mean), precision.copy()
            for rows, weighing, said in ((own, click, clicked), (after, join, joined)):
                design = weighing.design[rooms[rows]]
                chance = _logistic(weighing.fixed[rows] + design @ mode)
                gradient -= design.T @ (said[rows] - chance)
                curvature += (design * (chance * (1 - chance))[:, None]).T @ design
            if hosts:
                weight = np.exp(fame + following @ mode)
                weight /= weight.sum()
                usual = weight @ following
                gradient -= following[hosts].sum(axis=0) - len(hosts) * usual
                spread = (following * weight[:, None]).T @ following - np.outer(usual, usual)
                curvature += len(hosts) * spread
            mode -= np.linalg.solve(curvature, gradient)
        values[person] = mode
    return values


def _prior(world: World, person: int) -> tuple[Floats, Floats]:
    """Mean float64[d] and precision float64[d, d] of a person's values before any evidence."""
    taste = world.people.taste.astype(np.float64)
    n_topics, n_words = taste.shape[1], world.people.wording.shape[1]
    odds = _not_understood(world.constants.people, world.people.understands.shape[1])
    odds[world.people.language[person]] = 0.0
    mean = np.concatenate([taste.mean(axis=0), np.zeros(LEANINGS + n_words), odds, np.zeros(1)])
    precision = np.zeros((len(mean), len(mean)))
    precision[:n_topics, :n_topics] = np.linalg.inv(np.cov(taste.T) + 1e-3 * np.eye(n_topics))
    rest = np.concatenate(
        [
            np.full(LEANINGS, LEANINGS**0.5),
            np.ones(n_words),
            1 / np.maximum(odds * (1 - odds), _SURE),
            np.full(1, world.constants.people.eagerness_sd**-2),
        ]
    )
    places = np.arange(n_topics, len(mean))
    precision[places, places] = rest
    return mean, precision


def _not_understood(constants: PeopleConstants, number: int) -> Floats:
    """The chance that a language of others is not understood, float64[n_languages]."""
    chance = np.full(number, 1 - constants.second_language)
    chance[0] *= 1 - constants.second_english
    return chance


def _design(world: World, weights: Weights, *, eager: bool) -> Floats:
    """By what a person's values count for each room in one choice, float64[n_rooms, d].

    Eagerness, the last value, adds to clicks alone.
    """
    rooms, hosts, number = world.rooms, world.hosts, len(world.rooms.ids)
    topics = np.zeros((number, world.people.taste.shape[1]))
    for column in rooms.topics.T:
        named = column >= 0
        topics[np.flatnonzero(named), column[named]] += 1
    words = np.zeros((number, world.people.wording.shape[1]))
    words[np.arange(number), rooms.opening] = 1
    words[np.arange(number), len(OPENINGS) + rooms.closing] = 1
    languages = np.eye(world.people.understands.shape[1])[hosts.language[rooms.host]]
    return np.hstack(
        [
            weights.taste * topics / topics.sum(axis=1, keepdims=True),
            weights.liking * hosts.leaning[rooms.host],
            weights.wording * words,
            weights.language * languages,
            np.full((number, 1), float(eager)),
        ]
    )


def _fixed(weights: Weights, sides: tuple[Side, Side]) -> Floats:
    """What does not depend on a person's latent values, float64[k]."""
    causes = np.concatenate([side.causes for side in sides])
    return np.asarray(weights.base + causes[:, 4:] @ np.array(weights[5:]))


def _following(world: World) -> tuple[Floats, Floats]:
    """By what a person's values count in following each host, float64[n_hosts, d]; its log fame."""
    hosts, number = world.hosts, len(world.hosts.person)
    topics, liking, language = _FOLLOWS
    languages = np.eye(world.people.understands.shape[1])[hosts.language]
    parts = [
        topics * hosts.topics,
        liking * hosts.leaning,
        np.zeros((number, world.people.wording.shape[1])),
        language * languages,
        np.zeros((number, 1)),
    ]
    return np.hstack(parts), np.log(hosts.fame)


def _logistic(log_odds: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -30, 30)))
    return chance
