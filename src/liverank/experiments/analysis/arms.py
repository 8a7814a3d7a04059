"""The arms of a table: which variant is the control, and the planned share of each."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from liverank.errors import ExperimentError

CONTROL_NAMES = (
    "control",
    "ctrl",
    "control_group",
    "baseline",
    "base",
    "placebo",
    "psa",
    "old",
    "old_page",
    "a",
    "0",
    "false",
    "off",
    "no",
)
"""Lower-case names that mark the control, in order of preference."""


_CONTROL_WORDS = {"control", "ctrl", "baseline", "placebo", "original", "unexposed"}
"""Words that mark an arm as the control if no other arm's name contains one of them."""


def choose_control(arms: Sequence[str], given: str | None, notes: list[str]) -> str:
    """The control: the given arm, else one with a control's name, else the first by name.

    Raises ExperimentError if the given name is not an arm.

    >>> choose_control(["gate_30", "gate_40"], None, [])
    'gate_30'
    >>> choose_control(["blue", "Control"], None, [])
    'Control'
    """
    if given is not None:
        return _arm(given, arms, "--control")
    by_name = {arm.lower().replace(" ", "_"): arm for arm in reversed(arms)}
    for name in CONTROL_NAMES:
        if name in by_name:
            notes.append(f"`{by_name[name]}` is taken as the control, by its name")
            return by_name[name]
    worded = [arm for arm in arms if _CONTROL_WORDS & set(re.split(r"[^a-z]+", arm.lower()))]
    if len(worded) == 1:
        notes.append(f"`{worded[0]}` is taken as the control, by its name")
        return worded[0]
    first = min(arms)
    notes.append(
        f"`{first}` is taken as the control, since it is first by name; name another by --control"
    )
    return first


def planned_shares(arms: Sequence[str], given: Mapping[str, float]) -> dict[str, float]:
    """The planned share of each arm; arms without one divide the rest equally. The sum is 1.

    Raises ExperimentError for an unknown arm, and for shares that leave nothing for the others.

    >>> planned_shares(["a", "b", "c"], {"a": 0.5})
    {'a': 0.5, 'b': 0.25, 'c': 0.25}
    """
    shares = {_arm(name, arms, "--share"): share for name, share in given.items()}
    if any(not 0 < share < float("inf") for share in shares.values()):
        raise ExperimentError(f"--share: {dict(given)}; a share is above 0, such as 0.5")
    rest = [arm for arm in arms if arm not in shares]
    total = sum(shares.values())
    if rest and total >= 1:
        raise ExperimentError(
            f"--share: {dict(given)} leave nothing for {', '.join(f'`{arm}`' for arm in rest)}; "
            "give each arm a share, or shares below 1 in all"
        )
    left = {arm: (1 - total) / len(rest) for arm in rest}
    whole = 1.0 if rest else total
    return {arm: shares.get(arm, left.get(arm, 0.0)) / whole for arm in arms}


def _arm(name: str, arms: Sequence[str], option: str) -> str:
    if name in arms:
        return name
    same = [arm for arm in arms if arm.lower() == name.strip().lower()]
    if len(same) == 1:
        return same[0]
    near = get_close_matches(name, arms, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(arms[:10])}"
    raise ExperimentError(f"{option}: there is no variant `{name}`; {hint}")
