"""Encodes the ranker of each item of an interleaved list as text for a logged ranking.

The rankers' own orders are not logged, so the teams cannot be derived from the log.
Invariant: ``shares_of(teams_text(teams))`` gives each item's shares, whose sum is 1, or 0 where the
item counts for no ranker.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from liverank.errors import EventError

TEAMS_FIELD = "_teams"
"""The field of a logged ranking with the teams of its items."""
MOST_RANKERS = 26
NOBODY_LETTER = "-"
_A = ord("A")
_ITEM = re.compile(r"[A-Z]|-|\[[A-Z]+\]")


def teams_text(teams: Sequence[int | Sequence[int]]) -> str:
    """Teams as text in a logged ranking: a letter for an item's ranker, brackets around several.

    A team is the index of a ranker (below 0: nobody), or the indices of all that share the item.

    >>> teams_text([0, 1, 1, -1]), teams_text([(0, 1), (2,), ()])
    ('ABB-', '[AB]C-')
    """
    return "".join(map(_item_text, teams))


def _item_text(team: int | Sequence[int]) -> str:
    rankers = [team] if isinstance(team, int) else sorted(team)
    letters = "".join(chr(_A + ranker) for ranker in rankers if ranker >= 0)
    return f"[{letters}]" if len(letters) > 1 else letters or NOBODY_LETTER


def shares_of(text: str, rankers: int) -> NDArray[np.float64]:
    """Each ranker's share of each item, float64[n_items, rankers], from the text of ``teams_text``.

    Raises EventError if the text does not have this form, or names a ranker that does not exist.

    >>> shares_of("[AB]C-", rankers=3).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
    """
    items = _ITEM.findall(text)
    if "".join(items) != text:
        raise EventError(
            f"`fields.{TEAMS_FIELD}`: got `{text}`; expected for each item a letter, several in "
            "brackets, or `-` for nobody, such as `A[AB]B-`"
        )
    shares = np.zeros((len(items), rankers))
    for position, letters in enumerate(items):
        team = [ord(letter) - _A for letter in letters.strip("[]") if letter != NOBODY_LETTER]
        if team and max(team) >= rankers:
            raise EventError(
                f"`fields.{TEAMS_FIELD}`: got ranker `{chr(_A + max(team))}` at position "
                f"{position + 1} of `{text}`; the experiment has {rankers}, "
                f"A to {chr(_A + rankers - 1)}"
            )
        if team:
            shares[position, team] = 1 / len(team)
    return shares
