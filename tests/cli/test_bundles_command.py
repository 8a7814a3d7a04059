"""The models of a deployment from the command line: listed, promoted, taken back, pruned."""

import json
import shutil

import numpy as np
import pytest

from liverank.bundle import store
from liverank.bundle.bundle import pack_bundle
from liverank.bundle.files import write_bundle
from liverank.cli import main
from liverank.config import parse_config
from liverank.events.event import Ranking
from liverank.events.log import Log
from liverank.events.schema.schema import Schema
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.linear.model import Linear
from liverank.models.predictor import Predictor, Term

CONFIG = '[label]\ninteraction = "join"\n'
SPEC = derive_spec(Schema(interactions=("join",)), parse_config(CONFIG))


def a_bundle(created_ms):
    width = len(SPEC.names)
    part = Linear(
        low=np.zeros(width),
        high=np.ones(width),
        logarithmic=np.zeros(width, bool),
        mean=np.zeros(width),
        weight=np.ones(width),
        missing_weight=np.zeros(width),
        intercept=np.zeros(1),
    )
    model = Predictor((Term(part, 0, 1.0),), Calibrator.none(1), "sigmoid", ("no", "yes"))
    return pack_bundle(
        spec=SPEC,
        heads={"join": model},
        report=FeatureSpec(SPEC.layout, ()),
        golden=np.zeros((1, width), np.float32),
        created_ms=created_ms,
    )


