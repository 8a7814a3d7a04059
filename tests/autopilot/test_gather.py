"""What training takes from a log: what was known by then, the newest of it, or a clear error."""

import msgspec
import numpy as np
import pytest

from liverank.autopilot.gather import gather as gather_all
from liverank.autopilot.gather import lists_to_test, lists_to_train, look_at
from liverank.config import parse_config
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.layout.derived_layout import layout_of

MINUTE_MS = 60_000
START_MS = 1_795_392_000_000
LABEL = '[label]\ninteraction = "join"\nwithin = "10m"\n'
CONFIG = parse_config(LABEL)
IMPLIED = parse_config(LABEL + '[candidates]\ninteraction = "join"\nwithin = "1h"\n')


def ranking(minute, items="ab", user="u1"):
    at_ms = START_MS + minute * MINUTE_MS
    return Ranking(time=at_ms, id=f"q{minute}", user=user, items=list(items))


def join(minute, item="a", user="u1"):
    return Interaction(
        time=START_MS + minute * MINUTE_MS, type="join", user=user, item=item, value=5.0
    )


def frames_of(*events):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return lambda: frame.iter_slices(2)


def gathered(*events, config=CONFIG, before_minute=None, gather=lists_to_train):
    frames = frames_of(*events)
    layout = layout_of(look_at(frames, config), config)
    if gather is lists_to_test:
        return gather(frames, layout, config, from_ms=START_MS + before_minute * MINUTE_MS)
    before_ms = np.inf if before_minute is None else START_MS + before_minute * MINUTE_MS
    return gather(frames, layout, config, before_ms=before_ms)


def minutes(lists):
    return ((lists.reads.at - START_MS) / MINUTE_MS).tolist()


HISTORY = [event for minute in range(0, 100, 5) for event in (ranking(minute), join(minute + 1))]
"""A list every five minutes, a join one minute after each."""


def test_lists_whose_window_is_not_over_at_the_logs_end_are_left_out():
    assert minutes(gathered(*HISTORY))[-1] == 85  # the log ends at 96


def test_lists_whose_window_reaches_into_the_test_period_are_left_out():
    assert minutes(gathered(*HISTORY, before_minute=50))[-1] == 35  # 40 + 10 is not before 50


def test_where_less_than_half_of_the_windows_are_over_all_lists_are_taken():
    assert minutes(gathered(*HISTORY[:6])) == [0, 5, 10]


def test_a_success_of_the_test_period_labels_no_training_list():
    lists = gathered(ranking(0), ranking(1), join(1), ranking(2), join(8, "b"), before_minute=5)
    assert lists.labels.tolist() == [0, 0, 1, 0, 0, 0]


def test_an_even_share_of_the_newest_lists_is_kept_where_there_are_too_many_rows():
    config = parse_config(LABEL + "[training]\nmax_rows = 100\n")
    many = [event for n in range(390) for event in (ranking(n), join(n))]
    lists = gathered(*many, config=config)
    assert 90 <= lists.seen.sum() <= 100
    assert lists.total == 380, "those of the last ten minutes are not known yet"
    assert minutes(lists) == sorted(minutes(lists))
    # 400 rows are of the newest 200 lists, of which those after 379 are not known yet
    assert minutes(lists)[0] >= 190
    quarters = np.histogram(minutes(lists), bins=4, range=(190, 380))[0]
    assert quarters.min() >= 5
    shuffled = np.random.default_rng(0).permutation(np.array(many, dtype=object)).tolist()
    again = gathered(*shuffled, config=config)
    assert minutes(again) == minutes(lists), "the order of arrival chooses nothing"


def test_a_test_period_with_too_many_rows_is_that_of_some_of_the_people():
    config = parse_config(LABEL + "[training]\nmax_rows = 100\n")
    many = [
        event
        for n in range(600)
        for event in (ranking(n, user=f"u{n % 60}"), join(n, user=f"u{n % 60}"))
    ]
    lists = gathered(*many, config=config, before_minute=100, gather=lists_to_test)
    assert 100 < len(lists.labels) <= 400
    _, counts = np.unique(lists.reads.user, return_counts=True)
    assert set(counts.tolist()) <= {8, 9}, "all lists of each person who is kept"
    assert lists.total == 500
    assert lists.labels.sum() == len(lists)
    again = gathered(*reversed(many), config=config, before_minute=100, gather=lists_to_test)
    assert again.reads.items.tolist() == lists.reads.items.tolist()


