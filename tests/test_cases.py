"""``make cases``: each case has a check, which fails on what was seen when it was reported."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture(scope="module")
def cases():
    sys.path.insert(0, str(SCRIPTS))
    try:
        spec = importlib.util.spec_from_file_location("cases", SCRIPTS / "cases.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPTS))
    return module


def test_without_the_folder_nothing_is_run_and_it_says_so(cases, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cases, "CASES", tmp_path / "none")
    monkeypatch.setattr(sys, "argv", ["cases.py"])
    assert cases.main() == 0
    assert "there are no cases here; nothing was run" in capsys.readouterr().out


def test_a_case_without_a_check_fails(cases):
    for kind in cases.SCRIPTS:
        unmet = cases.unmet_of(cases.CASES / kind / "99-unheard-of", "all is well")
        assert "write a check" in unmet[0]


def test_cases_are_chosen_by_kind_by_number_or_by_both(cases):
    assert cases.names_of(cases.CASES / "automl" / "08-wide") == {"automl", "08", "automl/08"}


def test_each_check_fails_on_what_was_seen_when_the_case_was_reported(cases):
    if not cases.CASES.is_dir():
        pytest.skip(f"{cases.CASES}: the cases are not here")
    folders = cases.cases()
    for kind, checks in cases.CHECKS.items():
        numbers = {one.name[:2] for one in folders if one.parent.name == kind}
        assert numbers == set(checks), kind
    for folder in folders:
        seen = (folder / "observed.txt").read_text(errors="replace")
        assert cases.unmet_of(folder, seen), folder
