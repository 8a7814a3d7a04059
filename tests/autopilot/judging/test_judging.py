"""A challenger is judged on lists that it did not see; every figure is as it is defined."""

import math
from dataclasses import replace
from functools import cache

import judged_world as world
import msgspec
import numpy as np
import pytest
from judged_world import CONFIG, FROM_MS, MINUTE_MS, UNTIL_MS, bundle

from liverank.autopilot.gather import lists_to_test, look_at
from liverank.autopilot.judging.judge import judge
from liverank.autopilot.judging.verdict import Verdict
from liverank.autopilot.replayed_policy import policy_scores, popular_policy
from liverank.autopilot.scope import Excluded
from liverank.bundle.lineage import Lineage
from liverank.config import parse_config
from liverank.dataset.metrics import mean_over_lists, ndcg_at
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Ranking
from liverank.features.spec import derive_spec

WITHIN_MS = 5 * MINUTE_MS


def judged(challenger, champion=None, *, until_ms=UNTIL_MS, frames=None, from_ms=FROM_MS):
    given = frames or world.frames()
    return judge(given, CONFIG, challenger, champion, from_ms=from_ms, until_ms=until_ms)


@cache
def usual():
    """The verdict on a challenger that is as good as the champion, and newer."""
    return judged(bundle(world.good, 3), bundle(world.good, 2))


def failed(verdict):
    return {check.name for check in verdict.failed}


def plain_lists(until_ms):
    """For each list whose window is over: its items with position and whether clicked."""
    clicks = {(e.ranking, e.item): e for e in world.events() if getattr(e, "type", "") == "click"}
    found = []
    for event in world.events():
        if isinstance(event, Ranking) and FROM_MS <= event.time < until_ms - WITHIN_MS:
            rows = [(i, n, (event.id, i) in clicks) for n, i in enumerate(event.items)]
            found.append((event.user, rows))
    return found


SEEN = 6
"""Items of each list that were seen, from the first."""


def weight(margin, position):
    first, own = (1 / (1 + math.exp(-(margin + e))) for e in (0.0, -0.2 * position))
    return first / own


def plain_figures(made, other, until_ms=UNTIL_MS):
    """Unbiased NDCG@10, list AUC, log-loss and calibration by their definitions, item by item."""
    quality = {e.item: e.fields["quality"] for e in world.events() if hasattr(e, "state")}
    languages = {e.user: e.fields["language"] for e in world.events() if type(e).__name__ == "User"}
    levels = made.spec.features[0].expression.levels
    pairs, keys = [], []
    for user, rows in plain_lists(until_ms):
        for item, _, _ in rows:
            pairs.append((levels.index(languages[user]), quality[item]))
            keys.append((user, item))
    rows_of = np.array(pairs, np.float32)
    margins = dict(zip(keys, made.model.margins(rows_of)[:, 0], strict=True))
    mean = dict(zip(keys, other.model.margins(rows_of)[:, 0], strict=True))
    mean = {key: (margin + margins[key]) / 2 for key, margin in mean.items()}
    ndcgs, unbiased, aucs, losses, observed, predicted = [], [], [], [], 0, 0.0
    for user, rows in plain_lists(until_ms):
        served = sorted(
            ((margins[user, i], clicked, weight(mean[user, i], n)) for i, n, clicked in rows),
            reverse=True,
        )
        if any(clicked for _, clicked, _ in served):  # all of the first six were seen: reach is 1
            gains = [1 / math.log2(rank + 2) for rank in range(len(served))]
            at = [
                np.mean([d for d, o in zip(gains, served, strict=True) if o[0] == s[0]])
                for s in served
            ]
            weights = [w * c for _, c, w in served]
            best = np.dot(gains, sorted(weights, reverse=True))
            count = sum(clicked for _, clicked, _ in served)
            unbiased.append((sum(weights) / count, np.dot(at, weights) / best))
        rows = [row for row in rows if row[1] < SEEN]
        scored = sorted(((margins[user, i], clicked) for i, _, clicked in rows), reverse=True)
        discounts = [1 / math.log2(rank + 2) for rank in range(len(scored))]
        clicked = [c for _, c in scored]
        if any(clicked):
            # the expected discount, where scores tie
            at = [
                np.mean([d for d, o in zip(discounts, scored, strict=True) if o[0] == s[0]])
                for s in scored
            ]
            ndcgs.append(np.dot(at, clicked) / sum(discounts[: sum(clicked)]))
        if any(clicked) and not all(clicked):
            won = [(s > f) + (s == f) / 2 for s, c in scored if c for f, d in scored if not d]
            aucs.append(np.mean(won))
        for item, position, success in rows:
            p = 1 / (1 + math.exp(-(margins[user, item] - 0.2 * position)))
            losses.append(-math.log(p if success else 1 - p))
            observed, predicted = observed + success, predicted + p
    return {
        "unbiased_ndcg@10": np.average([v for _, v in unbiased], weights=[w for w, _ in unbiased]),
        "ndcg@10": np.mean(ndcgs),
        "list_auc": np.mean(aucs),
        "log_loss": np.mean(losses),
        "calibration": observed / predicted,
    }, len(ndcgs)


