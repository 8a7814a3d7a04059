"""A bundle is withdrawn, so that none serves; a promotion or a rollback undoes it."""

import pytest
from test_store import a_bundle

from liverank.bundle import store
from liverank.errors import BundleError
from liverank.serving.ranking.fallback import choose_level


def two_promoted(root):
    versions = [store.add(root, a_bundle(number)) for number in (1, 2)]
    for version in versions:
        store.promote(root, version)
    return versions


def served(root):
    services = {one.version: one.service for one in store.kept(root)}
    return store.current(root), store.previous(root), store.withdrawn(root), services


def test_a_withdrawn_bundle_does_not_serve_and_popularity_ranks_with_the_reason(tmp_path):
    first, second = two_promoted(tmp_path)
    assert store.withdraw(tmp_path, "it did harm") == second
    assert served(tmp_path) == (None, second, "it did harm", {first: None, second: "previous"})
    level = choose_level(tmp_path)
    assert (level.bundle, level.fallback, level.promoted) == (None, "popular", None)
    assert level.reason == f"bundle {second} was withdrawn: it did harm"
    assert store.withdraw(tmp_path, "it did more harm") == second
    assert choose_level(tmp_path).withdrawn == "it did more harm"


def test_a_rollback_undoes_a_withdrawal_and_another_goes_one_further_back(tmp_path):
    first, second = two_promoted(tmp_path)
    store.withdraw(tmp_path, "it did harm")
    assert store.roll_back(tmp_path) == second
    assert served(tmp_path) == (second, first, None, {first: "previous", second: "current"})
    assert store.roll_back(tmp_path) == first
    assert store.previous(tmp_path) is None


@pytest.mark.parametrize("again", [0, 1])
def test_a_promotion_undoes_a_withdrawal(tmp_path, again):
    versions = two_promoted(tmp_path)
    store.withdraw(tmp_path, "it did harm")
    store.promote(tmp_path, versions[again])
    assert (store.current(tmp_path), store.withdrawn(tmp_path)) == (versions[again], None)
    store.roll_back(tmp_path)
    assert store.current(tmp_path) == versions[1 - again]


def test_pruning_keeps_the_withdrawn_bundle_and_that_none_serves(tmp_path):
    _, second = two_promoted(tmp_path)
    store.withdraw(tmp_path, "it did harm")
    for number in range(3, 6):
        store.add(tmp_path, a_bundle(number))
    store.remove(tmp_path, [one.version for one in store.kept(tmp_path)])
    assert served(tmp_path)[:3] == (None, second, "it did harm")
    assert store.roll_back(tmp_path) == second


def test_there_is_nothing_to_withdraw_before_the_first_promotion(tmp_path):
    with pytest.raises(BundleError, match="no bundle was promoted"):
        store.withdraw(tmp_path, "it did harm")
    assert store.withdrawn(tmp_path) is None


def test_a_pointer_of_before_there_were_withdrawals_is_read(tmp_path):
    version = store.add(tmp_path, a_bundle(1))
    (tmp_path / "bundles" / "current.json").write_text(f'{{"promoted":["{version}"]}}')
    assert served(tmp_path) == (version, None, None, {version: "current"})
