"""Popularity within variants, and what ranks a variant that cannot be served as the config says."""

import math
from collections import defaultdict

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rank_servers import CONFIG, SCHEMA, a_bundle, a_spec
from test_ranker import folded_of

from liverank.bundle import store
from liverank.bundle.bundle import load_bundle
from liverank.bundle.files import write_bundle
from liverank.cli import main
from liverank.config import parse_config
from liverank.events.event import ExperimentChange, Interaction, Item, User
from liverank.events.log import Log
from liverank.features.hashing import hash_id
from liverank.features.state.user_fields import UserFields
from liverank.serving.experiments.arm_counts import ArmCounts
from liverank.serving.experiments.arm_table import SLOTS, ArmTable
from liverank.serving.experiments.arms import Arms, arm_of
from liverank.serving.experiments.assigner import Assigner
from liverank.serving.experiments.loading import load_variants
from liverank.serving.experiments.variants import Variants
from liverank.serving.http.messages import RankRequest
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.ranking.ranker import TimeLimit, View, make_ranker
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import SLICE_ROWS, FoldedLog

HOUR_MS = 3_600_000.0
SPEC = a_spec()
EXPERIMENTS = """
[experiments.e]
start = "2026-01-01T00:00:00Z"
ramp = 60
holdout = 0.1
variants = { a = { rank = "popular" }, b = { rank = "model" }, c = { rank = "bundle:none" } }
forced = { of-a = "a", of-b = "b", of-c = "c", of-w = "b" }
"""
SETTINGS = parse_config(CONFIG + EXPERIMENTS)
NOW_MS = 1_796_083_200_000
USERS = [f"user{number}" for number in range(300)]

additions = st.lists(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.floats(0, 900 * HOUR_MS)), max_size=30
)


@settings(max_examples=40)
@given(additions, st.integers(1, 5))
def test_a_table_holds_the_decayed_sums_whatever_the_order_and_the_batches(added, batch):
    table = ArmTable(half_life_ms=HOUR_MS)
    for start in range(0, len(added), batch):
        arms, items, at = zip(*added[start : start + batch], strict=True)
        table.add(np.array(arms, np.uint64), np.array(items, np.uint64), np.array(at))
    now_ms = 900 * HOUR_MS
    plain: defaultdict[tuple[int, int], float] = defaultdict(float)
    for arm, item, at_ms in added:
        plain[arm, item] += 2.0 ** ((at_ms - now_ms) / HOUR_MS)
    for arm in (1, 2, 3):
        read = table.read(arm, np.arange(1, 5, dtype=np.uint64), at_ms=now_ms)
        assert read.tolist() == pytest.approx([plain[arm, item] for item in (1, 2, 3, 4)], abs=1e-5)


def test_a_table_that_fills_lets_what_weighs_least_go():
    table, count = ArmTable(half_life_ms=HOUR_MS), SLOTS
    items = np.arange(1, count + 1, dtype=np.uint64)
    at_ms = np.arange(count) * (40 * HOUR_MS / count)
    table.add(np.ones(count, np.uint64), items, at_ms)
    newest = table.read(1, items[-1000:], at_ms=float(at_ms[-1]))
    assert newest == pytest.approx(2.0 ** ((at_ms[-1000:] - at_ms[-1]) / HOUR_MS))
    assert table.read(1, items[:1000], at_ms=float(at_ms[-1])).max() == 0


def test_readers_of_another_process_see_what_was_added():
    table = ArmTable(half_life_ms=math.inf)
    reader = ArmTable(half_life_ms=math.inf, fd=table.fd)
    one = np.array([5], np.uint64)
    assert reader.read(1, one, at_ms=0.0).tolist() == [0]
    table.add(np.array([1, 1], np.uint64), np.array([5, 5], np.uint64), np.array([0.0, 9e9]))
    assert reader.read(1, one, at_ms=9e9).tolist() == [2]


EMPTY = folded_of().state


def assigned(user: str, *changes: ExperimentChange):
    assigner = Assigner(SETTINGS.experiments, changes, EMPTY)
    return assigner.assign(user, "default", {}, at_ms=NOW_MS)


def test_an_arm_is_fed_by_its_own_users_and_by_those_of_no_arm():
    arms = Arms(SETTINGS.experiments, (), at_ms=NOW_MS)
    of = {name: arm_of("e", name) for name in "abc"}
    kinds = set()
    for user in [*USERS, "of-b"]:
        given_ = assigned(user)
        kinds.add(None if given_ is None else given_.label)
        fed = set(arms.fed_by(user, {}))
        assert fed == (set(of.values()) if given_ is None else {of[given_.variant]}), user
    assert kinds == {None, "e:a", "e:b", "e:c", "e:holdout", "e:b!"}
    shipped = ExperimentChange(
        time=NOW_MS - 5,
        experiment="e",
        action="decided",
        fields={"decision": "ship", "variant": "b"},
    )
    later = Arms(SETTINGS.experiments, [shipped], at_ms=NOW_MS)
    for user in USERS:
        assert later.fed_by(user, {}) == (of[assigned(user, shipped).variant],)


