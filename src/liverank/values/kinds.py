"""Decides what kind of values a column of a table or a field of events holds.

One decision for both; ``Rules`` says where they differ and why. The types of ``automl`` and of
events are short mappings of the kind that is found here.
Invariant: a kind comes with its reason; values that do not fit it are reported, never corrected.
"""

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from liverank.values.evidence import Texts
from liverank.values.names import (
    CODE_COLUMN,
    CODE_FIELD,
    KEY_FIELD,
    TEXT_FIELD,
    TIME_COLUMN,
    snake_case,
)
from liverank.values.number_forms import MOSTLY, NumberForm, example_of, number_written
from liverank.values.numbers import number_of
from liverank.values.numeric_times import NumericTime, find_numeric_time, possible_unit
from liverank.values.time_forms import TimeFormFound, looks_like_short_years
from liverank.values.times import TimeForm, moment_of
from liverank.values.unread_forms import unread_form

Kind: TypeAlias = Literal["number", "code", "boolean", "time", "list", "text", "key", "category"]
"""``code``: whole numbers that name things; ``key``: texts that identify people or things."""

MAX_LEVELS = 64
"""Most levels kept of a category field; a text field with more distinct values is a key."""


class Rules(Struct, frozen=True, kw_only=True):
    """Where columns of tables and fields of events are judged differently."""

    as_written: bool
    """Texts may be booleans, numbers or lists; events come as JSON, which has types for those."""
    codes: re.Pattern[str]
    """Names whose whole numbers are codes."""
    latest_year: int
    """Unix times are between the year 2000 and this."""
    guesses_numbers: bool
    """Whether 0 and 1 are booleans, and Unix seconds are times: counters of events are numbers."""
    has_keys: bool
    """Whether texts may be keys: events have their own kind of feature for these."""
    prose_words: float
    """Least mean number of words of prose."""
    prose_spaced: float
    """Share of the values of prose with a blank inside is above this."""
    prose_share: float
    """Prose has more distinct values than this share of all values ..."""
    prose_enough: float
    """... or than this number ..."""
    prose_least: int
    """... and more than this number."""


TABLE_COLUMN = Rules(
    as_written=True,
    codes=CODE_COLUMN,
    latest_year=2040,
    guesses_numbers=True,
    has_keys=False,
    prose_words=3,
    prose_spaced=-1,
    prose_share=0.3,
    prose_enough=200,
    prose_least=20,
)
EVENT_FIELD = Rules(
    as_written=False,
    codes=CODE_FIELD,
    latest_year=2100,
    guesses_numbers=False,
    has_keys=True,
    prose_words=2.5,
    prose_spaced=0.3,
    prose_share=0.5,
    prose_enough=float("inf"),
    prose_least=3,
)
"""Thresholds stay as they are: a field that changes its type changes the features of models."""


class Finding(NamedTuple):
    """The kind of a column or field, the reason, and values that do not fit, if any."""

    kind: Kind
    reason: str
    oddity: str | None = None
    time_form: TimeForm = "iso"
    separator: str | None = None
    """Separator of a list; None for JSON."""
    number_form: NumberForm | None = None
    """How people wrote the numbers; None for plain ones."""


def kind_of_numbers(name: str, values: NDArray[np.float64], rules: Rules) -> Finding:
    """The kind of numbers, float64[n] without NaN.

    >>> kind_of_numbers("userId", np.array([7.0, 8.0]), TABLE_COLUMN).kind
    'code'
    """
    if len(values) == 0:
        return Finding("number", "numbers")
    if not np.equal(values, np.floor(values)).all():
        is_time_name = rules.guesses_numbers and TIME_COLUMN.search(snake_case(name))
        time = (
            find_numeric_time(name, values, rules.latest_year, guesses=True)
            if is_time_name
            else None
        )
        return Finding("number", "numbers") if time is None else _numeric_time(time)
    if rules.guesses_numbers and np.unique(values).tolist() == [0.0, 1.0]:
        return Finding("boolean", "0 or 1")
    time = find_numeric_time(name, values, rules.latest_year, guesses=rules.guesses_numbers)
    if time is not None:
        return _numeric_time(time)
    if rules.codes.search(snake_case(name)):
        return Finding("code", "whole numbers, and the name is that of an id or a code")
    unit = possible_unit(values, rules.latest_year) if rules.guesses_numbers else None
    if unit is not None:
        odd = f'these could be Unix {unit}; if they are, give this column the type "time"'
        return Finding("number", "numbers", odd)
    return Finding("number", "numbers")


def _numeric_time(found: NumericTime) -> Finding:
    return Finding("time", found.reason, found.oddity, time_form=found.form)


def kind_of_texts(texts: Texts, rules: Rules, *, distinct: int | None = None) -> Finding:
    """The kind of texts; ``distinct`` counts other values of the field too, where there are some.

    >>> kind_of_texts(Texts("os", {"ios": 3, "android": 4}), EVENT_FIELD).kind
    'category'
    """
    if texts.total == 0:
        return Finding("category", "no values")
    found = _kind_as_written(texts) if rules.as_written else _moments(texts)
    if found is not None:
        return found
    distinct = len(texts.counts) if distinct is None else distinct
    odd = _short_years(texts) or unread_form(texts.name, texts.counts) if rules.as_written else None
    if _is_prose(texts, distinct, rules):
        return Finding("text", "several words, rarely the same ones", odd)
    if rules.has_keys and _are_keys(texts, distinct):
        return Finding("key", "texts that identify")
    if odd is None and rules.as_written:
        odd = _partly_numbers(texts)
    return Finding("category", "texts that occur again and again", odd)


