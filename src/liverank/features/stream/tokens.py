"""Splits a title into words, for matching it with titles that a person joined before.

Words are compared without case, accents and styled letters, in any script and without word lists.
Only single words are used: pairs of words mostly identify the show, which the host does already.
Invariant: the same text gives the same words, in the order of the text.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

_ASCII_RUN = re.compile(r"[A-Za-z0-9]+")

_ACCENT = re.compile("[\u0300-\u036f]")
"""Accents of Latin, Greek and Cyrillic. Marks that are vowels, as in Hindi, are not among them."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u3040-\u30ff"  # Hiragana, Katakana
)
"""Scripts that put no space between words, as ranges of a regular expression."""

_STRETCH = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|\w[^{_UNSPACED}]*")
"""Matches the part of a run of letters with one kind of script."""


def words_of(text: str, at_most: int) -> list[str]:
    """The first distinct words of a title, ``at_most`` of them.

    Words of one letter are left out, and words of two unless they are capitals (AI, UK), as they
    carry little meaning. A script without spaces gives each pair of neighbouring characters.

    >>> words_of("Late night AI: a talk about the Café ☕", at_most=8)
    ['late', 'night', 'ai', 'talk', 'about', 'the', 'cafe']
    >>> words_of("東京の猫 live", at_most=8)
    ['東京', '京の', 'の猫', 'live']
    """
    words: dict[str, None] = {}
    for run in _runs(text):
        if len(words) >= at_most:
            break
        if run.isascii():
            if len(run) > 2 or (len(run) == 2 and _is_meaningful(run)):
                words[run.lower()] = None
        else:
            words |= dict.fromkeys(_words_within(run))
    return list(words)[:at_most]


def _runs(text: str) -> list[str]:
    """Letters and digits with the marks on them: whole words, where there are spaces."""
    if text.isascii():
        return _ASCII_RUN.findall(text)
    return _any_run().findall(unicodedata.normalize("NFKC", text).replace("_", " "))


@cache
def _any_run() -> re.Pattern[str]:
    """Matches a run of any script; variation selectors, which make emoji, are no marks here."""
    marks = (
        chr(code)
        for code in range(0x10000)
        if unicodedata.category(chr(code)) in ("Mn", "Mc") and not 0xFE00 <= code <= 0xFE0F
    )
    return re.compile(rf"\w[\w{''.join(marks)}]*")


def _words_within(run: str) -> Iterator[str]:
    """The words of a run that may hold several scripts."""
    for stretch in _STRETCH.finditer(run):
        word = stretch[0]
        if stretch["unspaced"]:
            yield from (word[start : start + 2] for start in range(max(1, len(word) - 1)))
        else:
            folded = _fold(word)
            if len(folded) > 2 or (len(folded) == 2 and _is_meaningful(word)):
                yield folded


def _is_meaningful(word: str) -> bool:
    """Whether a word of two characters is not a function word: AI, F1 or 42, not of, в, на."""
    return word == word.upper() or not word.isalpha()


def _fold(word: str) -> str:
    """The word without case and accents."""
    bare = _ACCENT.sub("", unicodedata.normalize("NFKD", word.casefold()))
    return unicodedata.normalize("NFKC", bare)
