"""Dataclasses as JSON: what goes in comes out, and what does not belong is named."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from liverank.plain_json import FormError, decode, encode


@dataclass(frozen=True, kw_only=True)
class Circle:
    radius: float


@dataclass(frozen=True, kw_only=True)
class Square:
    side: float
    colour: Literal["red", "blue"] = "red"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    name: str
    shapes: tuple[Circle | Square, ...]
    sizes: dict[str, list[int]]
    seed: int | None = None
    first: tuple[str, int, float] = ("", 0, 0.0)
    more: Any = None


finite = st.floats(allow_nan=False, allow_infinity=False)
drawings = st.builds(
    Drawing,
    name=st.text(),
    shapes=st.lists(
        st.builds(Circle, radius=finite)
        | st.builds(Square, side=finite, colour=st.sampled_from(["red", "blue"]))
    ).map(tuple),
    sizes=st.dictionaries(st.text(), st.lists(st.integers())),
    seed=st.none() | st.integers(),
    first=st.tuples(st.text(), st.integers(), finite),
    more=st.recursive(st.none() | st.booleans() | finite | st.text(), st.lists),
)


@given(drawings)
def test_what_is_encoded_decodes_to_an_equal_value(drawing):
    assert decode(encode(drawing), Drawing) == drawing
    assert decode(encode(drawing, indent=2), Drawing) == drawing


@given(drawings)
def test_it_is_the_json_that_another_library_reads(drawing):
    read = msgspec.json.decode(encode(drawing))
    assert list(read) == ["name", "shapes", "sizes", "seed", "first", "more"]
    assert [shape.pop("type") for shape in read["shapes"]] == [
        type(shape).__name__.lower() for shape in drawing.shapes
    ]
    assert [list(shape.values()) for shape in read["shapes"]] == [
        list(vars(shape).values()) for shape in drawing.shapes
    ]


SOUND = {"name": "a", "shapes": [{"type": "circle", "radius": 1}], "sizes": {"b": [1]}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": 3}, r"expected a text, got 3, at \$\.name"),
        ({"nam": ""}, r"unknown key `nam`, at \$"),
        ({"shapes": {}}, r"expected an array, got {}, at \$\.shapes"),
        ({"shapes": [{"radius": 1}]}, r"expected one of circle, square, got null"),
        ({"shapes": [{"type": "circle"}]}, r"key `radius` is missing, at \$\.shapes\[0\]"),
        ({"shapes": [{"type": "square", "side": 1, "colour": "x"}]}, r"'red', 'blue', got \"x\""),
        ({"shapes": [3]}, r"expected an object, got 3, at \$\.shapes\[0\]"),
        ({"sizes": {"b": [True]}}, r"expected a whole number, got true, at \$\.sizes\.b\[0\]"),
        ({"sizes": {"b": [1.0]}}, r"expected a whole number, got 1.0"),
        ({"seed": "3"}, r'got "3", at \$\.seed'),
        ({"first": ["a", 1]}, r"expected an array of 3"),
    ],
)
def test_what_does_not_belong_is_named_with_its_place(change, said):
    with pytest.raises(FormError, match=said):
        decode(json.dumps(SOUND | change).encode(), Drawing)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"NaN1"])
def test_what_is_no_json_is_refused(content):
    with pytest.raises(FormError, match="no JSON"):
        decode(content, Drawing)


def test_numbers_that_json_has_not_are_not_written():
    with pytest.raises(ValueError, match="Out of range"):
        encode([float("nan")])
