"""The differences of two bundles: none of a bundle with itself, all of one with its opposite."""

import functools
from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from liverank.automl.report.formats import FORMAT
from liverank.autopilot.gather import look_at
from liverank.autopilot.registry.diff import diff_bundles, facts_of, figures_of
from liverank.autopilot.registry.rank_diff import compare_ranks, kendall_tau
from liverank.bundle.bundle import load_bundle, pack_bundle
from liverank.bundle.files import write_bundle
from liverank.bundle.lineage import Lineage
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term

START_MS, MINUTE_MS = 1_795_392_000_000, 60_000
CONFIG = parse_config('[label]\ninteraction = "join"\nwithin = "10m"\n')
LINE = Lineage(
    first_seq=1,
    last_seq=9,
    trained_until_ms=5,
    lists_from_ms=1,
    lists_to_ms=2,
    lists=3,
    rows=4,
    config='{"training":{"seed":0,"variants":["a"]},"path":"x"}',
    config_sha256="aa",
)


@functools.cache
def history():
    random = np.random.default_rng(3)
    rooms = [f"r{number}" for number in range(9)]
    events = [
        Item(time=START_MS + number * 1000, item=room, state="started")
        for number, room in enumerate(rooms)
    ]
    for minute in range(1, 60):
        at_ms, user = START_MS + minute * MINUTE_MS, f"u{minute % 5}"
        items = random.permutation(rooms)[: 1 + minute % 8].tolist()
        events.append(Ranking(time=at_ms, id=f"q{minute}", user=user, items=items))
        events.append(
            Interaction(time=at_ms + 500, type="join", user=user, item=str(random.choice(rooms)))
        )
    return sorted(events, key=lambda event: event.time)


def frames():
    frame = frame_of(history(), seqs=range(1, len(history()) + 1), arrived_ms=START_MS * 2)
    return frame.iter_slices(50)


