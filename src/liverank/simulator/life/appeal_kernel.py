"""Computes how much rooms appeal to a person at a time: the hidden truth behind each choice.

Invariant: an appeal depends on the current state only; each kernel leaves all marks at -1.
"""

import math

import numpy as np

from liverank.compiled import compiled
from liverank.simulator.life.kernel_inputs import REMEMBERED

CLICK_ROW, JOIN_ROW, STAY_ROW = 0, 1, 2

MOST_LOG_S = 11.0
"""Log of the longest stay, in seconds."""


@compiled
def chance(log_odds):
    """The logistic function."""
    return 1.0 / (1.0 + math.exp(-log_odds))


@compiled
def live_until(times, room, at_ms):
    """The time (Unix ms) at which a room, live at a given time, pauses or ends."""
    return times.pause_ms[room] if at_ms < times.pause_ms[room] else times.end_ms[room]


@compiled
def liveliness(times, room, at_ms):
    """The liveliness of a room: from -0.5 at its start and end to 0.7 at its peak."""
    lasts = times.end_ms[room] - times.start_ms[room]
    share = min(max((at_ms - times.start_ms[room]) / lasts, 0.0), 1.0)
    peak = times.peak[room]
    rising = share / peak if share < peak else (1.0 - share) / (1.0 - peak)
    return 1.2 * rising - 0.5


@compiled
def count_ties(fixed, state, person, rooms, counts):
    """Fill ``counts`` int64[4, n] for n rooms (int64[n] rows of rooms).

    Row 0: whether the host is followed; 1: number of followed people inside; 2: number of times
    the room was shown without a click; 3: the same for all rooms of its host. Only rooms and
    hosts of the list are marked, so run time depends on the person's follows, not on all rooms.
    """
    counts[:] = 0
    for position in range(len(rooms)):
        state.room_mark[rooms[position]] = position
        state.host_mark[fixed.room_host[rooms[position]]] = position
    first = state.follow_start[person]
    for number in range(first, first + state.follow_count[person]):
        other = state.follow[number]
        host = fixed.host_of[other]
        own = state.host_mark[host] if host >= 0 else -1
        if own >= 0:
            counts[0, own] += 1
        heard = state.inside[other]
        spoken = state.speaking[other]
        present = heard if heard >= 0 else spoken
        if present >= 0 and state.room_mark[present] >= 0 and state.room_mark[present] != own:
            counts[1, state.room_mark[present]] += 1
    for number in range(REMEMBERED):
        room = state.shown[person, number]
        if room >= 0:
            if state.room_mark[room] >= 0:
                counts[2, state.room_mark[room]] += 1
            if state.host_mark[fixed.room_host[room]] >= 0:
                counts[3, state.host_mark[fixed.room_host[room]]] += 1
    for position in range(len(rooms)):
        state.room_mark[rooms[position]] = -1
        state.host_mark[fixed.room_host[rooms[position]]] = -1


@compiled
def weighed(weights, causes):
    """The log-odds of one choice from float64[12] causes, in the order of ``Weights``."""
    return (
        weights.base
        + weights.taste * causes[0]
        + weights.liking * causes[1]
        + weights.language * causes[2]
        + weights.wording * causes[3]
        + weights.fame * causes[4]
        + weights.quality * causes[5]
        + weights.followed * causes[6]
        + weights.company * causes[7]
        + weights.listeners * causes[8]
        + weights.liveliness * causes[9]
        + weights.tired_of_room * causes[10]
        + weights.tired_of_host * causes[11]
    )


