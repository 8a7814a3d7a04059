"""The permanent holdout of autopilot: some people always get the most popular list."""

import pytest
from rank_servers import CONFIG, act, room, running_server
from test_processes_swapped import ROOMS, rankings_of
from trial_steps import append, canary, champion_and_challenger, until_release_is

from liverank.config import parse_config
from liverank.errors import ConfigError
from liverank.experiments.assignment.buckets import bucket_of
from liverank.experiments.assignment.held_out import is_held_out
from liverank.serving.experiments.arms import Arms, arm_of

USERS = [f"u{number}" for number in range(120)]
EXPERIMENT = """
[experiments.tab]
surface = "tab"
start = "2026-01-01T00:00:00Z"
variants = { a = { rank = "random" }, b = { rank = "random" } }
forced = { FORCED = "a" }
"""


def config_of(share, more=""):
    return f"{CONFIG}\n[autopilot]\nholdout = {share}\n{more}"


def plainly_held_out(share):
    """By the definition: 10,000 buckets of the salt ``autopilot:holdout``."""
    return {user for user in USERS if bucket_of("autopilot:holdout", user) < 10_000 * share}


def test_the_holdout_gets_the_popular_list_on_every_surface_and_in_every_trial(tmp_path):
    one, other = champion_and_challenger(tmp_path)
    held_out = plainly_held_out(0.2)
    forced = min(held_out)
    config = config_of(0.2, EXPERIMENT.replace("FORCED", forced))
    with running_server(tmp_path, config=config) as server:
        joins = [act("join", user, "r3") for user in sorted(held_out)[:5]]
        others = [act("join", user, "r7") for user in USERS if user not in held_out]
        server.send_and_fold(*map(room, ROOMS), *joins, *others)
        append(tmp_path, canary(other, share=0.5, champion=one))
        until_release_is(server, "canary")
        for surface in ("default", "tab"):
            answers = {user: server.rank(user=user, surface=surface, limit=3) for user in USERS}
            labels = {user: answer["variant"] for user, answer in answers.items()}
            assert {user for user in USERS if labels[user] == "autopilot:holdout"} == held_out
            for user in held_out:
                answer = answers[user]
                assert (answer["model"], answer["fallback"]) == (None, None)
                first, second = answer["items"][:2]
                assert first["item"] == "r3", "popular among the holdout, not among the others"
                assert first["score"] > second["score"] == 0
        said = server.ask(f"/v1/experiments/autopilot/assignment?user={forced}")
        assert (said["label"], said["why"]) == ("autopilot:holdout", "holdout")
        assert said["bucket"] == bucket_of("autopilot:holdout", forced)
        outside = next(user for user in USERS if user not in held_out)
        said = server.ask(f"/v1/experiments/autopilot/assignment?user={outside}")
        assert (said["label"], said["variant"]) == (None, None)
        server.terminate()
    logged = [one for one in rankings_of(tmp_path).values() if one.user in held_out]
    assert {(one.variant, one.model) for one in logged} == {("autopilot:holdout", "popular")}
    assert len(held_out) > 10


def test_another_share_moves_only_the_people_between_the_shares():
    small, large = ({user for user in USERS if is_held_out(user, share)} for share in (0.1, 0.3))
    assert small == plainly_held_out(0.1)
    assert small < large == plainly_held_out(0.3)


def test_a_success_in_the_holdout_counts_for_the_holdout_alone():
    experiments = parse_config(CONFIG + EXPERIMENT.replace("FORCED", "x")).experiments
    arms = Arms(experiments, (), at_ms=1.9e12, holdout=0.2)
    for user in USERS:
        fed = arms.fed_by(user, {})
        if user in plainly_held_out(0.2):
            assert fed == (arm_of("autopilot", "holdout"),)
        else:
            assert len(fed) == 1
            assert fed[0] in (arm_of("tab", "a"), arm_of("tab", "b"))
    assert Arms({}, (), at_ms=1.9e12, holdout=0.2).fed_by(min(USERS), {}) in (
        (),
        (arm_of("autopilot", "holdout"),),
    )
    assert Arms({}, (), at_ms=1.9e12).fed_by(min(plainly_held_out(0.2)), {}) == ()


def test_an_experiment_must_not_have_the_name_of_the_holdout():
    text = CONFIG + EXPERIMENT.replace("experiments.tab", "experiments.autopilot")
    with pytest.raises(ConfigError, match=r"experiments\.autopilot` has the name"):
        parse_config(text.replace("FORCED", "x"))


def test_without_a_holdout_nobody_asks_for_it(tmp_path):
    with running_server(tmp_path, config=CONFIG) as server:
        said = server.client.get("/v1/experiments/autopilot/assignment?user=u1")
        assert said.status_code == 404