def joined(user: str, item: str, hours_ago: float) -> Interaction:
    at_ms = int(NOW_MS - hours_ago * HOUR_MS)
    return Interaction(time=at_ms, type="join", user=user, item=item)


def counts_of(counted: ArmCounts) -> list[float]:
    items = np.array([hash_id(f"room{number}") for number in range(3)], np.uint64)
    return [
        weight
        for name in "abc"
        for weight in counted.table.read(arm_of("e", name), items, at_ms=NOW_MS).tolist()
    ]


@pytest.mark.usefixtures("any_time")
def test_what_is_counted_while_the_log_grows_is_what_is_counted_from_it_anew(tmp_path):
    random = np.random.default_rng(0)
    events = [
        joined(str(random.choice(USERS)), f"room{random.integers(3)}", float(random.uniform(0, 8)))
        for _ in range(500)
    ]
    events.insert(250, Item(time=NOW_MS, item="room1", state="started"))
    plain: defaultdict[tuple[str, str], float] = defaultdict(float)
    for event in events:
        if isinstance(event, Interaction):
            given_ = assigned(event.user)
            for name in "abc" if given_ is None else given_.variant:
                plain[name, event.item] += 2.0 ** ((event.at_ms - NOW_MS) / HOUR_MS)
    expected = [plain[name, f"room{number}"] for name in "abc" for number in range(3)]
    with Log.open(tmp_path) as log:
        log.append(events[:100], arrived_ms=NOW_MS)
        counted = ArmCounts(log, SETTINGS, at_ms=NOW_MS)
        folded = FoldedLog(SPEC.layout, SETTINGS)
        log.append(events[100:400], arrived_ms=NOW_MS)
        while (piece := folded.read_next(log, max_rows=64)) is not None:
            folded.fold(piece, batch=SLICE_ROWS)
            counted.count_slice(piece)
        log.append(events[400:], arrived_ms=NOW_MS)
        counted.catch_up(log)
        assert counts_of(counted) == pytest.approx(expected)
        assert not counted.is_due(NOW_MS)
        log.compact()
        assert counts_of(ArmCounts(log, SETTINGS, at_ms=NOW_MS)) == pytest.approx(expected)
        stopped = ExperimentChange(time=NOW_MS, experiment="e", action="stopped")
        log.append([stopped], arrived_ms=NOW_MS)
        while (piece := folded.read_next(log, max_rows=64)) is not None:
            folded.fold(piece, batch=SLICE_ROWS)
            counted.count_slice(piece)
        assert counted.is_due(NOW_MS)
        assert counts_of(ArmCounts(log, SETTINGS, at_ms=NOW_MS)) == [0] * 9


def test_a_time_that_the_config_names_makes_it_due():
    text = EXPERIMENTS.replace("ramp", 'end = "2026-12-01T00:00:00Z"\nramp')
    arms = Arms(parse_config(CONFIG + text).experiments, (), at_ms=NOW_MS - 1)
    assert arms.hold_at(NOW_MS - 1)
    assert not arms.hold_at(NOW_MS)


@pytest.mark.usefixtures("any_time")
def test_where_the_unit_is_a_field_interactions_that_carry_it_count_for_its_arm(tmp_path):
    text = EXPERIMENTS.replace("ramp", 'unit = "fields.home"\nramp').replace("60", "100")
    config = parse_config(CONFIG + text)
    with_home = msgspec.structs.replace(joined("u1", "room0", 0), fields={"home": "of-a"})
    with Log.open(tmp_path) as log:
        log.append([with_home, joined("u1", "room0", 0)], arrived_ms=NOW_MS)
        log.compact()
        assert counts_of(ArmCounts(log, config, at_ms=NOW_MS)) == [1] + [0] * 8


def test_fields_of_users_are_read_as_state_has_them():
    fields = {"language": "category", "speaks": "keys", "age": "number"}
    schema = msgspec.structs.replace(SCHEMA, users=fields, levels={})
    spec = a_spec(schema)
    folded = folded_of(
        User(time=1, user="ana", fields={"language": "pt", "speaks": ["pt", "en"]}),
        User(time=1, user="bob", fields={"language": None}),
        layout=spec.layout,
    )
    wanted = [spec.layout.field("user", name) for name in ("language", "speaks")]
    reader = UserFields(folded.state, wanted)
    pt, en = hash_id("pt"), hash_id("en")
    assert [list(said) for said in reader.of("ana")] == [[pt], [pt, en]]
    for user in ("bob", "nobody"):
        assert [list(said) for said in reader.of(user)] == [[], []]
    with pytest.raises(ValueError, match="fields age are not of type category, key or keys"):
        UserFields(folded.state, [spec.layout.field("user", "age")])


