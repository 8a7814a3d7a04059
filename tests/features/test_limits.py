"""What does not fit is told, not cut or counted as nothing."""

import numpy as np
import pytest

from liverank.config import Config, Label, parse_config
from liverank.errors import ConfigError
from liverank.events.schema.schema import Schema
from liverank.features.hashing import hash_ids
from liverank.features.layout.derived_layout import layout_of
from liverank.features.spec import compile_spec, derive_spec
from liverank.features.state.state import State

JOIN = Config(label=Label(interaction="join"))


def test_more_tables_than_are_kept_are_refused_with_what_to_do():
    fields = dict.fromkeys((f"f{n}" for n in range(200)), "category")
    with pytest.raises(ConfigError, match=r"204 tables.* at most 112.*declare"):
        layout_of(Schema(items=fields, interactions=("join",)), JOIN)


def test_coming_and_going_have_counters_however_many_types_there_are():
    types = ("join", *(f"a{n:02}" for n in range(30)), "leave")
    layout = layout_of(Schema(interactions=types), JOIN)
    assert (layout.enter, layout.leave) == ("join", "leave")


def test_coming_and_going_are_two_types():
    with pytest.raises(ConfigError, match=r"`presence.enter` and `presence.leave` are both 'join'"):
        parse_config('[label]\ninteraction = "join"\n[presence]\nleave = "join"')


def test_a_request_of_another_shape_is_refused():
    spec = derive_spec(Schema(interactions=("join",), requests={"device": "category"}), JOIN)
    with pytest.raises(ValueError, match="3 request words"):
        State(spec.layout).read(
            compile_spec(spec),
            user=1,
            at_ms=0.0,
            items=hash_ids(["r1"]),
            request=np.zeros(3, np.uint64),
            positions=np.zeros(1),
        )
