"""Every constant of the simulated world, in one frozen struct; docs/world.md gives their sources.

A sensitivity analysis can change any of them (``dataclasses.replace``, ``_replace``). The shapes of
the draws (topics of a room, peaks of a day, how a room swells) stand where they are drawn.
Invariant: the constants of the choices and of coming back stand here alone.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class PeopleConstants:
    """Tastes and habits of people."""

    topic_concentration: float = 2.4
    """Dirichlet concentration of a person's tastes; lower means fewer liked topics."""
    second_language: float = 0.06
    """Chance that a person understands another language of the world."""
    second_english: float = 0.35
    """Chance that a person understands English as a second language."""
    eagerness_sd: float = 0.5
    """Standard deviation of the log-odds that one person clicks more than others."""
    patience_shape: float = 2.0
    patience_scale: float = 3.5
    """Rooms examined in a list: 1 + Gamma(shape, scale) on average for a person."""
    visits_shape: float = 0.9
    visits_scale: float = 2.6
    """Visits a day in a neutral mood: Gamma(shape, scale) over people."""
    visits_least: float = 0.05
    off_peak: float = 0.25
    """Share of visits spread evenly over the day."""
    peak_sd_h: float = 1.8
    """Spread of visits around a peak of the day, in hours."""
    phase_sd_h: float = 1.2
    """How far a person's clock differs from that of the chronotype, in hours."""
    weekend: float = 1.15
    """Visits on Saturdays and Sundays, relative to other days."""


@dataclass(frozen=True)
class GraphConstants:
    """Who follows whom."""

    hosts_log_mean: float = 1.2
    hosts_log_sd: float = 0.9
    """Followed hosts of a person: lognormal."""
    fame_tail: float = 1.3
    """Pareto index of the hosts' fame."""
    friends_log_mean: float = 1.59
    """Log-mean of the number of friends, fitted."""
    friends_log_sd: float = 1.11
    """Log-sd of the number of friends, fitted."""
    friends_most: int = 720
    same_circle: float = 0.6
    """Share of friendships among people of one language and one main topic."""
    same_language: float = 0.3
    """Share of friendships among people of one language."""


@dataclass(frozen=True)
class RoomConstants:
    """When rooms start, and how long they last."""

    slots_mean: float = 4.0
    """Weekly slots of a host, on average (Poisson)."""
    slot_kept: float = 0.85
    """Chance that a slot takes place in a week."""
    unplanned_log_mean: float = 0.6
    unplanned_log_sd: float = 0.6
    """Unplanned rooms a day of a host: lognormal."""
    first_harmonic: float = 0.80
    second_harmonic: float = 0.19
    """How starts vary over the day around the host's own peak, fitted."""
    median_min: float = 42.0
    """Median minutes of a room."""
    log_sd_short: float = 0.97
    log_sd_long: float = 1.20
    """Spread of the log of durations below and above the median, fitted."""
    least_min: float = 4.0
    most_min: float = 1560.0
    breaks: float = 0.033
    """Share of rooms that break down half-way and start again."""


class Weights(NamedTuple):
    """What each cause adds to one choice, as log-odds (for the stay: as log of seconds)."""

    base: float
    taste: float
    """For the topics."""
    liking: float
    """For the host."""
    language: float
    """When the room's language is not understood."""
    wording: float
    """For the words of the title."""
    fame: float
    """Of the host, by its logarithm."""
    quality: float
    """Of the room, which shows only inside."""
    followed: float
    """When the person follows the host."""
    company: float
    """Followed people in the room besides the host, log(1 + n)."""
    listeners: float
    """People in the room, log(1 + n)."""
    liveliness: float
    """How lively the room is at this point of its life, -0.5 to 0.7."""
    tired_of_room: float
    """Times that the room was shown of late and not clicked, log(1 + n)."""
    tired_of_host: float
    """The same of all rooms of its host."""


class Choices(NamedTuple):
    """The three separate choices, and the way down the list."""

    click: Weights = Weights(
        -2.9, 0.9, 0.45, -2.5, 0.35, 0.35, 0.0, 1.1, 0.9, 0.15, 0.2, -0.35, -0.15
    )
    join: Weights = Weights(0.9, 0.4, 0.6, -2.0, 0.0, 0.0, 0.8, 0.3, 0.5, 0.1, 0.8, 0.0, 0.0)
    stay: Weights = Weights(5.7, 0.3, 0.35, -0.8, 0.0, 0.0, 0.45, 0.2, 0.3, 0.05, 0.3, 0.0, 0.0)
    stay_sd: float = 1.1
    """Spread of the log of the seconds of a stay."""
    go_on: float = 0.6
    """Chance that who clicked without a join looks further down."""
    screen: int = 4
    """Rooms on one screen of the app."""
    look_ms: int = 1200
    """Milliseconds to examine a room."""
    peek_ms: int = 4000
    """Milliseconds between a click and the choice to join, on average."""
    follow: float = 0.15
    """Chance that who stayed long follows the host."""
    follow_after_s: float = 240.0
    unfollow: float = 0.3
    """Chance that a follower who left at once follows no longer."""
    unfollow_before_s: float = 60.0


class Returns(NamedTuple):
    """What brings people back."""

    mood_effect: float = 0.8
    """Log of how much oftener a person in the best mood comes than one in a neutral mood."""
    mood_pace: float = 0.25
    """How far one visit moves the mood towards its outcome."""
    mood_days: float = 3.0
    """Days in which a mood returns to neutral, by a factor of e."""
    good_stay_s: float = 600.0
    """A stay this long, or longer, is as good as a visit gets."""
    bad_visit: float = -0.4
    """The outcome of a visit without a join."""
    friend_pull: float = 0.02
    """Chance that a join brings a follower of the person to the app."""
    host_pull: float = 0.03
    """Chance that the start of a room brings a follower of its host."""
    pull_ms: int = 600_000
    """The longest that a follower takes to come, in ms."""


@dataclass(frozen=True)
class Constants:
    """All of them."""

    people: PeopleConstants = field(default_factory=PeopleConstants)
    graph: GraphConstants = field(default_factory=GraphConstants)
    rooms: RoomConstants = field(default_factory=RoomConstants)
    choices: Choices = field(default_factory=Choices)
    returns: Returns = field(default_factory=Returns)
