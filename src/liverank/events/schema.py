"""What the events of one product hold: every field with its type, settled once for everybody.

Features, dataset and serving read this and nothing else to know which fields, interaction types
and relations exist. Invariant: a Schema is complete; what the config leaves open has been decided
by looking at the data, and the decision is written down here.
"""

from typing import Literal

import msgspec

from liverank.config import FieldType


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """The fields, interaction types and relations of a product."""

    items: dict[str, FieldType] = {}
    """Fields of items, by name."""
    users: dict[str, FieldType] = {}
    """Fields of users, by name."""
    requests: dict[str, FieldType] = {}
    """Fields of rankings and of interactions, by name: what is known when a list is asked for."""
    interactions: tuple[str, ...] = ()
    """Interaction types: the label's first, the others by name."""
    relations: tuple[str, ...] = ()
    """Relations of edges, by name."""
    levels: dict[str, tuple[str, ...]] = {}
    """Values of each ``category`` field (``"items.language"``), the most frequent first."""
    impressions_from: Literal["interaction", "ranking"] = "ranking"
    """Whether interactions say what was seen, or the served lists do."""
    impressions_known: bool = True
    """False where neither do: a log of bare clicks tells nothing of what was shown."""
    positive: tuple[str, ...] = ()
    """Interaction types that say a person liked an item (not impressions, leaves, hides)."""