@functools.cache
def spec():
    return derive_spec(look_at(frames, CONFIG), CONFIG)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Makes a bundle of a linear model of all features, or of some."""

    def made(sign=1.0, names=None, report=None, lineage=LINE):
        own = spec() if names is None else spec().keep(set(names))
        width = len(own.names)
        generator = np.random.default_rng(1)
        part = Linear(
            low=np.full(width, -50.0),
            high=np.full(width, 50.0),
            logarithmic=np.zeros(width, bool),
            mean=np.zeros(width),
            weight=sign * 1e-3 * generator.normal(size=width),
            missing_weight=sign * 1e-3 * generator.normal(size=width),
            intercept=np.zeros(1),
        )
        model = Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
        packed = pack_bundle(
            spec=own,
            heads={"join": model},
            report=report or FeatureSpec(own.layout, ()),
            golden=np.zeros((1, width), np.float32),
            created_ms=1,
            lineage=lineage,
        )
        directory = tmp_path_factory.mktemp("bundles") / packed.manifest.version
        write_bundle(directory, packed)
        return load_bundle(directory)

    return made


def test_a_bundle_does_not_differ_from_itself(bundle):
    one = bundle()
    found = diff_bundles(one, one, frames, CONFIG)
    assert (found.a, found.b) == (one.version, one.version)
    assert (found.only_a, found.only_b, found.moved) == ((), (), ())
    assert all(fact.a == fact.b for fact in (*found.lineage, *found.figures))
    assert {"rows", "trained_until_ms", "parent"} <= {fact.name for fact in found.lineage}
    ranks = found.ranks
    assert (ranks.same_first, ranks.overlap, ranks.tau) == (1.0, 1.0, 1.0)
    assert ranks.most_different == ()
    assert ranks.lists == len([m for m in range(1, 60) if 1 + m % 8 >= 2])


def test_the_opposite_model_ranks_in_the_opposite_order(bundle):
    found = diff_bundles(bundle(), bundle(sign=-1.0), frames, CONFIG).ranks
    assert found.tau == pytest.approx(-1.0)
    assert found.same_first == 0.0
    worst = found.most_different[0]
    assert worst.tau == pytest.approx(-1.0)
    [ranking] = [e for e in history() if isinstance(e, Ranking) and e.id == worst.ranking]
    assert (worst.user, worst.at_ms, worst.items) == (
        ranking.user,
        ranking.at_ms,
        len(ranking.items),
    )
    assert set(worst.a) <= set(ranking.items)
    assert worst.a != worst.b


def test_only_the_newest_rankings_are_ranked(bundle):
    found = diff_bundles(bundle(), bundle(sign=-1.0), frames, CONFIG, lists=3).ranks
    assert found.lists == 3
    assert {one.ranking for one in found.most_different} == {"q57", "q58", "q59"}
    with pytest.raises(DatasetError, match="expected 1 or more"):
        diff_bundles(bundle(), bundle(), frames, CONFIG, lists=0)


def test_features_of_one_bundle_alone_and_moved_importances_are_named(bundle):
    names = spec().names
    before = Report(importance={names[0]: 0.6, names[1]: 0.4})
    after = Report(importance={names[0]: 0.5, names[1]: 0.2, names[2]: 0.3})
    found = diff_bundles(
        bundle(names=names[:2], report=before), bundle(names=names[1:3], report=after), None, CONFIG
    )
    assert found.ranks is None
    assert (set(found.only_a), set(found.only_b)) == ({names[0]}, {names[2]})
    assert [(one.name, one.a, one.b) for one in found.moved] == [(names[1], 0.4, 0.2)]


class Report(msgspec.Struct):
    importance: dict[str, float]
    format: int = FORMAT


def test_the_lineages_are_compared_fact_by_fact(bundle):
    other = msgspec.structs.replace(
        LINE,
        parent="b" * 16,
        rows=40,
        config='{"training":{"seed":7,"variants":["a"]},"path":"x"}',
        config_sha256="bb",
    )
    found = diff_bundles(bundle(), bundle(lineage=other), None, CONFIG).lineage
    assert {one.name: (one.a, one.b) for one in found if one.a != one.b} == {
        "parent": (None, "b" * 16),
        "rows": (4, 40),
        "config.training.seed": (0, 7),
        "config_sha256": ("aa", "bb"),
    }
    unknown = diff_bundles(bundle(lineage=None), bundle(), None, CONFIG).lineage
    assert [(one.a, one.b) for one in unknown if one.name == "rows"] == [(None, 4)]
    assert not [one for one in unknown if one.name.startswith("config.")]
    assert facts_of(LINE)["config.training.variants"] == '["a"]'


def test_figures_are_those_of_the_reports():
    report = {
        "format": FORMAT,
        "data": {"rows": 9, "positives": 2},
        "held_out": {"log_loss": 0.5},
        "against": {
            "best_heuristic": "popular_1h",
            "methods": {"model": {"ndcg@10": 0.8}, "popular_1h": {"ndcg@10": 0.7}},
        },
    }
    figures = figures_of(report)
    assert figures["rows"] == 9
    assert figures["log_loss"] == 0.5
    assert (figures["model ndcg@10"], figures["heuristic ndcg@10"]) == (0.8, 0.7)


@settings(max_examples=100, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=12),
)
def test_kendalls_tau_is_that_of_scipy(pairs):
    a, b = np.array(pairs, np.float64).T
    found, known = kendall_tau(a, b), kendalltau(a, b).statistic
    if np.isnan(known):
        assert found == (1.0 if len(set(a)) == len(set(b)) == 1 else 0.0)
    else:
        assert found == pytest.approx(known)


@settings(max_examples=50, deadline=None)
@given(
    lists=st.lists(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=14), max_size=5
    )
)
def test_shares_of_alike_lists_equal_plain_counts(lists):
    scores = [pair for one in lists for pair in one]
    a, b = np.array(scores, np.float64).reshape(-1, 2).T
    offsets = np.cumsum([0, *map(len, lists)])
    names = SimpleNamespace(
        ranking=lambda number: {"id": number, "user": "u", "time": 5}, item=lambda item: f"i{item}"
    )
    found = compare_ranks(a, b, offsets, np.arange(len(a)).astype(np.uint64), names)
    told = [one for one in lists if len(one) >= 2]
    if not told:
        assert found is None
        return
    same, overlap = [], []
    for one in told:
        orders = [
            sorted(range(len(one)), key=lambda item, side=side: (-one[item][side], item))
            for side in (0, 1)
        ]
        same.append(orders[0][0] == orders[1][0])
        tops = [set(order[:10]) for order in orders]
        overlap.append(len(tops[0] & tops[1]) / min(10, len(one)))
    assert found.lists == len(told)
    assert found.same_first == pytest.approx(np.mean(same))
    assert found.overlap == pytest.approx(np.mean(overlap))
