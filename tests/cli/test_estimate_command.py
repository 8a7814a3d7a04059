"""``liverank experiment estimate`` on a small deployment whose truth is known by design."""

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec import Struct

from liverank.autopilot.gather import look_at
from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.cli import main
from liverank.config import load_config
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.log import Log
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term
from liverank.simulator.simulate import write_events

START_MS = 1_795_392_000_000
MINUTE_MS = 60_000
ITEMS, PLACES, PEOPLE, LISTS = 8, 4, 300, 4_000
CHANCE = np.array([0.05, 0.3, 0.1, 0.5, 0.2, 0.02, 0.4, 0.15])
"""With which a person joins each item that is seen, and with which each place is seen:"""
SEEN = np.array([1.0, 0.7, 0.5, 0.4])
CONFIG = '[label]\ninteraction = "join"\nwithin = "10m"\n[labels.click]\ninteraction = "click"\n'


class Report(Struct):
    note: str = "made by hand"


def world(explored=0.6, chances=None, surface="default"):
    """Lists of 4 of 8 items, a minute apart: some in random order with propensities, some by id."""
    rng = np.random.default_rng(11)
    events = [Item(time=START_MS, item=f"i{n}", state="started") for n in range(ITEMS)]
    for n in range(LISTS):
        at_ms = START_MS + (n + 1) * MINUTE_MS
        is_explored = bool(rng.random() < explored)
        order = rng.permutation(ITEMS) if is_explored else np.arange(ITEMS)
        user, items = f"u{rng.integers(PEOPLE)}", [f"i{item}" for item in order]
        events.append(
            Ranking(
                time=at_ms,
                id=f"q{n}",
                user=user,
                surface=surface,
                items=items[:PLACES],
                candidates=items,
                propensities=(chances or [1 / ITEMS] * PLACES) if is_explored else None,
            )
        )
        joins = rng.random(PLACES) < CHANCE[order[:PLACES]] * SEEN
        events += [
            Interaction(time=at_ms + 500, type=kind, user=user, item=items[place], ranking=f"q{n}")
            for place in np.flatnonzero(joins)
            for kind in ("click", "join")
        ]
    return events


def true_value(events, half_life_ms):
    """What ranking by decayed joins would bring in a list, by plain counting and true chances."""
    counts, last_ms, found = np.zeros(ITEMS), START_MS, []
    for event in events:
        if isinstance(event, Ranking) and event.propensities is not None:
            decayed = counts * 0.5 ** ((event.time - last_ms) / half_life_ms)
            best = np.argsort(-decayed, kind="stable")[:PLACES]
            found.append((CHANCE[best] * SEEN).sum())
        elif isinstance(event, Interaction) and event.type == "join":
            counts *= 0.5 ** ((event.time - last_ms) / half_life_ms)
            counts[int(event.item[1:])] += 1
            last_ms = event.time
    return np.mean(found)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A deployment whose log holds the world, and the world's events."""
    folder = tmp_path_factory.mktemp("site")
    events = world()
    return deployment(folder, events), events


def deployment(folder: Path, events, config=CONFIG) -> Path:
    (folder / "liverank.toml").write_text(config)
    write_events(folder / "events.jsonl", events)
    assert (
        main(["ingest", str(folder / "events.jsonl"), "--config", str(folder / "liverank.toml")])
        == 0
    )
    return folder / "liverank.toml"


def run(capsys, config, *arguments):
    """The exit code and what was printed."""
    capsys.readouterr()
    code = main(["experiment", "estimate", "--config", str(config), *arguments])
    told = capsys.readouterr()
    return code, told.out if code == 0 else told.err


def estimated(capsys, config, *arguments):
    code, told = run(capsys, config, "--json", *arguments)
    assert code == 0, told
    return json.loads(told.splitlines()[-1])


def test_popularity_brings_what_counting_by_hand_says(site, capsys):
    config, events = site
    found = estimated(capsys, config, "--policy", "popular")
    assert (found["label"], found["positions"]) == ("join", PLACES)
    truth = true_value(events, 60 * MINUTE_MS)
    for name in ("dr", "snips", "ips"):
        low, high = found["estimates"][name]["ci"]
        assert low < truth < high, (name, truth)
        assert high - low < 0.5 * truth
    dr, ips = found["estimates"]["dr"], found["estimates"]["ips"]
    assert dr["ci"][1] - dr["ci"][0] < ips["ci"][1] - ips["ci"][0]
    assert ips["bound"][0] < truth < ips["bound"][1]
    served = found["estimates"]["logged"]
    assert served["per_list"] == pytest.approx(CHANCE.mean() * SEEN.sum(), rel=0.05)
    assert served["per_item"] == pytest.approx(served["per_list"] / PLACES)
    assert found["lists"] == found["rankings"]["used"]


