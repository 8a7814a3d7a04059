"""A challenger serves a share of the people, always the same ones, until it is stopped."""

from rank_clients import clients
from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server
from test_processes_swapped import OTHER_LAYOUT, ROOMS, a_request, rankings_of
from test_served_equals_replayed import replay_check
from trial_steps import (
    append,
    canary,
    champion_and_challenger,
    ended,
    shadow,
    until_release_is,
)

from liverank.bundle import store
from liverank.cli.commands.doctor.checks.server import ask, check_health
from liverank.experiments.assignment.buckets import bucket_of

SERVER = CONFIG + "\n[serving]\nlog_vectors = 1.0\n"
USERS = [f"u{number}" for number in range(150)]
EXPERIMENT = """
[experiments.tab]
surface = "tab"
start = "2026-01-01T00:00:00Z"
[experiments.tab.variants]
popular = { rank = "popular" }
model = { rank = "model" }
random = { rank = "random" }
own = { rank = "bundle:CHAMPION" }
[experiments.tab.forced]
"""


def models_of(server, **request):
    return {user: server.rank(user=user, **request)["model"] for user in USERS}


def test_a_share_of_the_people_gets_the_challenger_and_each_always_the_same(tmp_path):
    one, other = champion_and_challenger(tmp_path)
    with running_server(tmp_path, config=SERVER) as server:
        server.send_and_fold(*map(room, ROOMS), *(act("join", user, "r7") for user in USERS[:9]))
        assert set(models_of(server).values()) == {one}
        append(tmp_path, canary(other, share=0.2, champion=one))
        assert until_release_is(server, "canary") < 2
        chosen = {user for user in USERS if bucket_of(f"release:{other}", user) < 2000}
        for surface in ("default", "elsewhere"):
            models = models_of(server, surface=surface)
            assert models == {user: other if user in chosen else one for user in USERS}
        explained = server.rank(user=min(chosen), items=ROOMS, explain=True, limit=3)
        assert explained["model"] == other
        assert all(item["features"] for item in explained["items"])
        release = server.health()["release"]
        assert (release["version"], release["share"], release["trouble"]) == (other, 0.2, None)
        append(tmp_path, ended("paused"))
        assert until_release_is(server, None) < 2
        assert set(models_of(server).values()) == {one}
        server.terminate()
    share = len(chosen) / len(USERS)
    assert abs(share - 0.2) < 4 * (0.2 * 0.8 / len(USERS)) ** 0.5
    checked = replay_check(tmp_path)
    assert (checked["ok"], checked["rankings"]) == (True, 4 * len(USERS) + 1)
    logged = rankings_of(tmp_path).values()
    assert {ranking.user for ranking in logged if ranking.model == other} == chosen


def test_variants_with_a_list_of_their_own_stay_as_they_are_in_a_canary(tmp_path):
    one, other = champion_and_challenger(tmp_path)
    chosen = [user for user in USERS if bucket_of(f"release:{other}", user) < 5000][:4]
    forced = dict(zip(chosen, ("popular", "model", "random", "own"), strict=True))
    config = SERVER + EXPERIMENT.replace("CHAMPION", one)
    config += "".join(f'{user} = "{variant}"\n' for user, variant in forced.items())
    append(tmp_path, canary(other, share=0.5, champion=one))
    with running_server(tmp_path, config=config) as server:
        server.send_and_fold(*map(room, ROOMS))
        models = {
            variant: server.rank(user=user, surface="tab")["model"]
            for user, variant in forced.items()
        }
    assert models == {"popular": None, "random": None, "own": one, "model": other}


def test_a_first_challenger_decides_the_layout_while_nothing_serves(tmp_path):
    root = tmp_path / ".liverank"
    noon = 1_600_000_000_000
    with running_server(tmp_path, "--simulated", "--workers", "1") as server:
        rooms = [{**room(name), "time": noon} for name in ROOMS]
        server.send(*rooms, {**act("join", "u1", "r7"), "time": noon})
        assert server.rank(user="u1", items=ROOMS)["fallback"] == "popular"
        for number, spec in enumerate((a_spec(), OTHER_LAYOUT)):
            version = store.add(root, a_bundle(spec, seed=number))
            append(tmp_path, canary(version, share=0.5, at_ms=noon))
            server.send({**room("r1"), "time": noon + number})
            assert server.health()["release"]["trouble"] is None
            chosen = {user for user in USERS if bucket_of(f"release:{version}", user) < 5000}
            models = models_of(server, items=ROOMS)
            assert models == {user: version if user in chosen else None for user in USERS}
            answer = server.rank(user=next(one for one in USERS if one not in chosen), items=ROOMS)
            assert (answer["fallback"], answer["items"][0]["item"]) == ("popular", "r7")


def test_a_challenger_that_cannot_rank_here_changes_no_answer(tmp_path):
    root = tmp_path / ".liverank"
    one, broken = champion_and_challenger(tmp_path)
    fewer = store.add(root, a_bundle(OTHER_LAYOUT))
    model = store.directory_of(root, broken) / "model.npz"
    model.write_bytes(model.read_bytes()[:-1])
    with running_server(tmp_path) as server:
        server.send_and_fold(*map(room, ROOMS))
        with clients(server.url, a_request, count=3) as asking:
            for version, why in (
                (broken, "model.npz"),
                (fewer, "another layout"),
                ("0" * 16, "no bundle"),
            ):
                for step in (shadow(version), canary(version, share=0.5)):
                    append(tmp_path, step)
                    server.wait_for(
                        lambda health, why=why, version=version: (
                            health["release"] is not None
                            and health["release"]["version"] == version
                            and why in (health["release"]["trouble"] or "")
                        )
                    )
                    assert server.health()["ok"], "rankings are as without it"
                    [finding] = [
                        one
                        for one in check_health(ask(server.url))
                        if one.what.startswith("release: ")
                    ]
                    assert why in finding.what + finding.do
                    asking.wait_for_more(5)
        assert asking.broken == []
    assert {asked.status for asked in asking.asked} == {200}
    levels = {(asked.answer["model"], asked.answer["fallback"]) for asked in asking.answered}
    assert levels == {(one, None)}