def test_figures_are_those_of_the_plain_definitions():
    verdict = judged(bundle(world.good, 3), bundle(world.bad_for_german))
    label = verdict.labels[0]
    pair = {"challenger": bundle(world.good), "champion": bundle(world.bad_for_german)}
    for method, other in (("challenger", "champion"), ("champion", "challenger")):
        expected, lists = plain_figures(pair[method], pair[other])
        assert label.lists == lists
        for metric, value in expected.items():
            near = 4e-3 if "ndcg" in metric else 1e-5  # it draws the order of ties
            assert label.methods[method][metric].value == pytest.approx(value, rel=near), metric
    assert label.methods["challenger"]["calibration"].low < 1
    assert label.methods["challenger"]["calibration"].high > 1


def test_popularity_is_what_serving_falls_back_to():
    layout = bundle(world.good).spec.layout
    lists = lists_to_test(world.frames(), layout, CONFIG, from_ms=FROM_MS)
    lists = lists.take(lists.until_ms < UNTIL_MS)
    scores = policy_scores(world.frames(), popular_policy(layout), lists, CONFIG)
    kept = np.add.reduceat(lists.seen, lists.reads.offsets[:-1])
    offsets = np.concatenate([[0], np.cumsum(kept)])
    ndcg = mean_over_lists(ndcg_at(10, scores[lists.seen], lists.labels[lists.seen], offsets))
    verdict = judged(bundle(world.good))
    assert verdict.labels[0].methods["popularity"]["ndcg@10"].value == pytest.approx(ndcg, rel=1e-5)


def test_a_challenger_as_good_and_newer_is_accepted_and_one_that_is_not_newer_is_not():
    newer = usual()
    assert newer.is_accepted
    assert failed(newer) == set()
    assert "has learned from newer events and ranks as well as" in newer.reason
    older = judged(bundle(world.good, 1), bundle(world.good, 2))
    assert failed(older) == {"champion"}
    assert "is not newer" in older.reason


def test_a_better_challenger_is_accepted_whatever_its_age():
    verdict = judged(bundle(world.good, 1), bundle(world.shuffled, 2))
    assert verdict.is_accepted
    assert "ranks better than the model in service" in verdict.reason
    assert verdict.labels[0].differences["champion"]["unbiased_ndcg@10"].low > 0.1


@pytest.mark.parametrize("bad", [world.inverted, world.shuffled])
def test_scores_without_sense_are_refused_by_every_check_of_order(bad):
    verdict = judged(bundle(bad, 3), bundle(world.good))
    assert not verdict.is_accepted
    assert {"popularity", "champion", "log-loss", "segments"} <= failed(verdict)
    assert verdict.reason.startswith("The challenger does not rank better than the most")


def test_a_challenger_that_is_bad_for_one_language_only_is_refused_for_it():
    verdict = judged(bundle(world.flat_for_german, 3), bundle(world.coarse))
    differences = verdict.labels[0].differences
    assert differences["champion"]["unbiased_ndcg@10"].value > -0.01
    assert [one.name for one in verdict.segments if one.worse] == ["language of people: de"]
    assert "segments" in failed(verdict)
    assert "language of people: de" in next(
        c.sentence for c in verdict.failed if c.name == "segments"
    )


