"""Words of titles: the same in any case, accent and style, in any script, and never an error."""

# ruff: noqa: RUF001  # titles are in many scripts

import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from liverank.features.stream.tokens import words_of


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("Late night music, with friends!", ["late", "night", "music", "with", "friends"]),
        ("Don't miss: l'amour à Paris", ["don", "miss", "amour", "paris"]),
        ("#LateNight talk_show 24/7", ["latenight", "talk", "show", "24"]),
        ("CAFÉ café Cafe cafe\u0301", ["cafe"]),
        ("Straße und STRASSE", ["strasse", "und"]),
        ("İstanbul'da müzik", ["istanbul", "muzik"]),
        ("Новости недели в России", ["новости", "недели", "россии"]),
        ("Τα νέα της ημέρας", ["νεα", "τησ", "ημερασ"]),
        ("نقاش حول الذكاء", ["نقاش", "حول", "الذكاء"]),
        ("מוזיקה חיה", ["מוזיקה", "חיה"]),
        ("क्या आप सुन रहे हैं", ["क्या", "आप", "सुन", "रहे", "हैं"]),
        ("오늘의 음악", ["오늘의", "음악"]),
        ("东京音乐", ["东京", "京音", "音乐"]),
        ("ゲーム・実況", ["ゲー", "ーム", "実況"]),
        ("ｶﾞｰﾃﾞﾝ", ["ガー", "ーデ", "デン"]),
        ("AI入門2024", ["ai", "入門", "2024"]),
        ("猫", ["猫"]),
        ("สวัสดี", ["สว", "วั", "ัส", "สด", "ดี"]),
        ("𠮷野家", ["𠮷野", "野家"]),
        ("𝓛𝓲𝓿𝓮 Ｍｕｓｉｃ ①② 1️⃣ 🇺🇸 ❤️🔥", ["live", "music", "12"]),
        ("H̷e̷l̷l̷o̷", ["hello"]),
        ("🎵🎶 ... !!! ---", []),
        ("", []),
    ],
)
def test_a_title_gives_its_words(title: str, words: list[str]) -> None:
    assert words_of(title, at_most=20) == words


def test_words_of_grammar_go_and_capitals_and_numbers_stay() -> None:
    assert words_of("We go to a UK pub, on TV", at_most=9) == ["uk", "pub", "tv"]
    assert words_of("F1 and f1 at 5g or 42", at_most=9) == ["f1", "and", "5g", "42"]
    assert words_of("Он и ИИ на ТВ", at_most=9) == ["ии", "тв"]


def test_the_first_words_are_kept_and_each_counts_once() -> None:
    title = "music Music news ニュース MUSIC games"

    assert words_of(title, at_most=3) == ["music", "news", "ニュ"]
    assert words_of(title, at_most=1) == ["music"]
    assert words_of(title, at_most=0) == []


@given(st.text() | st.text(st.characters()), st.integers(0, 12))
@example("\ud800 lone surrogate", 8)
@example("\0\u200d\ufeff", 8)
def test_any_text_gives_at_most_so_many_distinct_words(text: str, at_most: int) -> None:
    words = words_of(text, at_most)

    assert len(words) <= at_most
    assert len(set(words)) == len(words)
    assert words == words_of(text, at_most)
    assert words == words_of(text, at_most=1000)[:at_most]
    assert all(word and not any(character.isspace() for character in word) for word in words)


SPACED = st.text(st.characters(categories=["L", "N"], max_codepoint=0x0DFF), min_size=3)


@given(st.lists(SPACED, max_size=8))
def test_words_of_the_words_are_the_same_words(parts: list[str]) -> None:
    words = [word for word in words_of(" ".join(parts), at_most=100) if len(word) > 2]

    assert words_of(" ".join(words), at_most=100) == words


@given(st.text(st.characters(max_codepoint=0x052F), max_size=40))
def test_the_form_in_which_accents_are_sent_changes_nothing(text: str) -> None:
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))

    assert words_of(composed, at_most=50) == words_of(apart, at_most=50)


def test_a_very_long_text_costs_little() -> None:
    began = time.perf_counter()

    assert len(words_of("word éé " * 200_000, at_most=8)) == 1

    assert time.perf_counter() - began < 5
