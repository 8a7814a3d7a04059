"""Codes of the kinds of event and the states of an item in a ``Stream``.

A module without imports: kernels are compiled with these constants.
"""

ITEM_EVENT, USER_EVENT, EDGE_EVENT, RANKING_EVENT, INTERACTION_EVENT = 0, 1, 2, 3, 4
EXPERIMENT_EVENT = 5  # changes nothing
AUTOPILOT_EVENT = 6  # changes nothing
STATE_SCHEDULED, STATE_STARTED, STATE_UPDATED, STATE_ENDED = 0, 1, 2, 3
