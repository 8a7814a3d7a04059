"""Words that stand for unknown, true or false, and the names of levels.

Invariant: ``3``, ``3.0`` and a boolean or text that means the same have one name as a level.
"""

import math

UNKNOWN = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", "\\n"})
"""Texts, in lower case, that mean an unknown number, boolean or time."""
TRUE = frozenset({"true", "t", "yes", "y", "on", "1", "1.0"})
FALSE = frozenset({"false", "f", "no", "n", "off", "0", "0.0", "-0.0"})


def boolean_of(value: object) -> float:
    """A boolean as 1 or 0; NaN where unknown.

    >>> boolean_of("Yes"), boolean_of(0), boolean_of("maybe")
    (1.0, 0.0, nan)
    """
    word = str(value).strip().lower()
    return 1.0 if word in TRUE else 0.0 if word in FALSE else math.nan


def level_of(value: object) -> str:
    """The name of a value as the level of a category: whole numbers without a point.

    Texts are kept as they are: events name things by their exact text. A table's values go
    through ``liverank.models.encoder.columns.level_of``, which strips texts and knows unknown ones.

    >>> level_of("en"), level_of(3.0), level_of(True)
    ('en', '3', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
