"""Rankings that do not name all they were cut from are never compared with a part of it."""

import pytest

from liverank.autopilot.backtest import run_backtest
from liverank.autopilot.complete_lists import LEAST_SHARE
from liverank.autopilot.gather import gather
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Ranking
from liverank.events.frame import frame_of

MINUTE_MS = 60_000
START_MS = 1_795_392_000_000
LABEL = '[label]\ninteraction = "join"\nwithin = "10m"\n'
CONFIG = parse_config(LABEL)
NOTHING_COMPARED = '[features]\noff = ["*_above_mean", "*_rank", "candidates"]\n'
ITEMS = [f"r{number}" for number in range(6)]


def served(minute, named_all):
    """A list of two, cut from six, that names all of them or only says how many they were."""
    return Ranking(
        time=START_MS + minute * MINUTE_MS,
        id=f"q{minute}",
        user=f"u{minute % 7}",
        items=[ITEMS[minute % 6], ITEMS[(minute + 1) % 6]],
        candidates=ITEMS if named_all else None,
        candidate_count=None if named_all else len(ITEMS),
        cut=0,
    )


def join(minute):
    return Interaction(
        time=START_MS + minute * MINUTE_MS + 1, type="join", user=f"u{minute % 7}",
        item=ITEMS[(minute + 1) % 6], ranking=f"q{minute}",
    )  # fmt: skip


def log_of(whole, n=100):
    """Frames of n lists, a join for each, and a last event when all labels are known."""
    events = [event for k in range(n) for event in (served(k, whole(k)), join(k))]
    events.append(join(n + 20))
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return lambda: frame.iter_slices(64)


def of_whole_list(spec):
    return [
        feature.name
        for feature in spec.features
        if feature.kind == "in_list" or feature.name == "candidates"
    ]


def test_lists_that_do_not_name_all_are_left_out_counted_and_told_with_the_cure():
    found = gather(log_of(lambda k: k % 4 != 0), CONFIG)

    assert len(found.lists) == 75
    assert (found.lists.sizes == len(ITEMS)).all()
    assert of_whole_list(found.spec)
    [note] = found.lists.notes
    assert note.startswith("25 of 100 rankings do not name all the candidates")
    assert "raise `serving.log_candidates` (now 0.05)" in note


def test_where_too_few_would_be_left_all_lists_stay_and_comparisons_go_instead():
    found = gather(log_of(lambda k: k % 4 == 0), CONFIG)

    assert len(found.lists) == 100
    assert of_whole_list(found.spec) == []
    assert len(found.spec.features) > 5
    [note] = found.lists.notes
    assert note.startswith("no feature compares candidates within their list, as 75 of 100 ")
    assert "raise `serving.log_candidates` (now 0.05)" in note


@pytest.mark.parametrize(("share", "keeps"), [(LEAST_SHARE, True), (LEAST_SHARE - 0.01, False)])
def test_so_many_of_the_rows_are_enough_and_no_fewer(share, keeps):
    found = gather(log_of(lambda k: k < share * 100), CONFIG)
    assert bool(of_whole_list(found.spec)) == keeps


def test_fewer_of_the_lists_are_enough_where_they_nearly_fill_what_is_learned_from():
    config = parse_config(LABEL + "[training]\nmax_rows = 100\n")
    found = gather(log_of(lambda k: k % 5 < 2, n=240), config)

    # The newest 400 scored items are of 112 lists: 224 rows, 88 of them of whole lists.
    assert of_whole_list(found.spec)
    assert 80 < found.lists.seen.sum() <= 100
    assert (found.lists.sizes == len(ITEMS)).all()


def test_whole_lists_that_drew_no_success_are_not_enough():
    lists = [served(k, named_all=k >= 30) for k in range(100)]
    joins = [join(k) for k in range(30)] + [join(150)]
    events = sorted([*lists, *joins], key=lambda event: event.at_ms)
    frame = frame_of(events, seqs=range(1, len(events) + 1))

    found = gather(lambda: [frame], CONFIG)
    assert (len(found.lists), of_whole_list(found.spec)) == (100, [])


def test_without_features_that_compare_nothing_is_left_out():
    found = gather(log_of(lambda k: k % 4 == 0), parse_config(LABEL + NOTHING_COMPARED))
    assert (len(found.lists), found.lists.notes) == (100, ())


def test_lists_of_logs_that_do_not_say_how_many_were_scored_are_taken_as_whole():
    def without_counts():
        for frame in log_of(lambda k: k % 2 == 0)():
            yield frame.with_columns(candidate_count=None)

    found = gather(without_counts, CONFIG)
    assert (len(found.lists), found.lists.notes) == (100, ())


def test_lists_of_the_test_period_that_do_not_name_all_are_left_out_and_told():
    from_ms = START_MS + 70 * MINUTE_MS
    found = gather(log_of(lambda k: k < 70 or k % 2 == 0), CONFIG, test_from_ms=from_ms)

    assert len(found.tests) == 15
    assert (found.tests.sizes == len(ITEMS)).all()
    [note] = found.tests.notes
    assert note.startswith("15 of 30 rankings of the test period do not name all the candidates")
    assert "`serving.log_candidates`" in note


def test_a_test_period_without_one_whole_list_is_a_clear_error():
    with pytest.raises(DatasetError, match=r"none of the 30 .*raise `serving.log_candidates`"):
        gather(log_of(lambda k: k < 70), CONFIG, test_from_ms=START_MS + 70 * MINUTE_MS)


def test_a_backtest_says_what_it_left_out_of_both_periods():
    config = parse_config(LABEL + '[training]\nbudget = "2s"\n')
    frames = log_of(lambda k: k % 5 != 0, n=300)
    found = run_backtest(frames, config, test_from_ms=START_MS + 210 * MINUTE_MS)

    told = [note for note in found.notes if "do not name all" in note]
    assert [note.split(" rankings")[0] for note in told] == ["40 of 200", "18 of 90"]
    assert found.methods["model"]["lists"] == 72
