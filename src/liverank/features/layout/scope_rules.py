"""Which scopes there are, what each counts and by which half-lives: ``SCOPE_RULES``.

docs/features.md prints the same table ("What counts where"). Invariant: the scopes are a function
of the layout's fields, types and half-lives, and of whether features were asked for.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from liverank.features.layout.constants import LIFE_WORDS, PAIR_WORDS, ROW_WORDS
from liverank.features.layout.layout import (
    MAX_PAIR_TYPES,
    NEXT_ITEM,
    USER_RECENT,
    Counter,
    Field,
    Layout,
    Scope,
)
from liverank.quantities import duration_ms, nearest

HOUR_MS, DAY_MS = 3_600_000.0, 86_400_000.0

Range = Literal["all", "an hour or more", "a day or more", "an hour to a day", "less than a day"]
"""The half-lives that a scope may count by."""
Types = Literal["all", "shown", "positive", "label"]
"""The interaction types that a scope may count: all; the label and the impression; these and other
positive types, MAX_PAIR_TYPES at most; the label alone."""
ALL_IN_RANGE = ()
"""Stands for all half-lives in the range."""


@dataclass(frozen=True, slots=True)
class ScopeRule:
    """What the scopes of one form count.

    ``name``, ``parts``  as of a ``Scope``, where FIELD stands for a field of items and UFIELD for a
                         ``category`` field of users: one scope for each such field
    ``field_types``      the types of FIELD
    ``types``            what it counts
    ``main``             the half-lives of which the nearest in the range count the label and the
                         impression (of ``item``, entering and leaving too); all where it is empty
    ``others``           the same for other types, which are not counted where it is empty
    ``range``            the half-lives that it may count by
    """

    name: str
    parts: tuple[str, ...]
    types: Types
    main: tuple[str, ...]
    others: tuple[str, ...]
    range: Range
    field_types: tuple[str, ...] = ()


TABLE_FIELDS, PAIR_FIELDS = ("key", "category", "keys"), ("key", "category", "keys", "text")
SCOPE_RULES = (
    ScopeRule("all", (), "all", ("14d",), (), "an hour or more"),
    ScopeRule("user", ("user",), "all", ("1d", "14d", "forever"), ("1d",), "a day or more"),
    ScopeRule("item", ("item",), "all", ALL_IN_RANGE, ("1d",), "all"),
    ScopeRule("FIELD", ("item.FIELD",), "all", ("1d", "14d"), (), "an hour or more", TABLE_FIELDS),
    ScopeRule("UFIELD_item", ("user.UFIELD", "item"), "shown", ("1d",), (), "an hour to a day"),
    ScopeRule(NEXT_ITEM, ("item", "item"), "label", ALL_IN_RANGE, (), "an hour to a day"),
    ScopeRule(USER_RECENT, ("user", "all"), "shown", ALL_IN_RANGE, (), "less than a day"),
    ScopeRule(
        "user_item",
        ("user", "item"),
        "positive",
        ("1d", "14d", "forever"),
        ("1d",),
        "a day or more",
    ),
    ScopeRule(
        "user_FIELD", ("user", "item.FIELD"), "positive", ("14d",), (), "a day or more", PAIR_FIELDS
    ),
)
"""All scopes, in the order of the layout: tables first, next items last of these, then pairs."""


def scopes_of(layout: Layout, *, asked: bool) -> tuple[Scope, ...]:
    """The scopes of a layout that has none yet.

    Where features were ``asked`` for, every scope counts all that some feature may read.
    """
    return _with_distinct_names(
        [
            Scope(
                _named(rule.name, field),
                tuple(_named(part, field) for part in rule.parts),
                _counters(rule, field, layout, asked=asked),
                base=_base_of(rule, field, layout),
                is_list=field is not None and field.entity == "item" and field.is_list,
            )
            for rule in SCOPE_RULES
            for field in _fields_of(rule, layout)
        ]
    )


def half_lives_in(wanted: Range, half_lives: tuple[str, ...]) -> tuple[str, ...]:
    """The half-lives in a range, the shortest first; never none.

    Where none is in the range, it is the longest below it, else the shortest.

    >>> half_lives_in("an hour or more", ("5m", "1h", "1d"))
    ('1h', '1d')
    >>> half_lives_in("a day or more", ("5m", "1h"))
    ('1h',)
    """
    return _RANGES[wanted](half_lives)


def _at_least(half_lives: tuple[str, ...], least_ms: float) -> tuple[str, ...]:
    lasting = tuple(text for text in half_lives if duration_ms(text) >= least_ms)
    return lasting or half_lives[-1:]


def _less_than_a_day(half_lives: tuple[str, ...]) -> tuple[str, ...]:
    lasting = _at_least(half_lives, DAY_MS)
    return tuple(text for text in half_lives if text not in lasting) or half_lives[:1]


def _within_a_day(half_lives: tuple[str, ...]) -> tuple[str, ...]:
    fitting = tuple(text for text in half_lives if HOUR_MS <= duration_ms(text) <= DAY_MS)
    shorter = tuple(text for text in half_lives if duration_ms(text) < HOUR_MS)
    return fitting or shorter[-1:] or half_lives[:1]


_RANGES: dict[Range, Callable[[tuple[str, ...]], tuple[str, ...]]] = {
    "all": lambda half_lives: half_lives,
    "an hour or more": lambda half_lives: _at_least(half_lives, HOUR_MS),
    "a day or more": lambda half_lives: _at_least(half_lives, DAY_MS),
    "an hour to a day": _within_a_day,
    "less than a day": _less_than_a_day,
}
"""People, and pairs of a person and something, get no half-life under a day: there are very many of
them. What a person did in the last minutes and hours is counted from their history instead."""


def _fields_of(rule: ScopeRule, layout: Layout) -> Iterator[Field | None]:
    """The fields that a rule makes a scope for; None once for a rule without a field."""
    if "FIELD" not in rule.name:
        yield None
    for field in layout.fields:
        if field.entity == "item" and field.type in rule.field_types:
            yield field
        if field.entity == "user" and field.type == "category" and "UFIELD" in rule.name:
            yield field


def _named(text: str, field: Field | None) -> str:
    return text if field is None else text.replace("UFIELD", "FIELD").replace("FIELD", field.name)


def _counters(
    rule: ScopeRule, field: Field | None, layout: Layout, *, asked: bool
) -> tuple[Counter, ...]:
    """The counters of a scope: by half-lives that default features read, or by all in the range."""
    types = _counted_types(rule, field, layout)
    half_lives = half_lives_in(rule.range, layout.half_lives)
    if asked and rule.name != NEXT_ITEM:
        return tuple(
            Counter(type_, half_lives, half_lives if type_ in layout.valued else ())
            for type_ in types
        )
    moves = (layout.enter, layout.leave) if rule.name == "item" else ()
    main = {layout.label, layout.impression, *moves}
    by_main = nearest(half_lives, *rule.main) if rule.main else half_lives
    by_other = nearest(half_lives, *rule.others) if rule.others else ()
    chosen = {type_: by_main if type_ in main else by_other for type_ in types}
    return tuple(Counter(type_, lives) for type_, lives in chosen.items() if lives)


def _counted_types(rule: ScopeRule, field: Field | None, layout: Layout) -> tuple[str, ...]:
    if rule.types == "all":
        return layout.types
    if rule.types == "label" or (field is not None and field.type == "text"):
        return (layout.label,)
    shown = [name for name in (layout.label, layout.impression) if name is not None]
    if rule.types == "shown":
        return tuple(shown)
    return tuple(dict.fromkeys([*shown, *layout.positive]))[:MAX_PAIR_TYPES]


def _base_of(rule: ScopeRule, field: Field | None, layout: Layout) -> int:
    """Words of a row of the scope before its counters."""
    if rule.parts[:1] == ("user",) and len(rule.parts) > 1:
        return PAIR_WORDS
    if rule.name in ("user", "item"):
        return layout.entity_words("user" if rule.name == "user" else "item")
    if rule.name == "FIELD" and field == layout.host:
        return layout.host_base
    is_life_kept = rule.name == "all" or (rule.name == "FIELD" and field and field.type == "key")
    return LIFE_WORDS if is_life_kept else ROW_WORDS


def _with_distinct_names(scopes: list[Scope]) -> tuple[Scope, ...]:
    """Rename the scopes of fields called ``user`` or ``next_item``, which would hide ours."""
    ours = {scope.name for scope in scopes if not _has_field(scope)}
    taken: dict[str, Scope] = {}
    for scope in scopes:
        name = scope.name
        while name in taken or (name in ours and _has_field(scope)):
            name += "_field"
        taken[name] = msgspec.structs.replace(scope, name=name)
    return tuple(taken.values())


def _has_field(scope: Scope) -> bool:
    return any("." in part for part in scope.parts)