@pytest.fixture
def site(tmp_path):
    (tmp_path / "liverank.toml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def run(site, capsys):
    def run(*words):
        code = main([*map(str, words), "--config", str(site / "liverank.toml"), "--json"])
        heard = capsys.readouterr()
        return code, json.loads(heard.out), heard.err

    return run


def keep(site, *days):
    return [store.add(site / ".liverank", a_bundle(86_400_000 * day)) for day in days]


def serving(run):
    _, told, _ = run("bundles")
    return {one["serves"]: one["version"] for one in told["bundles"] if one["serves"]}


def test_bundles_are_promoted_and_taken_back_and_listed_with_what_serves(site, run):
    first, second = keep(site, 1, 2)
    assert serving(run) == {}
    assert run("promote", first)[1] == {"ok": True, "promoted": first, "before": None}
    assert run("promote", second)[1] == {"ok": True, "promoted": second, "before": first}
    _, told, words = run("bundles")
    assert [one["version"] for one in told["bundles"]] == [second, first], "the newest first"
    assert serving(run) == {"current": second, "previous": first}
    assert told["bundles"][0]["trained"] == "1970-01-03T00:00:00+00:00"
    assert second in words
    assert run("rollback")[1] == {"ok": True, "promoted": first, "before": second}
    assert serving(run) == {"current": first}
    code, told, _ = run("rollback")
    assert code == 1
    assert "`liverank promote`" in told["error"]


def test_a_broken_bundle_is_shown_and_refused_and_what_serves_stays(site, run):
    good, bad = keep(site, 1, 2)
    run("promote", good)
    model = site / f".liverank/bundles/{bad}/model.npz"
    model.write_bytes(model.read_bytes()[:-1])
    code, told, _ = run("promote", bad)
    assert code == 1
    assert "model.npz: changed since it was written" in told["error"]
    assert serving(run) == {"current": good}
    assert "changed" in next(
        one["problem"] for one in run("bundles")[1]["bundles"] if one["version"] == bad
    )


def test_a_bundle_from_elsewhere_is_copied_and_mends_a_broken_one(site, run, tmp_path):
    elsewhere = tmp_path / "elsewhere" / "given"
    elsewhere.parent.mkdir()
    packed = a_bundle(5)
    write_bundle(elsewhere, packed)
    version = packed.manifest.version
    assert run("promote", elsewhere)[1]["promoted"] == version
    (site / f".liverank/bundles/{version}/model.npz").write_bytes(b"broken")
    assert run("promote", elsewhere)[0] == 0
    shutil.rmtree(elsewhere)
    assert store.load(site / ".liverank", version).version == version
    code, told, _ = run("promote", elsewhere)
    assert code == 1
    assert "no such directory" in told["error"]
    assert f"there are: {version}" in run("promote", "0123456789abcdef")[1]["error"]


def test_a_broken_pointer_is_told_by_all_and_mended_by_promoting(site, run):
    (version,) = keep(site, 1)
    run("promote", version)
    (site / ".liverank/bundles/current.json").write_text("{garbage")
    for words in (("bundles",), ("rollback",), ("bundles", "prune")):
        code, told, _ = run(*words)
        assert code == 1
        assert "choose one of `liverank bundles`" in told["error"]
    assert run("promote", version)[0] == 0
    assert serving(run) == {"current": version}


def test_pruning_keeps_the_newest_and_those_in_service_and_going_back_still_works(site, run):
    versions = keep(site, *range(1, 8))
    for version in (versions[2], versions[0], versions[1]):
        run("promote", version)
    _, told, _ = run("bundles", "prune", "--keep", 2)
    stay = {versions[0], versions[1], versions[5], versions[6]}
    assert set(told["removed"]) == set(versions) - stay
    assert set(told["kept"]) == stay
    assert {path.name for path in (site / ".liverank/bundles").iterdir()} == stay | {"current.json"}
    assert run("rollback")[1]["promoted"] == versions[0]
    assert run("rollback")[0] == 1, "what was before it is gone, and said to be"
    assert "expected 0 or more" in run("bundles", "prune", "--keep", "-1")[1]["error"]


def test_two_bundles_are_compared_and_words_stand_for_those_in_service(site, run):
    first, second = keep(site, 1, 2)
    code, told, _ = run("bundles", "diff", first)
    assert code == 1
    assert "there is no current bundle" in told["error"]
    for version in (first, second):
        run("promote", version)
    _, told, words = run("bundles", "diff", "previous")
    assert (told["a"], told["b"], told["ranks"]) == (first, second, None)
    assert "no list of two items" in words
    assert "are the same bundle" in run("bundles", "diff", second, second)[2]


def test_the_newest_lists_of_the_log_are_ranked_by_both(site, run):
    first, second = keep(site, 1, 2)
    with Log.open(site / ".liverank" / "log") as log:
        rankings = [
            Ranking(time=number, id=f"q{number}", user="u", items=["a", "b", "c"])
            for number in range(20)
        ]
        log.append(rankings, arrived_ms=50)
    _, told, words = run("bundles", "diff", first, second, "--lists", "7")
    assert (told["ranks"]["lists"], told["ranks"]["same_first"]) == (7, 1.0)
    assert "On 7 lists: 100.0% have the same first item" in words


def test_a_bundle_goes_to_another_deployment_as_a_file(site, run, tmp_path):
    (version,) = keep(site, 1)
    file = tmp_path / "bundle.tar"
    told = run("bundles", "export", version, file)[1]
    assert told == {
        "ok": True,
        "bundle": version,
        "file": str(file),
        "bytes": file.stat().st_size,
    }
    shutil.rmtree(site / ".liverank")
    assert run("bundles", "import", file)[1] == {"ok": True, "bundle": version}
    assert run("promote", version)[0] == 0
    assert "ends in .tar" in run("bundles", "export", version, tmp_path / "b.zip")[1]["error"]
    file.write_bytes(b"no tar")
    assert "not a whole tar file" in run("bundles", "import", file)[1]["error"]


def test_without_a_subcommand_bundles_are_listed_wherever_the_config_is_named(site, capsys):
    (version,) = keep(site, 1)
    config = str(site / "liverank.toml")
    for words in (
        ("bundles", "--config", config, "--json"),
        ("bundles", "list", "--config", config, "--json"),
        ("bundles", "--json", "--config", config, "list"),
    ):
        assert main(list(words)) == 0
        told = json.loads(capsys.readouterr().out)
        assert [one["version"] for one in told["bundles"]] == [version]
