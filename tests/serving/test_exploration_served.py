"""At a cold start some lists are random, until a model serves; not after a withdrawal."""

import math

from rank_servers import CONFIG, a_bundle, a_spec, act, room, running_server
from test_processes_swapped import ROOMS, rankings_of, until_all_rank_by
from trial_steps import append, canary, ended, until_release_is

from liverank.bundle import store
from liverank.experiments.assignment.buckets import bucket_of
from liverank.serving.ranking.ranking_log import EXPLORED_SAMPLE, is_sampled

IDS = [f"q{number}" for number in range(150)]
EXPLORE = CONFIG + "\n[autopilot]\nexplore = 0.3\n"
VARIANT = """
[experiments.tab]
surface = "tab"
start = "2026-01-01T00:00:00Z"
variants = { a = { rank = "popular" }, b = { rank = "popular" } }
"""
EXPLORED = {name for name in IDS if is_sampled(name, 0.3, EXPLORED_SAMPLE)}


def answers_of(server, prefix="", **request):
    return {name: server.rank(id=prefix + name, limit=5, **request) for name in IDS}


def random_ones(answers):
    """The requests whose answers say that they are in random order."""
    return {
        name
        for name, answer in answers.items()
        if "autopilot.explore" in (answer["fallback_reason"] or "")
    }


def test_a_share_of_the_lists_is_random_with_its_chances_until_the_first_promotion(tmp_path):
    root = tmp_path / ".liverank"
    version = store.add(root, a_bundle(a_spec()))
    with running_server(tmp_path, config=EXPLORE + VARIANT) as server:
        server.send_and_fold(*map(room, ROOMS), *(act("join", f"u{n}", "r7") for n in range(9)))
        answers = answers_of(server, user="u1")
        assert random_ones(answers) == EXPLORED
        for name, answer in answers.items():
            assert (answer["model"], answer["variant"]) == (None, None)
            assert answer["fallback"] == (None if name in EXPLORED else "popular")
        firsts = [answers[name]["items"][0]["item"] for name in EXPLORED]
        assert len(set(firsts)) > 12, "41 items, in random order"
        assert {answers[name]["items"][0]["item"] for name in IDS if name not in EXPLORED} == {"r7"}
        assert {
            one["variant"] for one in answers_of(server, "t", user="u1", surface="tab").values()
        } <= {"tab:a", "tab:b"}
        append(tmp_path, canary(version, share=0.5))
        until_release_is(server, "canary")
        for user in ("u1", "u2", "u3", "u4"):
            is_served = bucket_of(f"release:{version}", user) < 5000
            found = answers_of(server, f"canary-{user}-", user=user)
            assert bool(random_ones(found)) != is_served
            if is_served:
                assert {answer["model"] for answer in found.values()} == {version}
        append(tmp_path, ended("released", version))
        store.promote(root, version)
        until_all_rank_by(server, version)
        assert random_ones(answers_of(server, "after", user="u1")) == set()
        store.withdraw(root, "it did harm")
        until_all_rank_by(server, None)
        assert random_ones(answers_of(server, "withdrawn", user="u1")) == set()
        server.terminate()
    logged = rankings_of(tmp_path)
    for name in IDS:
        ranking = logged[name]
        if name in EXPLORED:
            assert ranking.model == "random"
            assert all(math.isclose(chance, 1 / 41) for chance in ranking.propensities)
            assert len(ranking.propensities) == 5
        else:
            assert (ranking.model, ranking.propensities) == ("popular", None)


def test_without_autopilot_nothing_is_explored(tmp_path):
    with running_server(tmp_path, config=CONFIG) as server:
        server.send_and_fold(*map(room, ROOMS))
        assert random_ones(answers_of(server, user="u1")) == set()
