"""The list of promises is sound; ``make promises`` breaks them, which takes longer."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from promises import Promise, faults_of, main, parts_of, read_promises

PROMISES = read_promises()
PARTS = {
    "events", "config", "features", "dataset", "models", "automl", "bundle", "serving", "cli",
    "simulator", "loadtest", "experiments", "autopilot",
}  # fmt: skip


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.id)
def test_sentence_line_and_tests_are_where_the_list_says(promise: Promise) -> None:
    assert faults_of(promise) == []
    assert re.fullmatch("[a-z0-9-]+", promise.id)


def test_there_are_promises_of_every_part_and_each_has_a_name_of_its_own() -> None:
    assert len(PROMISES) >= 60
    assert {promise.part for promise in PROMISES} == PARTS
    assert max(Counter(promise.id for promise in PROMISES).values()) == 1
    broken = Counter((promise.file, promise.line, promise.broken) for promise in PROMISES)
    assert max(broken.values()) == 1, "the same line broken in the same way"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with one line of code, one promise and one test."""
    (tmp_path / "code.py").write_text("def more(x):\n    return x + 1\n")
    (tmp_path / "docs.md").write_text("What comes back is\none more.\n")
    (tmp_path / "test_it.py").write_text("class TestIt:\n    def test_one_more(self): ...\n")
    return tmp_path


SOUND = Promise(
    id="one-more",
    part="events",
    says="What comes back is one more.",
    where="docs.md",
    file="code.py",
    line="return x + 1",
    broken="return x",
    tests=("test_it.py::TestIt::test_one_more[3]",),
)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, None),
        ({"says": "What comes back is two more."}, 'docs.md does not say "What comes back is two'),
        ({"line": "return x - 1"}, "`line` stands 0 times in code.py; expected once"),
        ({"line": "x", "broken": "y"}, "`line` stands 2 times in code.py"),
        ({"broken": "return x + 1"}, "`broken` is the line itself"),
        ({"broken": "return (x"}, "`broken` is no Python"),
        ({"tests": ()}, "no test is named"),
        ({"tests": ("test_it.py::test_two_more",)}, "there is no test test_it.py::test_two_more"),
        ({"tests": ("test_no.py::test_one_more",)}, "there is no test test_no.py::test_one_more"),
    ],
)
def test_an_entry_that_is_no_longer_true_is_told(tree, changes, fault) -> None:
    faults = faults_of(replace(SOUND, **changes), tree)
    if fault is None:
        assert faults == []
    else:
        assert len(faults) == 1
        assert faults[0].startswith(fault)


def test_an_entry_with_another_key_is_refused(tmp_path) -> None:
    file = tmp_path / "promises.toml"
    file.write_text('[[promise]]\nid = "a"\nwhy = "so"\n')
    with pytest.raises(ValueError, match="a: expected the keys broken, file, id, line"):
        read_promises(file)


def test_the_part_with_the_most_promises_comes_first_and_each_is_whole() -> None:
    parts = parts_of(PROMISES)
    assert sorted(promise.id for part in parts for promise in part) == sorted(
        promise.id for promise in PROMISES
    )
    assert [len({promise.part for promise in part}) for part in parts] == [1] * len(PARTS)
    assert [len(part) for part in parts] == sorted(map(len, parts), reverse=True)


def test_a_part_that_there_is_not_is_bad_usage(capsys) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--only", "kitchen"])
    assert "--only kitchen: expected an id, or one of automl, autopilot" in capsys.readouterr().err