def test_both_forms_say_the_same_of_the_first_place(site, capsys):
    forms = [
        estimated(capsys, site[0], "--policy", "popular", "--positions", "1", "--form", form)
        for form in ("item_position", "cascade")
    ]
    assert forms[0]["estimates"]["ips"] == forms[1]["estimates"]["ips"]


def test_random_order_brings_what_the_random_lists_brought(site, capsys):
    found = estimated(capsys, site[0], "--policy", "random", "--label", "click")
    served = found["estimates"]["logged"]["per_list"]
    assert found["estimates"]["ips"]["per_list"] == pytest.approx(served)
    assert found["estimates"]["snips"]["per_list"] == pytest.approx(served)
    assert found["effective_lists"] == pytest.approx(found["lists"])


def test_a_bundle_is_estimated_by_its_own_scores_and_against_popularity(site, capsys):
    config, events = site
    policy = f"bundle:{add_bundle(config)}"
    found = estimated(capsys, config, "--policy", policy, "--against", "popular")
    assert (found["policy"], found["against"]["policy"]) == (policy, "popular")
    worst = (np.sort(CHANCE)[:PLACES] * SEEN).sum()
    low, high = found["estimates"]["dr"]["ci"]
    assert low < worst < high
    gap = worst - true_value(events, 60 * MINUTE_MS)
    low, high = found["difference"]["ci"]
    assert low < gap < high < 0


def test_the_table_tells_the_estimates_and_what_they_stand_on(site, capsys):
    code, shown = run(capsys, site[0], "--policy", "popular", "--against", "random")
    assert code == 0
    for part in (
        "popular would bring about 1.024 `join` a list in the first 4 positions (95 %: ",
        "doubly robust",
        "as the lists were served",
        "lists of 300 people; at the position with the least support they count as",
        "popular less random: +",
        "Assumed: what an item brings depends on itself and its position",
    ):
        assert part in " ".join(shown.split()), part


def add_bundle(config):
    """A bundle that ranks what was joined most in all last, so that its order is soon fixed."""
    with Log.open(config.parent / ".liverank" / "log") as log:
        spec = derive_spec(look_at(log.read, load_config(config)), load_config(config))
    (feature,) = [one for one in spec.features if one.name == "item_join_forever"]
    model = Linear(
        low=np.array([0.0]),
        high=np.array([1e9]),
        logarithmic=np.zeros(1, bool),
        mean=np.zeros(1),
        weight=np.array([-0.01]),
        missing_weight=np.zeros(1),
        intercept=np.array([0.0]),
    )
    head = Predictor((Term(model, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    packed = pack_bundle(
        spec=FeatureSpec(spec.layout, (feature,)),
        heads={"join": head},
        report=Report(),
        golden=np.array([[1.0], [5.0]], np.float32),
        created_ms=1000,
    )
    return store.add(config.parent / ".liverank", packed)


def test_a_later_start_leaves_earlier_lists_out(site, capsys):
    config, events = site
    since = START_MS + 2_000 * MINUTE_MS
    found = estimated(capsys, config, "--policy", "popular", "--since", str(since))
    explored = [e for e in events if isinstance(e, Ranking) and e.propensities and e.time >= since]
    counts = found["rankings"]
    assert counts["with_propensities"] == len(explored)
    assert counts["used"] + counts["label_still_open"] == len(explored)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "popular", "--surface", "elsewhere"], "on the surface `elsewhere` has `prop"),
        (
            ["--policy", "popular", "--form", "cascade", "--positions", "4"],
            "too little support: at pos",
        ),
        (["--policy", "popular", "--label", "stay"], "there is no label `stay`; it names join, cl"),
        (["--policy", "model"], "no bundle is in service; `liverank train` makes one"),
        (["--policy", "bundle:abc"], "no bundle `abc`"),
    ],
)
def test_what_cannot_be_estimated_is_refused_with_what_to_do(site, capsys, arguments, message):
    code, said = run(capsys, site[0], *arguments)
    assert code == 1
    assert message in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize("policy", ["best", "bundle:", "interleave:model,popular"])
def test_a_policy_of_another_kind_is_bad_usage(site, capsys, policy):
    with pytest.raises(SystemExit) as ended:
        main(["experiment", "estimate", "--policy", policy, "--config", str(site[0])])
    assert ended.value.code == 2
    assert "expected bundle:VERSION, model, popular or random" in capsys.readouterr().err


def test_a_log_without_propensities_is_refused_with_how_to_get_them(tmp_path, capsys):
    config = deployment(tmp_path, world(explored=0.0)[:2_000])
    code, said = run(capsys, config, "--policy", "popular")
    assert code == 1
    assert "rankings of the log has `propensities`, so other lists" in said
    assert 'a variant with `rank = "random"` in an experiment' in said


def test_a_log_of_one_certain_policy_is_refused(tmp_path, capsys):
    config = deployment(tmp_path, world(chances=[1.0] * PLACES)[:3_000])
    code, said = run(capsys, config, "--policy", "popular")
    assert code == 1
    assert "every propensity is 1, so the logging policy explored nothing" in said
