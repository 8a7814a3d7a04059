"""Served rankings that hypothesis makes, and the events that they are once they are read back."""

import struct

import numpy as np
from hypothesis import strategies as st

from liverank.events.event import Ranking, ServedRanking

texts = st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=5
) | st.sampled_from(("room1", "room2", "u1"))
lists = st.lists(texts, max_size=5, unique=True)
fields = st.dictionaries(
    st.sampled_from(("device", "with", 'a "name"')),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(("u1", "u2")),
        texts,
        st.lists(st.one_of(st.sampled_from(("u1", "u2")), st.integers(0, 9)), max_size=3),
    ),
    max_size=2,
)
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)
scores = st.one_of(float32s, st.floats(-1e9, 1e9), st.floats(0, 1))


@st.composite
def served_rankings(draw) -> ServedRanking:
    """Of few ids and two users, so that there are repeats and something to erase."""
    items = draw(lists)
    others = draw(st.none() | lists)
    beside = st.lists(scores, min_size=len(items), max_size=len(items))
    chances = st.lists(
        st.floats(5e-324, 1.0) | st.just(1.0), min_size=len(items), max_size=len(items)
    )
    candidates = None if others is None else list(dict.fromkeys([*others, *items]))
    scored = items if candidates is None else candidates
    given = draw(st.none() | beside)
    as_array = draw(st.sampled_from((list, np.float32, np.float64)))
    return ServedRanking(
        time=draw(st.integers(0, 100)),
        id=draw(st.sampled_from("abcdefgh") | texts),
        user=draw(st.sampled_from(("u1", "u2", "u3"))),
        items=items,
        surface=draw(st.sampled_from(("default", "home"))),
        variant=draw(st.none() | texts),
        model=draw(st.none() | texts),
        cut=draw(st.none() | st.integers(0, 2**60)),
        generation=draw(st.none() | st.integers(1, 9)),
        scores=given if given is None or as_array is list else np.array(given, as_array),
        propensities=draw(st.none() | chances),
        candidates=candidates,
        candidate_count=draw(st.none() | st.integers(len(scored) + 1, 2**40)),
        vectors=draw(st.binary(min_size=8, max_size=8)) * len(scored)
        if scored and draw(st.booleans())
        else None,
        fields=draw(fields),
    )


def as_ranking(served: ServedRanking) -> Ranking:
    """The event that the log gives back: the same, with scores rounded to float32."""
    values = {name: getattr(served, name) for name in ServedRanking.__struct_fields__}
    if served.scores is not None:
        values["scores"] = [struct.unpack("f", struct.pack("f", x))[0] for x in served.scores]
    return Ranking(**values)