@compiled
def fill_causes(fixed, state, person, room, at_ms, causes):
    """Fill entries 0 to 5, 8 and 9 of ``causes`` float64[12], in the order of ``Weights``."""
    host = fixed.room_host[room]
    topical, number = 0.0, 0
    for topic in fixed.topics[room]:
        if topic >= 0:
            topical += fixed.taste[person, topic]
            number += 1
    liking = 0.0
    for leaning in range(fixed.leaning.shape[1]):
        liking += fixed.leaning[person, leaning] * fixed.host_leaning[host, leaning]
    causes[0] = topical / number
    causes[1] = liking
    causes[2] = 0.0 if fixed.understands[person, fixed.host_language[host]] else 1.0
    causes[3] = (
        fixed.wording[person, fixed.opening[room]] + fixed.wording[person, fixed.closing[room]]
    )
    causes[4] = fixed.log_fame[host]
    causes[5] = fixed.quality[room]
    causes[8] = math.log1p(state.listeners[room])
    causes[9] = liveliness(fixed.times, room, at_ms)


@compiled
def weigh(fixed, state, choices, person, rooms, at_ms):
    """Log-odds of a click and of a join, and log seconds of a stay: float64[3, n_rooms]."""
    counts = np.empty((4, len(rooms)), np.int64)
    count_ties(fixed, state, person, rooms, counts)
    causes = np.empty(12)
    appeals = np.empty((3, len(rooms)))
    for position in range(len(rooms)):
        fill_causes(fixed, state, person, rooms[position], at_ms, causes)
        causes[6] = float(counts[0, position])
        causes[7] = math.log1p(counts[1, position])
        causes[10] = math.log1p(counts[2, position])
        causes[11] = math.log1p(counts[3, position])
        appeals[CLICK_ROW, position] = weighed(choices.click, causes) + fixed.eagerness[person]
        appeals[JOIN_ROW, position] = weighed(choices.join, causes)
        appeals[STAY_ROW, position] = weighed(choices.stay, causes)
    return appeals


@compiled
def chances_of(fixed, state, choices, people, rooms, at_ms):
    """The true probability that each of these rooms, if examined now, is clicked and joined.

    ``people`` int64[n], ``rooms`` int64[n_rooms]: float64[n, n_rooms].
    """
    chances = np.empty((len(people), len(rooms)))
    for row in range(len(people)):
        appeals = weigh(fixed, state, choices, people[row], rooms, at_ms)
        for position in range(len(rooms)):
            chances[row, position] = chance(appeals[CLICK_ROW, position]) * chance(
                appeals[JOIN_ROW, position]
            )
    return chances


@compiled
def mean_stay_s(mean_log_s, sd, most_s):
    """The mean of a lognormal stay that ends after ``most_s`` seconds at the latest.

    The limited expected value of the lognormal distribution (Klugman, Panjer and Willmot, Loss
    Models, appendix A).
    """
    if sd == 0.0:
        return min(math.exp(mean_log_s), most_s)
    above = (math.log(most_s) - mean_log_s) / sd
    below = math.exp(mean_log_s + sd * sd / 2) * _normal_cdf(above - sd)
    return below + most_s * (1.0 - _normal_cdf(above))


@compiled
def _normal_cdf(at):
    return 0.5 * math.erfc(-at / math.sqrt(2.0))


@compiled
def seconds_of(fixed, state, choices, people, rooms, at_ms):
    """The true mean of the seconds for which each of these rooms, if examined now, is listened to.

    ``people`` int64[n], ``rooms`` int64[n_rooms]: float64[n, n_rooms].
    """
    seconds = chances_of(fixed, state, choices, people, rooms, at_ms)
    for row in range(len(people)):
        appeals = weigh(fixed, state, choices, people[row], rooms, at_ms)
        for position in range(len(rooms)):
            until_ms = live_until(fixed.times, rooms[position], at_ms)
            left_s = (min(until_ms, state.own_start_ms[people[row]]) - at_ms) / 1000.0
            most_s = min(max(left_s, 1.0), math.exp(MOST_LOG_S))
            stay_s = mean_stay_s(appeals[STAY_ROW, position], choices.stay_sd, most_s)
            seconds[row, position] *= stay_s
    return seconds
