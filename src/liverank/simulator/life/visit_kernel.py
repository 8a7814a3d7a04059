"""Simulates a visit: a person scans a list, clicks, and may join a room, stay and follow its host.

Invariant: every reaction happens while its room is live, after the list was shown, and before the
person's own room starts.
"""

import math
from typing import NamedTuple

from liverank.compiled import compiled
from liverank.simulator.life.appeal_kernel import (
    CLICK_ROW,
    JOIN_ROW,
    MOST_LOG_S,
    STAY_ROW,
    chance,
    live_until,
    weigh,
)
from liverank.simulator.life.kernel_inputs import REMEMBERED
from liverank.simulator.life.luck_kernel import (
    CLICK,
    FOLLOW,
    GO_ON,
    JOIN,
    LOOK,
    PEEK,
    normal,
    uniform,
)

IMPRESSION, CLICKED, JOINED, LEFT, FOLLOWED, UNFOLLOWED = range(6)
"""Kinds of records."""

LEAST_INSIDE_MS = 1000


class Visit(NamedTuple):
    """A visit: its person (row), its number among the person's visits, and its list's number."""

    seed: int
    person: int
    number: int
    list: int
    at_ms: int


class Join(NamedTuple):
    """A room (row) that a person joins, the time, and the mean log of the seconds of the stay."""

    room: int
    at_ms: int
    mean_log_s: float


@compiled
def note(out, count, visit, kind, room, at_ms):
    """Write a record at index ``count`` of ``out`` (RECORD[...]); return the number of records."""
    record = out[count]
    record.at_ms = at_ms
    record.kind = kind
    record.person = visit.person
    record.room = room
    record.list = visit.list
    record.part = 0
    record.value = 0.0
    return count + 1


@compiled
def show_screen(times, visit, rooms, clock_ms, out, count):
    """Record an impression of each live room of a screen, int64[n] rows of rooms.

    Returns the number of records.
    """
    for position in range(len(rooms)):
        seen_ms = clock_ms + 1 + position
        if seen_ms < live_until(times, rooms[position], visit.at_ms):
            count = note(out, count, visit, IMPRESSION, rooms[position], seen_ms)
    return count


@compiled
def stay(fixed, state, choices, visit, join, out, count):
    """Record a join, its leave, and possibly a follow or unfollow of the host.

    Returns the number of records, and the time of the leave (Unix ms).
    """
    seed, person, number = visit.seed, visit.person, visit.number
    room, mean_log_s, clock_ms = join.room, join.mean_log_s, join.at_ms
    log_s = mean_log_s + choices.stay_sd * normal(seed, person, number, room)
    seconds = math.exp(min(log_s, MOST_LOG_S))
    latest_ms = min(live_until(fixed.times, room, visit.at_ms), state.own_start_ms[person]) - 1
    leave_ms = min(clock_ms + int(seconds * 1000.0) + 500, latest_ms)
    stayed_s = (leave_ms - clock_ms) / 1000.0
    count = note(out, count, visit, JOINED, room, clock_ms)
    host = fixed.host_person[fixed.room_host[room]]
    first = state.follow_start[person]
    known = state.follow_count[person]
    follows = False
    for position in range(first, first + known):
        follows = follows or state.follow[position] == host
    luck = uniform(seed, person, number, FOLLOW, room)
    has_space = first + known < state.follow_start[person + 1]
    if stayed_s > choices.follow_after_s and not follows and has_space and luck < choices.follow:
        count = note(out, count, visit, FOLLOWED, room, leave_ms - 1)
    if stayed_s < choices.unfollow_before_s and follows and luck < choices.unfollow:
        count = note(out, count, visit, UNFOLLOWED, room, leave_ms - 1)
    count = note(out, count, visit, LEFT, room, leave_ms)
    out[count - 1].value = stayed_s
    return count, leave_ms


@compiled
def browse(fixed, state, choices, visit, rooms, out, count):
    """Scan a list (int64[n] rows of rooms) by screens until a join or the last examined room.

    Returns the number of records, the end of the visit (Unix ms), and the seconds of the stay (-1
    without a join).
    """
    seed, person, number = visit.seed, visit.person, visit.number
    appeals = weigh(fixed, state, choices, person, rooms, visit.at_ms)
    stop_ms = state.own_start_ms[person]
    clock_ms = visit.at_ms
    for position in range(len(rooms)):
        room = rooms[position]
        if clock_ms + choices.look_ms >= stop_ms:
            break
        if position % choices.screen == 0:
            screen = rooms[position : position + choices.screen]
            count = show_screen(fixed.times, visit, screen, clock_ms, out, count)
        clock_ms += choices.look_ms
        until_ms = min(live_until(fixed.times, room, visit.at_ms), stop_ms)
        is_liked = uniform(seed, person, number, CLICK, room) < chance(appeals[CLICK_ROW, position])
        if is_liked and clock_ms < until_ms:
            count = note(out, count, visit, CLICKED, room, clock_ms)
            wait = uniform(seed, person, number, PEEK, room)
            clock_ms += choices.peek_ms // 2 + int(wait * choices.peek_ms)
            luck = uniform(seed, person, number, JOIN, room)
            if clock_ms + LEAST_INSIDE_MS < until_ms and luck < chance(appeals[JOIN_ROW, position]):
                join = Join(room, clock_ms, appeals[STAY_ROW, position])
                count, left_ms = stay(fixed, state, choices, visit, join, out, count)
                return count, left_ms, (left_ms - join.at_ms) / 1000.0
            if uniform(seed, person, number, GO_ON, room) >= choices.go_on:
                break
        if uniform(seed, person, number, LOOK, position) >= fixed.keep_on[person]:
            break
    return count, clock_ms, -1.0


@compiled
def remember_shown(state, person, out, first, count):
    """Add unclicked rooms to the person's ring buffer; set the numbers of the records."""
    for position in range(first, count):
        out[position].part = position - first
        if out[position].kind == IMPRESSION:
            clicked = False
            for later in range(position + 1, count):
                clicked = clicked or (
                    out[later].kind == CLICKED and out[later].room == out[position].room
                )
            if not clicked:
                state.shown[person, state.shown_count[person] % REMEMBERED] = out[position].room
                state.shown_count[person] += 1