@pytest.fixture(scope="module")
def world():
    rooms = [Item(time=place, item=f"room{place}", state="started") for place in range(6)]
    return folded_of(*rooms, Interaction(time=9, type="join", user="x", item="room1"))


def rank_as(user: str, world, *, level: FallbackLevel, variants=None, time_limit=None, **request):
    table = ArmTable(half_life_ms=HOUR_MS)
    arms = np.array([arm_of("e", "b"), arm_of("e", "c")], np.uint64)
    table.add(arms, np.full(2, hash_id("room3"), np.uint64), np.full(2, float(NOW_MS)))
    if variants is None:
        variants = load_variants(SETTINGS, (), world.state, table, root=None, before=None)
    live = LivePublisher(world.live).table
    view = View(world.state, live, make_ranker(level, world.layout), 1, variants)
    more = {} if time_limit is None else {"time_limit": time_limit}
    asked = RankRequest(user=user, items=[f"room{place}" for place in range(6)], **request)
    return variants.rank(view, Hashes(), asked, request_id="q", at_ms=NOW_MS, limit=9, **more)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    directory = tmp_path_factory.mktemp("bundles") / "one"
    write_bundle(directory, a_bundle(SPEC))
    return FallbackLevel(load_bundle(directory), None, None)


def test_a_variant_without_its_bundle_is_ranked_by_the_one_that_serves_and_logged(world, served):
    ranked = rank_as("of-c", world, level=served)
    assert (ranked.variant, ranked.model) == ("e:c!", served.bundle.version)
    assert ranked.fallback == "current"
    assert "experiment e cannot rank by bundle none: the server was started with" in ranked.reason


def test_a_variant_without_any_model_is_ranked_by_the_popularity_of_its_arm(world):
    level = FallbackLevel(None, "popular", "no bundle was promoted yet")
    ranked = rank_as("of-b", world, level=level)
    assert (ranked.variant, ranked.fallback, ranked.items[0]) == ("e:b!", "popular", "room3")
    assert ranked.reason == "no bundle was promoted yet"
    ranked = rank_as("of-a", world, level=level)
    assert (ranked.variant, ranked.fallback) == ("e:a!", "newest")
    assert "none of the candidates had a success among the users of this variant" in ranked.reason
    assert ranked.items[0] == "room5", "the newest"


def test_a_request_in_haste_is_ranked_by_the_popularity_of_its_arm(world, served):
    ranked = rank_as(
        "of-b", world, level=served, time_limit=TimeLimit("the deadline would have passed")
    )
    assert (ranked.fallback, ranked.reason) == ("popular", "the deadline would have passed")
    assert ranked.items[0] == "room3"


def test_a_bundle_that_reads_another_state_is_refused_and_told(tmp_path, world):
    other = a_spec(msgspec.structs.replace(SCHEMA, items={"host": "key"}, levels={}))
    version = store.add(tmp_path, a_bundle(other))
    text = EXPERIMENTS.replace("bundle:none", f"bundle:{version}")
    config, table = parse_config(CONFIG + text), ArmTable(half_life_ms=HOUR_MS)
    variants = load_variants(config, (), world.state, table, root=tmp_path, before=None)
    assert f"experiment e cannot rank by bundle {version}: it needs another layout of state" in (
        variants.trouble
    )
    unknown = load_variants(SETTINGS, (), world.state, table, root=tmp_path, before=None)
    assert "no bundle `none`; there are:" in unknown.trouble


def test_a_target_that_no_state_keeps_is_told_and_holds_nobody(world):
    text = EXPERIMENTS.replace("bundle:none", "random") + 'target = { country = ["GB"] }\n'
    config, table = parse_config(CONFIG + text), ArmTable(half_life_ms=HOUR_MS)
    variants = load_variants(config, (), world.state, table, root=None, before=None)
    assert "does not hold the user fields country" in variants.trouble
    assert isinstance(variants, Variants)
    assert variants.assigner.assign("user1", "default", {}, at_ms=NOW_MS) is None


def test_an_experiment_does_not_start_with_a_bundle_that_reads_another_state(tmp_path, capsys):
    root, file = tmp_path / ".liverank", tmp_path / "liverank.toml"
    schema = msgspec.structs.replace(SCHEMA, items={"host": "key"}, levels={})
    served, other = store.add(root, a_bundle(SPEC)), store.add(root, a_bundle(a_spec(schema)))
    store.promote(root, served)
    without_start = EXPERIMENTS.replace('start = "2026-01-01T00:00:00Z"', "")
    words = ["experiment", "start", "e", "--config", str(file)]
    file.write_text(CONFIG + without_start.replace("bundle:none", f"bundle:{other}"))
    assert main(words) == 1
    assert f"bundle {other} needs another layout of state than the served bundle {served}" in (
        capsys.readouterr().err
    )
    file.write_text(CONFIG + without_start.replace("bundle:none", f"bundle:{served}"))
    assert main(words) == 0
