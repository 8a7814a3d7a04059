"""docs/config.md and docs/events.md name every key there is, with its default, and no other."""

import argparse
import re
import typing
from pathlib import Path

import msgspec
import pytest

from liverank.automl.metrics.figures import METRICS
from liverank.cli.commands import automl
from liverank.config import Config, FieldType
from liverank.config_sources import Source
from liverank.events.checks.checks import FINDINGS
from liverank.events.sources.frame_rules import KEYS
from liverank.events.sources.mapping.mapping import OWN_KEYS
from liverank.events.sources.mapping.templates import STEPS

DOCS = Path(__file__).resolve().parent.parent / "docs"
PROSE = {"by looking", "by the name", "the first line", "those in the log"}
"""Defaults that the docs put into words: they are decided when the data is seen."""


def rows_of(page: str, after: str = "") -> list[list[str]]:
    """The cells of the tables of a page; ``after`` starts at a heading and ends at the next."""
    text = (DOCS / page).read_text(encoding="utf-8")
    if after:
        text = re.split(r"^#{2,3} ", text.split(after, 1)[1], maxsplit=1, flags=re.M)[0]
    lines = re.findall(r"^\| (`.*) \|$", text, re.M)
    return [[cell.strip() for cell in re.split(r" \| ?", line)] for line in lines]


def names_of(rows: list[list[str]]) -> set[str]:
    return {row[0].strip("`") for row in rows}


def keys_of(struct: type[msgspec.Struct], prefix: str = "") -> dict[str, object]:
    """Every key below a struct of the config, with its default."""
    keys: dict[str, object] = {}
    for field in msgspec.structs.fields(struct):
        name = prefix + field.encode_name
        inner = msgspec.inspect.type_info(field.type)
        if isinstance(inner, msgspec.inspect.UnionType):
            others = [one for one in inner.types if not isinstance(one, msgspec.inspect.NoneType)]
            inner = others[0]
        if isinstance(inner, msgspec.inspect.StructType):
            keys |= keys_of(inner.cls, f"{name}.")
        elif isinstance(inner, msgspec.inspect.DictType):
            if isinstance(inner.value_type, msgspec.inspect.StructType):
                keys |= keys_of(inner.value_type.cls, f"{name}.NAME.")
            else:
                keys[f"{name}.NAME"] = {}
        elif field.type == tuple[Source, ...]:
            keys |= keys_of(Source, f"{name}[].")
        else:
            keys[name] = "required" if field.required else field.default
    return keys


def test_the_config_page_names_every_key_and_no_other() -> None:
    documented = {row[0].strip("`") for row in rows_of("config.md") if len(row) == 3}
    assert documented == set(keys_of(Config))


def test_the_config_page_gives_the_default_of_every_key() -> None:
    defaults = keys_of(Config)
    for name, told, *_ in (row for row in rows_of("config.md") if len(row) == 3):
        default = defaults[name.strip("`")]
        if told in PROSE:
            continue
        if default is None or default == "required":
            assert told == ("none" if default is None else "required"), name
        else:
            value = msgspec.json.decode(told.strip("`"))
            assert value == msgspec.to_builtins(default) or tuple(value) == default, name


def test_the_config_page_names_every_type_of_field() -> None:
    types = {row[0].strip("`") for row in rows_of("config.md") if len(row) == 2}
    assert types == set(typing.get_args(FieldType))


def test_the_command_line_and_its_page_name_every_metric_of_models() -> None:
    parser = argparse.ArgumentParser()
    automl.configure(parser)
    [option] = [one for one in parser._actions if "--objective" in one.option_strings]
    [row] = [row for row in rows_of("cli.md", "## liverank automl") if "--objective" in row[0]]
    for name, metric in METRICS.items():
        written = f"{name}=.9" if metric.holds else name
        assert re.search(rf"\b{re.escape(written)}\b", str(option.help)), written
        assert f"`{written}`" in row[1], written


@pytest.mark.parametrize("kind", KEYS)
def test_the_events_page_names_every_key_of_an_event(kind: str) -> None:
    rows = rows_of("events.md", after=f"### {kind}: ")
    assert names_of(rows) == set(KEYS[kind])
    assert {row[0].strip("`") for row in rows if row[1] == "required"} == {
        key for key, is_required in KEYS[kind].items() if is_required
    }


def test_the_events_page_names_every_key_of_a_source_every_step_and_every_finding() -> None:
    assert names_of(rows_of("events.md", after="### The file")) == set(Source.__struct_fields__)
    templates = rows_of("events.md", after="### The templates")
    steps = {row[0].strip("`").split(" ")[0] for row in templates} - set(OWN_KEYS)
    assert steps == set(STEPS)
    assert set(OWN_KEYS) <= names_of(templates)
    findings = names_of(rows_of("events.md", after="## What validate looks for"))
    own = {"rejected_rows", "wrong_field_type", "fields_never_seen", "undeclared_fields"}
    own |= {"words_never_seen", "unknown_surfaces"}
    assert findings == set(FINDINGS) | own | {"labelled_rankings"}