def test_one_list_longer_than_all_the_rows_is_better_than_none():
    config = parse_config(LABEL + "[training]\nmax_rows = 100\n")
    items = [f"i{n}" for n in range(150)]
    assert gathered(ranking(0, items), join(1, "i3"), config=config).sizes.tolist() == [150]


def test_implied_training_lists_end_before_the_test_period():
    joins = [join(n, "abc"[n % 3], user=f"u{n % 7}") for n in range(200)]
    assert minutes(gathered(*joins, config=IMPLIED, before_minute=150))[-1] == 149
    tests = gathered(*joins, config=IMPLIED, before_minute=150, gather=lists_to_test)
    assert minutes(tests) == list(range(150, 200))


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([join(0), join(1)], r"no rankings to learn from: send .*`\[candidates\]`"),
        ([Item(time=5, item="a")], r"no rankings to learn from"),
        ([ranking(0), ranking(5)], r"2 rankings, but none drew a `join` within 10m"),
        ([ranking(0), join(11)], r"1 rankings, but none drew a `join` within 10m"),
    ],
)
def test_nothing_to_learn_from_is_a_clear_error(events, message):
    with pytest.raises(DatasetError, match=message):
        gathered(*events)


def test_a_test_period_that_begins_before_the_log_leaves_nothing_to_learn_from():
    with pytest.raises(DatasetError, match="choose a later `--test-from`"):
        gathered(*HISTORY, before_minute=0)


def test_a_test_period_that_begins_after_the_log_is_an_error():
    with pytest.raises(DatasetError, match="choose an earlier `--test-from`"):
        gathered(*HISTORY, before_minute=100, gather=lists_to_test)


def test_too_few_interactions_to_imply_lists_from_is_an_error():
    with pytest.raises(DatasetError, match="too few `join` interactions; check `candidates"):
        gathered(join(0), config=IMPLIED)


def test_where_all_that_counts_as_seen_is_a_success_the_error_says_what_was_left_out():
    seen = parse_config(LABEL + '[impressions]\nseen = "to_last_engaged"\n')
    with pytest.raises(DatasetError, match=r'left out \(`impressions.seen`\).*set it to "all"'):
        gather_all(frames_of(*HISTORY), seen)
    impression = Interaction(time=START_MS, type="impression", user="u1", item="a", ranking="q0")
    with pytest.raises(
        DatasetError, match=r"without a `impression` event was left out, 1[89] items"
    ):
        gather_all(frames_of(*HISTORY, impression), CONFIG)


def test_a_label_that_no_event_has_is_told_with_the_nearest_type():
    misspelt = parse_config('[label]\ninteraction = "jion"\nwithin = "10m"\n')
    with pytest.raises(DatasetError, match=r'`label.interaction` is "jion", .* nearest is "join"'):
        gather_all(frames_of(*HISTORY), misspelt)


def test_words_of_the_config_that_no_event_has_are_gathered():
    misspelt = parse_config(LABEL + '[presence]\nenter = "joyn"\n')
    unused = gather_all(frames_of(*HISTORY), misspelt).unused
    assert [word.message for word in unused] == [
        '`presence.enter` is "joyn", but no event is of that interaction type; '
        'the nearest is "join"'
    ]


def test_training_learns_only_from_the_rankings_of_the_variants_it_names():
    def of(minute, variant):
        return msgspec.structs.replace(ranking(minute), variant=variant)

    variants = ("e:a", "e:b", "e:b!", None)
    many = [
        event
        for minute in range(0, 80, 5)
        for event in (of(minute, variants[minute % 4]), join(minute + 1))
    ]
    config = parse_config(LABEL + '[training]\nvariants = ["e:b"]\n')
    lists = gathered(*many, config=config)
    assert minutes(lists) == [minute for minute in range(0, 70, 5) if minute % 4 == 1]
    config = parse_config(LABEL + '[training]\nvariants = ["e:b", "e:c"]\n')
    with pytest.raises(DatasetError, match=r"names e:c, .* that occur are: e:a, e:b, e:b!"):
        gathered(*many, config=config)
