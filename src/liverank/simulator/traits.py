"""The part of a room's appeal that time does not change, as one product of two vectors.

Invariant: ``person_traits(...)[i] @ room_traits(...)[r]`` is the log-odds of a click by person
``i`` on room ``r``, but for who is followed, the hour, and how lively the room is at the time.
"""

import numpy as np

from liverank.simulator.hosts import Hosts
from liverank.simulator.names import CLOSINGS, LANGUAGES, OPENINGS
from liverank.simulator.people import Floats, People
from liverank.simulator.rooms import Rooms

BASE = -3.5
TOPIC = 0.9
HOST = 0.6
STRANGE_LANGUAGE = -3.0
QUALITY = 0.9
FAME = 0.4
WORDING = 0.35


def person_traits(people: People) -> Floats:
    """What each person makes of topics, hosts, languages and words: float64[n_people, n_traits]."""
    one = np.ones((len(people.ids), 1))
    return np.hstack(
        [
            TOPIC * people.taste,
            HOST * people.leaning,
            STRANGE_LANGUAGE * ~people.understands,
            WORDING * people.wording,
            BASE + people.eagerness[:, None],
            one,
        ]
    )


def room_traits(rooms: Rooms, hosts: Hosts) -> Floats:
    """Topics, host, language, words, quality and fame: float64[n_rooms, n_traits]."""
    one = np.ones((len(rooms.ids), 1))
    draw = QUALITY * rooms.quality + FAME * np.log(hosts.fame[rooms.host])
    return np.hstack(
        [
            rooms.topics,
            hosts.leaning[rooms.host],
            np.eye(len(LANGUAGES))[hosts.language[rooms.host]],
            np.eye(len(OPENINGS))[rooms.opening],
            np.eye(len(CLOSINGS))[rooms.closing],
            one,
            draw[:, None],
        ]
    )
