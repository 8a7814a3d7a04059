"""The people of a world and their hidden traits: tastes, languages, habits, patience.

Invariant: only a person's language, country and time zone ever reach a field of an event.
"""

from dataclasses import dataclass

import numpy as np

from liverank.simulator.world.arrays import Bools, Floats, Ints, Singles
from liverank.simulator.world.constants import PeopleConstants
from liverank.simulator.world.habits import (
    CHRONOTYPE_SHARES,
    PEAKS_H,
    habit_of,
    zone_offsets_h,
)
from liverank.simulator.world.names import CLOSINGS, HOMES, LANGUAGES, OPENINGS, TOPICS

LEANINGS = 6
"""Number of hidden dimensions of a person's liking for hosts, independent of topics."""


@dataclass(frozen=True, eq=False)
class People:
    """All people, as columns; person ``i`` has the id ``ids[i]``."""

    ids: tuple[str, ...]
    home: Ints  # [n_people] row of HOMES
    language: Ints  # [n_people] row of LANGUAGES, the one on the profile
    understands: Bools  # [n_people, n_languages]
    taste: Singles  # [n_people, n_topics] log-odds, above zero for liked topics
    leaning: Singles  # [n_people, LEANINGS]
    wording: Singles  # [n_people, n_openings + n_closings] liking for the words of titles
    eagerness: Floats  # [n_people] log-odds that the person clicks more than others
    patience: Floats  # [n_people] mean number of rooms examined in a list, at least 1
    visits_per_day: Floats  # [n_people] in a neutral mood
    habit: Ints  # [n_people] row of the weekly curves
    phase_h: Floats  # [n_people] hours that the person's curve is shifted later
    peak_hour: Floats  # [n_people] hour of the day (UTC) of the first peak


def draw_people(
    rng: np.random.Generator, number: int, *, start_ms: int, constants: PeopleConstants
) -> People:
    """Draw people with sparse tastes: each likes a few topics much, and most topics not at all.

    >>> rng = np.random.default_rng(0)
    >>> people = draw_people(rng, 500, start_ms=0, constants=PeopleConstants())
    >>> people.taste.shape
    (500, 24)
    >>> bool((people.taste.max(axis=1) > 1).mean() > 0.9)
    True
    """
    c = constants
    home = rng.choice(len(HOMES), size=number, p=[home.share for home in HOMES])
    language = np.array([LANGUAGES.index(home.language) for home in HOMES])[home]
    understands = rng.random((number, len(LANGUAGES))) < c.second_language
    understands[:, 0] |= rng.random(number) < c.second_english
    understands[np.arange(number), language] = True

    talked_about = 1.0 / np.arange(1, len(TOPICS) + 1) ** 0.6
    wanted = c.topic_concentration * talked_about / talked_about.sum()
    share = rng.dirichlet(wanted, size=number)
    taste = np.log((share + 0.02) / (1 / len(TOPICS) + 0.02))

    chronotype = rng.choice(len(PEAKS_H), size=number, p=CHRONOTYPE_SHARES)
    phase_h = np.clip(rng.normal(0, c.phase_sd_h, number), -4, 4)
    first_peak = np.array([peaks[0] for peaks in PEAKS_H])[chronotype] + phase_h
    return People(
        ids=tuple(f"u{person}" for person in range(number)),
        home=home,
        language=language,
        understands=understands,
        taste=taste.astype(np.float32),
        leaning=rng.normal(0, LEANINGS**-0.25, (number, LEANINGS)).astype(np.float32),
        wording=rng.normal(0, 1, (number, len(OPENINGS) + len(CLOSINGS))).astype(np.float32),
        eagerness=rng.normal(0, c.eagerness_sd, number),
        patience=1 + rng.gamma(c.patience_shape, c.patience_scale, number),
        visits_per_day=rng.gamma(c.visits_shape, c.visits_scale, number) + c.visits_least,
        habit=habit_of(home, chronotype),
        phase_h=phase_h,
        peak_hour=(first_peak - zone_offsets_h(start_ms)[home]) % 24,
    )
