"""The people of a world and what is hidden in them: tastes, languages, habits, patience.

Invariant: nothing of a person but language, country and time zone ever reaches a field of an event.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from liverank.events.zones import offset_ms_at, transitions_of
from liverank.simulator.names import CLOSINGS, HOMES, LANGUAGES, OPENINGS, TOPICS

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

HOUR_MS = 3_600_000

LEANINGS = 6
"""Hidden dimensions along which a person likes some hosts more than others, whatever the topic."""


@dataclass(frozen=True, eq=False)
class People:
    """Everyone, as columns; person ``i`` has the id ``ids[i]``."""

    ids: tuple[str, ...]
    home: Ints  # [n_people] place in HOMES
    language: Ints  # [n_people] place in LANGUAGES, the one on the profile
    understands: Bools  # [n_people, n_languages]
    taste: Floats  # [n_people, n_topics] log-odds, above zero for what the person likes
    leaning: Floats  # [n_people, LEANINGS]
    wording: Floats  # [n_people, n_openings + n_closings] liking for the words of titles
    eagerness: Floats  # [n_people] log-odds that the person clicks more than others
    patience: Floats  # [n_people] mean number of items looked at in a list, at least 1
    visits_per_day: Floats  # [n_people]
    peak_hour: Floats  # [n_people] hour of the world's day (UTC) around which the person visits


def draw_people(rng: np.random.Generator, number: int, *, start_ms: int) -> People:
    """Draw people with sparse tastes: each likes a few topics much, and most not at all.

    >>> people = draw_people(np.random.default_rng(0), 500, start_ms=0)
    >>> people.taste.shape
    (500, 24)
    >>> bool((people.taste.max(axis=1) > 1).mean() > 0.9)
    True
    """
    home = rng.choice(len(HOMES), size=number, p=[place.share for place in HOMES])
    language = np.array([LANGUAGES.index(place.language) for place in HOMES])[home]
    understands = rng.random((number, len(LANGUAGES))) < 0.06
    understands[:, 0] |= rng.random(number) < 0.35  # English is many people's second language
    understands[np.arange(number), language] = True

    talked_about = 1.0 / np.arange(1, len(TOPICS) + 1) ** 0.6
    share = rng.dirichlet(2.4 * talked_about / talked_about.sum(), size=number)
    taste = np.log((share + 0.02) / (1 / len(TOPICS) + 0.02))

    offset_h = _offsets_h(start_ms)[home]
    local_peak = np.where(rng.random(number) < 0.7, 20.5, 8.5) + rng.normal(0, 1.5, number)
    return People(
        ids=tuple(f"u{place}" for place in range(number)),
        home=home,
        language=language,
        understands=understands,
        taste=taste,
        leaning=rng.normal(0, LEANINGS**-0.25, (number, LEANINGS)),
        wording=rng.normal(0, 1, (number, len(OPENINGS) + len(CLOSINGS))),
        eagerness=rng.normal(0, 0.5, number),
        patience=1 + rng.gamma(2.0, 3.5, number),
        visits_per_day=rng.gamma(0.9, 2.6, number) + 0.05,
        peak_hour=(local_peak - offset_h) % 24,
    )


def _offsets_h(at_ms: int) -> Floats:
    """Hours that each home's clock is ahead of UTC at a time, float64[n_homes]."""
    zones = [transitions_of(place.time_zone) for place in HOMES]
    return np.array([offset_ms_at(zone, at_ms) for zone in zones]) / HOUR_MS


def draw_visits(rng: np.random.Generator, people: People, days: int) -> tuple[Ints, Ints]:
    """When people open the tab: milliseconds from the start, in time order, and who it is.

    Most visits of a person fall around the hour that is theirs, some at any hour.
    """
    counts = rng.poisson(people.visits_per_day[:, None], (len(people.ids), days))
    who = np.repeat(np.arange(len(people.ids)), counts.sum(axis=1))
    day = np.repeat(np.tile(np.arange(days), len(people.ids)), counts.ravel())
    habitual = people.peak_hour[who] + rng.normal(0, 1.8, who.size)
    hour = np.where(rng.random(who.size) < 0.8, habitual, rng.uniform(0, 24, who.size)) % 24
    at_ms = ((day * 24 + hour) * HOUR_MS).astype(np.int64)
    order = np.argsort(at_ms, kind="stable")
    return at_ms[order], who[order]
