"""The command line as a whole: what it prints and returns, whatever the command."""

import json
from types import SimpleNamespace

import pytest

from liverank.cli import main

LABEL = '[label]\ninteraction = "click"\n'


def run(capsys, *words):
    code = main([str(word) for word in words])
    heard = capsys.readouterr()
    return code, heard.out, heard.err


def test_a_failure_is_one_line_for_people_and_with_json_one_object_for_programs(tmp_path, capsys):
    code, out, err = run(capsys, "validate", "--config", tmp_path / "none.toml")
    assert (code, out) == (1, "")
    assert (
        err == f"liverank validate: {tmp_path}/none.toml: no such file; `liverank init EVENTS` "
        "proposes one from your events\n"
    )

    code, out, err_too = run(capsys, "validate", "--config", tmp_path / "none.toml", "--json")
    assert (code, err_too) == (1, err)
    assert json.loads(out) == {"ok": False, "error": err.partition(": ")[2].strip()}


def test_a_line_stays_whole_where_no_terminal_shows_it(tmp_path, capsys, monkeypatch):
    line = " ".join(["whole"] * 100)
    command = SimpleNamespace(
        HELP="speak",
        configure=lambda _: None,
        run=lambda _, console: console.print(f"Warning: {line}") or {"ok": True},
    )
    monkeypatch.setattr("liverank.cli._command", lambda _: command)
    assert run(capsys, "warmup") == (0, f"Warning: {line}\n", "")


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_command_that_ends_without_an_error_but_not_well_exits_with_one(
    tmp_path, capsys, options
):
    (tmp_path / "liverank.toml").write_text(LABEL)
    (tmp_path / "events.jsonl").write_text(
        '{"event":"user","time":1795428000000,"user":"u1"}\n{}\n'
    )
    words = ("ingest", tmp_path / "events.jsonl", "--config", tmp_path / "liverank.toml", *options)
    assert run(capsys, *words, "--strict")[0] == 1
    assert run(capsys, *words)[0] == 0


def test_a_path_that_is_not_utf_8_is_told_too(tmp_path, capsys):
    code, out, _ = run(capsys, "validate", "--config", tmp_path / "\udcff.toml", "--json")
    assert code == 1
    assert "/?.toml: no such file" in json.loads(out)["error"]


@pytest.mark.parametrize("host", ["256.1.1.1", 70 * "a"])
def test_an_address_that_cannot_be_is_told_with_what_to_do(tmp_path, capsys, host):
    (tmp_path / "liverank.toml").write_text(LABEL)
    words = ("serve", "--config", tmp_path / "liverank.toml", "--host", host, "--port", "0")
    code, _, err = run(capsys, *words)
    assert code == 1
    assert "cannot listen on" in err
    assert "choose another --host or --port" in err


def test_an_import_without_a_single_event_fails(tmp_path, capsys):
    (tmp_path / "liverank.toml").write_text(LABEL)
    (tmp_path / "poem.jsonl").write_text("so much depends\nupon\n")
    words = ("ingest", tmp_path / "poem.jsonl", "--config", tmp_path / "liverank.toml", "--json")
    code, out, err = run(capsys, *words)
    result = json.loads(out)
    assert (code, result["ok"], result["rejected"]) == (1, False, 2)
    assert "Nothing was imported: no row is an event" in err
    (tmp_path / "poem.jsonl").write_text("")
    assert run(capsys, *words)[0] == 0, "an empty file is no mistake"


def test_a_file_whose_name_is_not_utf_8_is_to_be_renamed(tmp_path, capsys):
    (tmp_path / "liverank.toml").write_text(LABEL)
    (tmp_path / "\udcff.jsonl").write_text("so much depends\n")
    code, _, err = run(capsys, "ingest", tmp_path, "--config", tmp_path / "liverank.toml")
    assert code == 1
    assert err.endswith("udcff.jsonl': its name is not UTF-8; rename it\n")
