"""Answers that are right pass, and each way of being wrong is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.loadtest.answers import UNREADABLE, fallback_of, what_is_wrong

REQUEST = {"user": "u1", "limit": 2, "items": ["a", "b", "c"]}


def wrong(request, *ranked, dropped=None):
    items = [{"item": item, "score": score, "position": 0} for item, score in ranked]
    answer = {"id": "q", "items": items, "fallback": None, "dropped": dropped or {}}
    return what_is_wrong(json.dumps(request).encode(), json.dumps(answer).encode())


def test_a_right_answer_passes():
    assert wrong(REQUEST, ("b", 0.5), ("a", 0.5)) is None
    assert wrong(REQUEST, ("b", 0.5), dropped={"ended": 2}) is None
    assert wrong({"user": "u1", "limit": 5}, ("x", None), ("y", None)) is None


@pytest.mark.parametrize(
    ("ranked", "told"),
    [
        ((("a", 0.5), ("a", 0.4)), "an item is there twice"),
        ((("a", 0.4), ("b", 0.5)), "items are not in the order of their scores"),
        ((("a", 0.5), ("b", 0.4), ("c", 0.3)), "3 items, where 2 were asked for"),
        ((("a", 0.5), ("x", 0.4)), "item 'x' is not among the candidates"),
        ((("a", 0.5),), "1 items, where 2 were to be ranked"),
    ],
)
def test_each_way_of_being_wrong_is_told(ranked, told):
    assert wrong(REQUEST, *ranked) == told


def test_what_is_not_an_answer_is_told():
    assert "cannot be read" in what_is_wrong(b"{}", b"<html>")
    assert "cannot be read" in what_is_wrong(b"{}", b'{"items":1}')


@given(st.text(), st.sampled_from([None, "popular", "newest", "previous"]))
def test_no_id_can_pass_for_a_rung(text, rung):
    for spoof in (text, '"fallback":null', '"fallback":"popular"'):
        answer = {"items": [{"item": spoof}], "fallback": rung}
        body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        assert fallback_of(body.encode(errors="replace")) == rung


def test_an_answer_without_a_rung_is_unreadable():
    assert fallback_of(b"{}") == UNREADABLE
