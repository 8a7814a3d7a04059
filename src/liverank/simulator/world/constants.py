"""Every constant of the simulated world, in one frozen struct; docs/world.md gives their sources.

A sensitivity analysis can change any of them (``dataclasses.replace``, ``_replace``). Shapes of
distributions (topics of a room, peaks of a day, growth of a room) are defined where they are drawn.
Invariant: all constants of choices and returns are defined here.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class PeopleConstants:
    """Tastes and habits of people."""

    topic_concentration: float = 2.4
    """Dirichlet concentration of a person's tastes; lower means fewer liked topics."""
    second_language: float = 0.06
    """Probability that a person understands another language of the world."""
    second_english: float = 0.35
    """Probability that a person understands English as a second language."""
    eagerness_sd: float = 0.5
    """Standard deviation over people of the log-odds of a click."""
    patience_shape: float = 2.0
    patience_scale: float = 3.5
    """A person's mean number of examined rooms in a list is 1 + Gamma(shape, scale)."""
    visits_shape: float = 0.9
    visits_scale: float = 2.6
    """Visits a day in a neutral mood are Gamma(shape, scale) over people."""
    visits_least: float = 0.05
    off_peak: float = 0.25
    """Share of visits spread evenly over the day."""
    peak_sd_h: float = 1.8
    """Standard deviation of visits around a peak of the day, in hours."""
    phase_sd_h: float = 1.2
    """Standard deviation of a person's shift from the chronotype's curve, in hours."""
    weekend: float = 1.15
    """Visits on Saturdays and Sundays, relative to other days."""


@dataclass(frozen=True)
class GraphConstants:
    """The follow graph."""

    hosts_log_mean: float = 1.2
    hosts_log_sd: float = 0.9
    """Log-mean and log-sd of the number of hosts that a person follows (lognormal)."""
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
    """Start times and durations of rooms."""

    slots_mean: float = 4.0
    """Mean number of weekly slots of a host (Poisson)."""
    slot_kept: float = 0.85
    """Probability that a slot takes place in a week."""
    unplanned_log_mean: float = 0.6
    unplanned_log_sd: float = 0.6
    """Log-mean and log-sd of a host's number of unplanned rooms a day (lognormal)."""
    first_harmonic: float = 0.80
    second_harmonic: float = 0.19
    """Amplitudes of the variation of starts over the day around the host's peak, fitted."""
    median_min: float = 42.0
    """Median duration of a room in minutes."""
    log_sd_short: float = 0.97
    log_sd_long: float = 1.20
    """Log-sd of durations below and above the median, fitted."""
    least_min: float = 4.0
    most_min: float = 1560.0
    breaks: float = 0.033
    """Share of rooms that are interrupted half-way and start again."""


class Weights(NamedTuple):
    """Contribution of each cause to one choice, in log-odds (for the stay: in log seconds)."""

    base: float
    taste: float
    """Weight of the match of topics."""
    liking: float
    """Weight of the liking for the host."""
    language: float
    """Added if the person does not understand the room's language."""
    wording: float
    """Weight of the liking for the title's words."""
    fame: float
    """Weight of the logarithm of the host's fame."""
    quality: float
    """Weight of the room's quality, which is noticed only inside."""
    followed: float
    """Added if the person follows the host."""
    company: float
    """Weight of log(1 + n) for n followed people in the room besides the host."""
    listeners: float
    """Weight of log(1 + n) for n people in the room."""
    liveliness: float
    """Weight of the room's liveliness at this time, -0.5 to 0.7."""
    tired_of_room: float
    """Weight of log(1 + n) for n recent impressions of the room without a click."""
    tired_of_host: float
    """Weight of the same for all rooms of its host."""


class Choices(NamedTuple):
    """The three separate choices, and the examination of the list."""

    click: Weights = Weights(
        -2.9, 0.9, 0.45, -2.5, 0.35, 0.35, 0.0, 1.1, 0.9, 0.15, 0.2, -0.35, -0.15
    )
    join: Weights = Weights(0.9, 0.4, 0.6, -2.0, 0.0, 0.0, 0.8, 0.3, 0.5, 0.1, 0.8, 0.0, 0.0)
    stay: Weights = Weights(5.7, 0.3, 0.35, -0.8, 0.0, 0.0, 0.45, 0.2, 0.3, 0.05, 0.3, 0.0, 0.0)
    stay_sd: float = 1.1
    """Log-sd of the seconds of a stay."""
    go_on: float = 0.6
    """Probability that a person looks further down after a click without a join."""
    screen: int = 4
    """Number of rooms on one screen of the app."""
    look_ms: int = 1200
    """Milliseconds to examine a room."""
    peek_ms: int = 4000
    """Mean milliseconds between a click and the choice to join."""
    follow: float = 0.15
    """Probability that a person follows the host after a long stay."""
    follow_after_s: float = 240.0
    unfollow: float = 0.3
    """Probability that a follower unfollows the host after leaving at once."""
    unfollow_before_s: float = 60.0


class Returns(NamedTuple):
    """The causes of returning visits."""

    mood_effect: float = 0.8
    """Logarithm of the ratio of visit rates in the best and in a neutral mood."""
    mood_pace: float = 0.25
    """Share of the distance by which a visit moves the mood towards the visit's outcome."""
    mood_days: float = 3.0
    """Days in which a mood decays towards neutral by a factor of e."""
    good_stay_s: float = 600.0
    """Seconds of a stay from which on a visit has the best outcome."""
    bad_visit: float = -0.4
    """Outcome of a visit without a join."""
    friend_pull: float = 0.02
    """Probability that a join makes a follower of the person open the app."""
    host_pull: float = 0.03
    """Probability that the start of a room makes a follower of its host open the app."""
    pull_ms: int = 600_000
    """Maximum delay of such a follower's visit, in ms."""


@dataclass(frozen=True)
class Constants:
    """All constants of the world."""

    people: PeopleConstants = field(default_factory=PeopleConstants)
    graph: GraphConstants = field(default_factory=GraphConstants)
    rooms: RoomConstants = field(default_factory=RoomConstants)
    choices: Choices = field(default_factory=Choices)
    returns: Returns = field(default_factory=Returns)
