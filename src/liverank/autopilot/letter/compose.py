"""Composes a letter from the log and the config.

Invariant: the same log, config and period give the same letter.
"""

from liverank.autopilot.history.state import steps_in
from liverank.autopilot.letter.advice import advice_of
from liverank.autopilot.letter.events_of_period import released_in, troubles_in
from liverank.autopilot.letter.experiments import experiments_in
from liverank.autopilot.letter.headline import Traffic, headline_of
from liverank.autopilot.letter.letter import Letter, Value
from liverank.autopilot.letter.people import People
from liverank.autopilot.letter.period import DAY_MS, Period
from liverank.autopilot.letter.value import course_of, value_of
from liverank.autopilot.letter.volumes import any_lists, model_share, volumes_of
from liverank.config import Config
from liverank.events.log import Log
from liverank.experiments.gathering.impressions import stands_for_impressions


def letter_of(log: Log, config: Config, period: Period) -> Letter:
    """The letter about a period. Raises LogError and its kinds.

    It reads the newest eleven periods of the log once, and once more for each running experiment.
    """
    steps = steps_in(log)
    listed = stands_for_impressions(config.impressions, lambda columns: log.read(columns=columns))
    people = People(log, config, period, listed=listed)
    label = next(iter(config.heads.values())).interaction
    course = course_of(people, period)
    oldest_ms = log.stats().oldest_ms
    has_before = oldest_ms is not None and oldest_ms <= period.before(1).from_ms + DAY_MS
    volumes = volumes_of(people, label, has_before=has_before)
    experiments = experiments_in(log, config, sorted(people.labels), period, listed=listed)
    headline = headline_of(
        course[-1] if course else None,
        experiments,
        Traffic(any_lists(people), model_share(people)),
        label=label,
    )
    value = Value(
        source=headline.source,
        sentence=headline.sentence,
        unknown_because=headline.unknown_because,
        this_period=course[-1] if course else None,
        together=value_of(people, period, 0, len(course)) if len(course) > 1 else None,
        course=course,
        experiments=experiments,
    )
    troubles = troubles_in(steps, period)
    return Letter(
        name=period.name,
        title=period.title,
        from_ms=period.from_ms,
        to_ms=period.to_ms,
        label=label,
        headline=headline.sentence,
        value=value,
        volumes=volumes,
        released=released_in(steps, period),
        troubles=troubles,
        advice=advice_of(config, steps, troubles, value, period),
    )