def test_probabilities_that_are_twice_too_high_are_refused():
    verdict = judged(bundle(world.predicts_twice, 3), bundle(world.good))
    assert {"log-loss", "calibration"} <= failed(verdict)
    assert "champion" not in failed(verdict)
    calibration = next(check for check in verdict.checks if check.name == "calibration")
    assert "the challenger predicted 1.6" in calibration.sentence


def test_without_a_champion_popularity_must_be_beaten():
    assert judged(bundle(world.good)).is_accepted
    verdict = judged(bundle(world.inverted))
    assert {"popularity", "log-loss", "segments"} <= failed(verdict)
    assert verdict.champion is None
    assert set(verdict.labels[0].differences) == {"popularity"}


def test_a_label_that_the_champion_had_may_not_be_lost():
    verdict = judged(bundle(world.good, 3, ("click",)), bundle(world.good))
    assert failed(verdict) == {"other labels"}
    assert "`like`" in verdict.reason
    assert verdict.labels[1].note == "the challenger has no model of it"
    assert set(verdict.labels[1].methods) == {"champion", "popularity"}
    gained = judged(bundle(world.good, 3), bundle(world.good, 2, ("click",)))
    assert gained.is_accepted
    assert gained.labels[1].note == "the champion has no model of it"


def test_a_champion_of_another_label_is_not_compared():
    champion = bundle(world.good, 2, ("like", "click"))
    verdict = judged(bundle(world.good, 3), champion)
    assert verdict.is_accepted
    assert verdict.champion is None
    assert "ranks lists by `like`" in verdict.notes[0]
    with pytest.raises(DatasetError, match="ranks lists by `like`, and the config by `click`"):
        judged(champion)


def test_each_label_is_judged_on_the_rows_whose_own_window_is_over():
    click, like = usual().labels
    assert click.rows - like.rows == 10 * 6, "two lists a minute, in five minutes more"


def test_nothing_at_or_after_the_end_is_read():
    until_ms = FROM_MS + 700 * MINUTE_MS
    past = [event for event in world.events() if event.time < until_ms]
    future = [
        msgspec.structs.replace(event, user="u1", type="click")
        if isinstance(event, Interaction)
        else event
        for event in world.events()
        if event.time >= until_ms
    ]

    def without_speed(verdict):
        checks = tuple(check for check in verdict.checks if check.name != "speed")
        return msgspec.structs.replace(verdict, speeds={}, checks=checks)

    one, other, short = (
        without_speed(
            judged(
                bundle(world.good, 3),
                bundle(world.coarse),
                until_ms=until_ms,
                frames=world.frames_of(events),
            )
        )
        for events in (world.events(), [*past, *future], past)
    )
    assert one == other
    # only the end of a log that ends before the end of the time is known
    assert one.lists - short.lists <= 1


def test_lists_whose_label_window_is_not_over_are_left_out_and_counted():
    until_ms = FROM_MS + 600 * MINUTE_MS
    verdict = judged(bundle(world.good), until_ms=until_ms)
    assert verdict.lists == len(plain_lists(until_ms)) == 2 * 595
    assert verdict.notes == ("left out: 10 lists whose label window is not over",)
    with pytest.raises(DatasetError, match="label window is not over; choose an earlier"):
        judged(bundle(world.good), until_ms=FROM_MS + MINUTE_MS)
    with pytest.raises(DatasetError, match="the end must be later"):
        judged(bundle(world.good), until_ms=FROM_MS)
    with pytest.raises(DatasetError, match="none was served in the time"):
        judged(bundle(world.good), from_ms=UNTIL_MS + 1, until_ms=UNTIL_MS + 2)


