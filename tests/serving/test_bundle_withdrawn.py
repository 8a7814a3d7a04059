"""A bundle is withdrawn and put back under load: servers follow, and no request fails."""

import json

from rank_clients import clients
from rank_servers import a_bundle, a_spec, act, room, running_server
from test_processes_swapped import ROOMS, a_request, until_all_rank_by
from test_served_equals_replayed import promote

from liverank.bundle import store
from liverank.cli import main
from liverank.cli.commands.doctor.checks.project import check_bundles
from liverank.config import load_config


def command(capsys, directory, *words):
    """What a command prints with ``--json``, in this process: a new one takes seconds."""
    main([*words, "--config", str(directory / "liverank.toml"), "--json"])
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_popularity_ranks_within_seconds_of_a_withdrawal_and_no_request_fails(tmp_path, capsys):
    root = tmp_path / ".liverank"
    one = promote(tmp_path, a_spec())
    other = store.add(root, a_bundle(a_spec(), seed=7))
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, ROOMS), act("join", "u1", "r7"))
        with clients(server.url, a_request, count=3) as asking:
            asking.wait_for_more(10)
            told = command(capsys, tmp_path, "rollback", "--to", "popular")
            assert told == {"ok": True, "promoted": None, "before": one}
            until_all_rank_by(server, None)
            asking.wait_for_more(10)
            answer = server.rank(user="u1", items=ROOMS)
            assert (answer["model"], answer["fallback"]) == (None, "popular")
            reason = f"bundle {one} was withdrawn: `liverank rollback --to popular`"
            assert answer["fallback_reason"] == reason
            assert server.ask("/readyz")["reason"] == reason
            assert server.health()["ok"], "somebody wanted this, so nothing is wrong"
            listed = command(capsys, tmp_path, "bundles")
            assert listed["withdrawn"] == "`liverank rollback --to popular`"
            assert {b["serves"] for b in listed["bundles"] if b["version"] == one} == {"previous"}
            config = load_config(tmp_path / "liverank.toml")
            [finding] = check_bundles(root, config, at_ms=0)
            assert f"bundle {one} was withdrawn" in finding.what
            assert command(capsys, tmp_path, "rollback")["promoted"] == one
            until_all_rank_by(server, one)
            store.withdraw(root, "it did harm")
            until_all_rank_by(server, None)
            store.promote(root, other)
            until_all_rank_by(server, other)
        assert asking.broken == []
    assert {asked.status for asked in asking.asked} == {200}
    levels = {(asked.answer["model"], asked.answer["fallback"]) for asked in asking.answered}
    assert levels - {(None, "newest")} == {(one, None), (other, None), (None, "popular")}
