"""The times at which people return: by habit and mood, and when a friend is in a room.

Visits are an inhomogeneous Poisson process, drawn by inversion of its cumulative rate (Cinlar
1975). Invariant: a person's next visit is after the end of the last one.
"""

import math
from typing import NamedTuple

import numpy as np

from liverank.compiled import compiled
from liverank.simulator.life.luck_kernel import PULL, PULL_TIME, RETURN, exponential, uniform
from liverank.simulator.life.visit_kernel import (
    FOLLOWED,
    IMPRESSION,
    JOINED,
    LEFT,
    UNFOLLOWED,
    Visit,
    browse,
    remember_shown,
)

HOUR_MS = 3_600_000.0
WEEK_H = 168
DAY_MS = 86_400_000.0


class Presence(NamedTuple):
    """A person (row) who is in a room (row) from a time (Unix ms) on."""

    person: int
    room: int
    at_ms: int


@compiled
def next_visit_ms(fixed, state, returns, seed, person, after_ms):
    """Draw the next visit of a person after a time, by habit and mood: Unix ms."""
    rate = fixed.visits_per_day[person] * math.exp(returns.mood_effect * state.mood[person])
    wait = exponential(seed, person, state.visits[person], RETURN, 0) / rate
    curve = fixed.curves[fixed.habit[person]]
    hours = (after_ms - fixed.world_start_ms - fixed.phase_ms[person]) / HOUR_MS
    week = math.floor(hours / WEEK_H)
    hour = hours - week * WEEK_H
    cell = min(int(hour), WEEK_H - 1)
    target = curve[cell] + (hour - cell) * (curve[cell + 1] - curve[cell]) + wait
    weeks = math.floor(target / curve[WEEK_H])
    target -= weeks * curve[WEEK_H]
    cell = min(np.searchsorted(curve, target, side="right") - 1, WEEK_H - 1)
    hour = cell + (target - curve[cell]) / (curve[cell + 1] - curve[cell])
    later_ms = ((week + weeks) * WEEK_H + hour) * HOUR_MS + fixed.phase_ms[person]
    return max(fixed.world_start_ms + int(later_ms), after_ms + 1)


@compiled
def first_visits(fixed, state, returns, seed):
    """Draw everyone's first visit."""
    for person in range(len(state.next_ms)):
        state.next_ms[person] = next_visit_ms(
            fixed, state, returns, seed, person, fixed.world_start_ms
        )


@compiled
def end_visit(fixed, state, returns, visit, ended_ms, stayed_s):
    """Move the mood towards the quality of the visit, and draw the next visit."""
    person = visit.person
    apart_days = (visit.at_ms - state.mood_ms[person]) / DAY_MS
    mood = state.mood[person] * math.exp(-apart_days / returns.mood_days)
    outcome = returns.bad_visit
    if stayed_s >= 0.0:
        outcome = min(stayed_s / returns.good_stay_s, 1.0)
    state.mood[person] = mood + returns.mood_pace * (outcome - mood)
    state.mood_ms[person] = ended_ms
    state.busy_ms[person] = ended_ms
    state.visits[person] += 1
    state.next_ms[person] = next_visit_ms(fixed, state, returns, visit.seed, person, ended_ms)


@compiled
def miss_visits(fixed, state, returns, seed, people, at_ms):
    """Draw another visit for people who found no live room."""
    for person in people:
        state.visits[person] += 1
        state.next_ms[person] = next_visit_ms(fixed, state, returns, seed, person, at_ms)


@compiled
def react_all(fixed, state, choices, returns, asked, rooms, out):
    """Simulate all visits of a step in order; return the number of records in ``out``.

    ``asked`` is (seed, at_ms, number of the first list, people int64[n], offsets int64[n + 1]);
    ``rooms`` int64[k] are the lists, concatenated.
    """
    seed, at_ms, first_list, people, offsets = asked
    count = np.int64(0)
    for row in range(len(people)):
        person = people[row]
        visit = Visit(seed, person, int(state.visits[person]), first_list + row, at_ms)
        first = count
        shown = rooms[offsets[row] : offsets[row + 1]]
        count, ended_ms, stayed_s = browse(fixed, state, choices, visit, shown, out, count)
        remember_shown(state, person, out, first, count)
        end_visit(fixed, state, returns, visit, ended_ms, stayed_s)
    return count


@compiled
def pull(state, returns, seed, presence, share, followers):
    """Make a share of a person's followers open the app within minutes after the person enters.

    ``followers`` is (start int64[n_people + 1], by int32[...]); those of person ``p`` are
    ``by[start[p] : start[p + 1]]``.
    """
    start, by = followers
    person, room, at_ms = presence.person, presence.room, presence.at_ms
    for position in range(start[person], start[person + 1]):
        other = by[position]
        visit, item = state.visits[other], np.int64(room) * len(state.visits) + person
        is_free = state.busy_ms[other] <= at_ms and state.own_start_ms[other] > at_ms
        if is_free and uniform(seed, other, visit, PULL, item) < share:
            wait = uniform(seed, other, visit, PULL_TIME, item) * returns.pull_ms
            state.next_ms[other] = min(state.next_ms[other], at_ms + 1 + int(wait))


@compiled
def hand_out(fixed, state, returns, seed, records, followers, tally):
    """Apply records, in time order, to the state (presence, follows) and to the daily counts.

    ``tally`` is (day_ms, impressions, clicks, joins int32[n_people, n_days], seconds float64 of the
    same shape); ``followers`` as in ``pull``.
    """
    day_ms, impressions, clicks, joins, seconds = tally
    for row in range(len(records)):
        record = records[row]
        person, room, kind = record.person, record.room, record.kind
        day = (record.at_ms - fixed.world_start_ms) // day_ms
        if kind == IMPRESSION:
            impressions[person, day] += 1
        elif kind == JOINED:
            joins[person, day] += 1
            state.inside[person] = room
            state.listeners[room] += 1
            presence = Presence(person, room, record.at_ms)
            pull(state, returns, seed, presence, returns.friend_pull, followers)
        elif kind == LEFT:
            seconds[person, day] += record.value
            state.inside[person] = -1
            state.listeners[room] -= 1
        elif kind in (FOLLOWED, UNFOLLOWED):
            target = fixed.host_person[fixed.room_host[room]]
            change_follow(state, person, target, kind == FOLLOWED)
        else:
            clicks[person, day] += 1


@compiled
def change_follow(state, person, target, begins):
    """Add or remove a person's follow of a target person."""
    first = state.follow_start[person]
    last = first + state.follow_count[person] - 1
    if begins:
        state.follow[last + 1] = target
        state.follow_count[person] += 1
        return
    for position in range(first, last + 1):
        if state.follow[position] == target:
            state.follow[position] = state.follow[last]
            state.follow_count[person] -= 1
            return