def unread(counts: Mapping[str, int], read: Callable[[str], float], what: str) -> str | None:
    """Describes the values that cannot be read; None if there are none.

    >>> unread({"7": 3, "x": 2}, number_of, "numbers")
    '2 of 5 values are not numbers ("x") and are treated as unknown'
    """
    odd = {word: n for word, n in counts.items() if np.isnan(read(word))}
    if not odd:
        return None
    some = ", ".join(f'"{word[:30]}"' for word in sorted(odd, key=lambda w: (-odd[w], w))[:3])
    n, total = sum(odd.values()), sum(counts.values())
    return f"{n} of {total} values are not {what} ({some}) and are treated as unknown"


def _kind_as_written(texts: Texts) -> Finding | None:
    """Booleans, times, codes, numbers and lists that are written as text."""
    if texts.are_booleans:
        return Finding("boolean", "two words that mean true and false")
    found = texts.time_form(MOSTLY)
    if found is not None:
        return _times(texts, found)
    if texts.are_codes:
        return Finding("category", "numbers with leading zeros, so codes")
    if len(texts.counts) > 2 and (number := _numbers(texts)):
        return number
    separator = texts.separator()
    if separator is not None:
        why = f'a few values that occur again and again, separated by "{separator}"'
        return Finding("list", why, separator=None if separator == "[" else separator)
    return None


def _times(texts: Texts, found: TimeFormFound) -> Finding:
    form = found.form
    notes = [
        day_order_note(texts, found) if found.is_guess else None,
        None if found.are_all_read else unread(texts.counts, lambda t: moment_of(t, form), "times"),
    ]
    return Finding("time", found.reason, "; ".join(filter(None, notes)) or None, form)


def day_order_note(texts: Texts, found: TimeFormFound) -> str:
    """Which day a text is read as where day and month could be either, and how to say otherwise."""
    text = next(text for text in texts.counts if not np.isnan(moment_of(text, found.form)))
    other = "day_first" if found.form == "month_first" else "month_first"
    day = np.datetime64(int(moment_of(text, found.form)), "ms").astype("datetime64[D]")
    return (
        f'"{text}" is read as {day}: {found.reason}; if that is wrong, say --type '
        f"{texts.name}=time:{other}"
    )


def _numbers(texts: Texts) -> Finding | None:
    """Numbers, plain or as people write them."""
    found = texts.number_form
    if found is None or found.read < MOSTLY * texts.total:
        if texts.numbers < MOSTLY * texts.total:
            return None
        return Finding(
            "number", "numbers written as text", unread(texts.counts, number_of, "numbers")
        )
    form = found.form
    odd = unread(texts.counts, lambda text: number_written(text, form), "numbers")
    note = f"{how_read(texts.counts, form)} ({found.reason}); if that is wrong, say --type "
    note += f"{texts.name}=category" + ("" if odd is None else f"; {odd}")
    return Finding(
        "number", f"numbers as people write them: {found.reason}", note, number_form=form
    )


def _short_years(texts: Texts) -> str | None:
    """Describes texts that look like times whose years have two digits."""
    text = looks_like_short_years(texts.counts)
    if text is None:
        return None
    return (
        f'values such as "{text}" look like times with a year of two digits, which are read '
        f'only in a form that is given, such as --type "{texts.name}=time:%d/%m/%y"'
    )


def _partly_numbers(texts: Texts) -> str | None:
    """Describes texts of which some are numbers; None where none is."""
    found = texts.number_form
    if texts.numbers == 0 and (found is None or found.read < 0.2 * texts.total):
        return None
    odd = f"{texts.numbers / texts.total:.0%} of the values are numbers, the others are text"
    if found is None or found.read < 0.2 * texts.total:
        return odd
    other = next((t for t in texts.counts if np.isnan(number_written(t, found.form))), "")
    return (
        f"{found.read / texts.total:.0%} of the values are numbers if "
        f'{how_read(texts.counts, found.form)}, and others, such as "{other[:30]}", are not: write '
        f"all of them in one form, or say --type {texts.name}=number"
    )


def how_read(counts: Mapping[str, int], form: NumberForm) -> str:
    """Which text is read as which number, such as ``"1,234.50" is read as 1234.5``."""
    example = example_of(counts, form)
    return "" if example is None else f'"{example[0]}" is read as {example[1]:.15g}'


def _moments(texts: Texts) -> Finding | None:
    return Finding("time", "moments") if texts.moments > 0.9 * texts.total else None


def _is_prose(texts: Texts, distinct: int, rules: Rules) -> bool:
    if texts.spaced <= rules.prose_spaced:
        return False
    is_named = rules.has_keys and TEXT_FIELD.search(snake_case(texts.name)) is not None
    most = max(min(rules.prose_share * texts.total, rules.prose_enough), rules.prose_least)
    return is_named or (texts.words >= rules.prose_words and distinct > most)


def _are_keys(texts: Texts, distinct: int) -> bool:
    if KEY_FIELD.search(snake_case(texts.name)) or texts.id_share > 0.2:
        return True
    is_varied = distinct > max(0.5 * texts.total, 3)
    return distinct > MAX_LEVELS or (distinct > 10 and is_varied)
