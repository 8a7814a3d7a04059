"""How many people interleaving needs to see which of two rankers is better, beside an A/B test.

Simulated people with one to four lists of eight items each, some of whom choose more than others.
The better ranker orders sixteen items by the chance that they are chosen, the other by that order
and noise. What is told is how many people are needed for 80 % power at 5 %, two-sided: by the
credit of each person for interleaving, by the choices of each person in two arms for the A/B test.

Leans: to interleaving, whose gain is that the two rankers' items compete for the same choice. Where
people choose any number of items, each for itself, little of it is left: that case is shown too.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from liverank.experiments.interleaving.multileave import multileave
from liverank.experiments.interleaving.team_draft import team_draft
from liverank.experiments.interleaving.teams import shares_of, teams_text

Clicks = Callable[[NDArray[np.float64], np.random.Generator], NDArray[np.bool_]]
"""Choices bool[lists, places] of the chances that items which are read are chosen."""
PLACES = 8
NOISE = 6.0
"""Standard deviation, in places, of the noise in the worse ranker's order."""


def stopping(relevance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """People who read down and mostly stop once they chose.

    Three of ten choose on (a dependent click model: Guo, Liu and Wang, "Efficient multiple-click
    models", WSDM 2009), and one of ten gives up before each next place.
    """
    chosen = rng.random(relevance.shape) < relevance
    leaves = rng.random(relevance.shape) < np.where(chosen, 0.7, 0.1)
    read = np.cumsum(leaves, axis=1) - leaves == 0
    return chosen & read


def each_for_itself(relevance: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """People who look at each place by its own chance, whatever they chose above it."""
    seen = rng.random(relevance.shape) < 1 / np.arange(1, relevance.shape[1] + 1)
    return seen & (rng.random(relevance.shape) < relevance)


MODELS: dict[str, Clicks] = {
    "people stop once they chose": stopping,
    "each item is chosen for itself": each_for_itself,
}


def draft(first: list[int], second: list[int], seed: int) -> tuple[list[int], Any]:
    """A list of both by team draft, and the teams."""
    return team_draft(first, second, seed, PLACES)


def mixed(first: list[int], second: list[int], seed: int) -> tuple[list[int], Any]:
    """A list of both by multileaving, and the teams."""
    return multileave([first, second], seed, PLACES)


INTERLEAVINGS = {"team draft": draft, "multileave": mixed}


def credit_of_people(
    interleave: Callable[[list[int], list[int], int], tuple[list[int], Any]],
    orders: tuple[list[int], list[int]],
    relevance: NDArray[np.float64],
    clicks: Clicks,
    *,
    people: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """The credit of each person, float64[people, 2]."""
    credit = np.zeros((people, 2))
    for person in range(people):
        eager = rng.uniform(0.2, 1)
        lists = [interleave(*orders, int(rng.integers(1 << 60))) for _ in range(rng.integers(1, 5))]
        shown = np.array([items for items, _ in lists])
        chosen = clicks(eager * relevance[shown], rng)
        for (_, teams), picks in zip(lists, chosen, strict=True):
            credit[person] += shares_of(teams_text(teams), 2)[picks].sum(axis=0)
    return credit


def choices_of_people(
    order: list[int],
    relevance: NDArray[np.float64],
    clicks: Clicks,
    *,
    people: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """How often each person chose in lists of one ranker, float64[people]."""
    person = np.repeat(np.arange(people), rng.integers(1, 5, people))
    eager = rng.uniform(0.2, 1, people)[person]
    chosen = clicks(eager[:, None] * relevance[order[:PLACES]], rng).sum(axis=1)
    return np.bincount(person, chosen, people).astype(np.float64)


def people_needed(mean: float, variance: float) -> float:
    """For 80 % power at 5 %, two-sided, of the mean of one value a person."""
    return float((norm.ppf(0.975) + norm.ppf(0.8)) ** 2 * variance / mean**2)


def compare(model: str, *, people: int, of_a_b: int, seed: int) -> dict[str, float]:
    """How many people each way needs, and by how much the better ranker's lists are chosen more."""
    rng = np.random.default_rng(seed)
    relevance = np.linspace(0.6, 0.1, 16)
    better = list(range(16))
    worse = np.argsort(np.arange(16) + rng.normal(0, NOISE, 16)).tolist()
    clicks = MODELS[model]
    found: dict[str, float] = {}
    for name, interleave in INTERLEAVINGS.items():
        credit = credit_of_people(
            interleave, (better, worse), relevance, clicks, people=people, rng=rng
        )
        lead = credit[:, 0] - credit[:, 1]
        found[name] = people_needed(lead.mean(), lead.var())
    good, bad = (
        choices_of_people(order, relevance, clicks, people=of_a_b, rng=rng)
        for order in (better, worse)
    )
    found["a/b"] = 2 * people_needed(good.mean() - bad.mean(), good.var() + bad.var())
    found["lift"] = good.mean() / bad.mean() - 1
    return found


def main() -> None:
    """Print a line for each model of choices and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--people", type=int, default=4_000)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    print("people needed for 80 % power        team draft  multileave     A/B test   lift")
    for model in MODELS:
        for seed in range(arguments.seeds):
            found = compare(model, people=arguments.people, of_a_b=1_000_000, seed=seed)
            figures[f"{model}, {seed}"] = found
            print(
                f"{model:34} {found['team draft']:11,.0f} {found['multileave']:11,.0f} "
                f"{found['a/b']:12,.0f}  {found['lift']:+.1%}"
            )
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