def test_bundles_of_different_layouts_are_judged_as_those_of_one():
    champion = bundle(world.coarse)
    text = '[label]\ninteraction = "click"\nwithin = "5m"\n[features]\nhalf_lives = ["2h"]\n'
    other = parse_config(text)
    spec = derive_spec(look_at(world.frames(), other, before_ms=FROM_MS), other)
    spec = spec.keep(set(world.COLUMNS))
    assert spec.layout != champion.spec.layout
    moved = replace(champion, spec=spec)
    same, apart = (judged(bundle(world.good, 3), one) for one in (champion, moved))
    assert same.labels == apart.labels
    assert same.segments == apart.segments


def trained_until(made, at_ms, **left_out):
    lineage = Lineage(
        first_seq=1,
        last_seq=9,
        trained_until_ms=int(at_ms),
        lists_from_ms=0,
        lists_to_ms=0,
        lists=1,
        rows=1,
        config="{}",
        config_sha256="",
        **left_out,
    )
    return replace(made, lineage=lineage)


def test_users_and_times_that_training_left_out_are_not_judged_on():
    users, stretch = ("u3", "u4"), (int(FROM_MS), int(FROM_MS) + 60 * MINUTE_MS)
    challenger = trained_until(
        bundle(world.good, 3),
        FROM_MS,
        excluded_users=Excluded(users=frozenset(users)).user_hashes,
        excluded_stretches_ms=(stretch,),
    )
    verdict = judged(challenger)
    lists = [e for e in world.events() if isinstance(e, Ranking)]
    lists = [e for e in lists if stretch[1] <= e.time < UNTIL_MS - WITHIN_MS]
    assert verdict.lists == len([e for e in lists if e.user not in users])
    assert "lists of users or times that training left out too" in verdict.notes[0]
    assert verdict.people == 148


def test_lists_that_either_was_trained_on_are_not_judged_on():
    later_ms = FROM_MS + 300 * MINUTE_MS
    challenger = trained_until(bundle(world.good, 3), FROM_MS)
    with pytest.raises(DatasetError, match="was trained until"):
        judged(trained_until(challenger, FROM_MS + 1))
    verdict = judged(challenger, trained_until(bundle(world.good, 2), later_ms))
    assert verdict.from_ms == later_ms
    assert verdict.notes[0].startswith("left out: earlier lists")
    assert failed(verdict) == {"champion"}, "it has learned from older events"
    assert judged(challenger, trained_until(bundle(world.good, 9), FROM_MS - 1)).is_accepted


def test_segments_are_those_of_the_events():
    segments = {one.name: one for one in usual().segments}
    assert {"surface: home", "surface: tab", "language of people: fr"} <= set(segments)
    assert not any("people seen first" in name for name in segments), "all of them are"
    lists = [e for e in world.events() if isinstance(e, Ranking)]
    lists = [e for e in lists if FROM_MS <= e.time < UNTIL_MS - WITHIN_MS and e.surface == "tab"]
    assert segments["surface: tab"].rows == 6 * len(lists)
    [new] = [one for name, one in segments.items() if name.startswith("items up to")]
    assert new.rows == pytest.approx(0.25 * 6 * 1_570, rel=0.05)


def test_a_verdict_is_json_of_a_moderate_size_and_shows_its_claims():
    report = {
        "held_out": {"log_loss": 0.3},
        "against": {"methods": {"model": {"ndcg@10": 0.8, "list_auc": None}}},
    }
    claiming = replace(bundle(world.good, 3), report=bundle(world.good, 3).report | report)
    verdict = judged(claiming, bundle(world.good))
    assert [(one.metric, one.claimed) for one in verdict.claims] == [
        ("ndcg@10", 0.8),
        ("log_loss", 0.3),
    ]
    assert verdict.claims[0].came == verdict.labels[0].methods["challenger"]["ndcg@10"]
    text = msgspec.json.encode(verdict)
    assert len(text) < 20_000
    assert msgspec.json.decode(text, type=Verdict) == verdict


def test_progress_is_reported_for_every_step():
    steps = {}
    judge(
        world.frames(),
        CONFIG,
        bundle(world.good, 3),
        bundle(world.good),
        from_ms=FROM_MS,
        until_ms=UNTIL_MS,
        on_progress=steps.__setitem__,
    )
    assert list(steps) == ["reading the log", "scoring lists", "comparing"]
    assert steps["scoring lists"] == steps["comparing"] == 1.0
