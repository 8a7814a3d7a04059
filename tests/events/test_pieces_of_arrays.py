"""An array with a bad element still has its other elements."""

import json

from hypothesis import given
from hypothesis import strategies as st

from liverank.events.pieces import elements_of, is_one_value
from liverank.events.wire import decode_events

NOON = 1_795_435_200_000
USER = b'{"event":"user","time":%d,"user":"u"}' % NOON

texts = st.text(st.sampled_from('a"\\[]{},:\n é'), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def levels(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@given(
    st.lists(values.filter(lambda one: levels(one) <= 8), max_size=5), st.sampled_from([None, 1])
)
def test_the_elements_of_a_sound_array_are_those_that_a_parser_finds(
    given_values: list[object], indent: int | None
) -> None:
    text = json.dumps(given_values, indent=indent, ensure_ascii=False).encode()
    elements = elements_of(text)
    assert elements is not None
    assert [json.loads(element) for element in elements] == given_values
    assert is_one_value(text)


@given(st.binary(max_size=30))
def test_of_any_bytes_elements_come_together_to_the_text_or_there_are_none(noise: bytes) -> None:
    elements = elements_of(b"[" + noise + b"]")
    if elements is not None:
        assert sum(map(len, elements)) + max(len(elements) - 1, 0) <= len(noise)
        assert all(element in noise for element in elements)


def test_events_beside_each_kind_of_broken_element_are_taken_in() -> None:
    for bad in (
        b'{"event":"user","time":1795435200000,"user":"\\ud83d"}',
        b'{"event":"user","time":1795435200000,"user":"\xe9, ]"}',
        b'{"event":"user","time":NaN,"user":"u"}',
        b'{"event":"user","time":1795435200000,"user":"tab\t"}',
        b'{"event":"user","time":1795435200000,"user":"\\x"}',
        b"nonsense",
    ):
        decoded = decode_events(b"\xef\xbb\xbf [%s,\n%s , %s]" % (USER, bad, USER))
        assert decoded.positions == [0, 2], bad
        assert [one.position for one in decoded.rejected] == [1], bad


def test_one_event_over_several_lines_is_one_even_if_it_is_bad() -> None:
    decoded = decode_events(b'{\n"event": "user",\n"time": 1795435200000,\n"user": "\\ud83d"\n}')
    assert [one.position for one in decoded.rejected] == [0]
    assert "`$.user`" in decoded.rejected[0].reason
