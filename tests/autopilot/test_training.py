"""Training through real replay: a model for each label, known labels only, rankings whole."""

import functools

import msgspec
import numpy as np
import pytest

from liverank.automl.evaluation.ranking_data import split_lists
from liverank.autopilot.gather import lists_to_train, look_at
from liverank.autopilot.training import train_on
from liverank.config import parse_config
from liverank.dataset.replay import training_rows
from liverank.errors import DatasetError
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.features.spec import derive_spec

START_MS, MINUTE_MS = 1_795_392_000_000, 60_000
CONFIG = """
[labels.join]
interaction = "join"
within = "10m"

[labels.stay]
interaction = "join"
within = "10m"
min_duration = "30s"

[labels.hide]
interaction = "hide"
within = "2h"

[labels.gift]
interaction = "gift"

[training]
budget = "12s"
"""


def chance_of(person, room):
    """Of a join, of staying once joined, and of hiding: tastes differ, odd rooms bore everybody."""
    likes = room % 3 == person % 3
    return (0.6 if likes else 0.08), (0.1 if room % 2 else 0.9), (0.02 if likes else 0.25)


@functools.cache
def rooms_history(n=900, leaves=True):
    """Lists of eight rooms a minute, and who joined, left early or hid."""
    random = np.random.default_rng(7)
    events = [Item(time=START_MS, item=f"r{room}", state="started") for room in range(12)]
    for list_ in range(n):
        at_ms, person = START_MS + list_ * MINUTE_MS, int(random.integers(30))
        rooms = random.permutation(12)[:8].tolist()
        user = f"u{person}"
        items = [f"r{room}" for room in rooms]
        events.append(Ranking(time=at_ms, id=f"q{list_}", user=user, items=items))
        for place, room in enumerate(rooms):
            join, stay, hide = chance_of(person, room)
            about = {"user": user, "item": f"r{room}"}
            named = about | {"ranking": f"q{list_}"}
            joined_ms = at_ms + 1000 + place
            if random.random() < join:
                events.append(Interaction(time=joined_ms, type="join", **named))
                stayed_ms = 40_000 if random.random() < stay else 5000
                if leaves:
                    left_ms = joined_ms + stayed_ms
                    events.append(Interaction(time=left_ms, type="leave", **about))
            elif random.random() < hide:
                events.append(Interaction(time=joined_ms, type="hide", **named))
    return sorted(events, key=lambda event: event.time)


def frames_of(events):
    frame = frame_of(events, seqs=range(1, len(events) + 1))
    return lambda: frame.iter_slices(4000)


def gathered(events, config):
    frames = frames_of(events)
    spec = derive_spec(look_at(frames, config), config)
    return frames, spec, lists_to_train(frames, spec.layout, config)


@functools.cache
def trained():
    config = parse_config(CONFIG)
    frames, spec, lists = gathered(rooms_history(), config)
    return train_on(lists, frames, spec, config)


def rows_to_ask():
    """What the model reads of the rows it learned from, and who was shown which room in them."""
    config = parse_config(CONFIG)
    frames, _, lists = gathered(rooms_history(), config)
    rows = training_rows(frames(), trained().spec, lists, max_future_ms=300_000)
    shown = [
        (int(event.user[1:]), int(item[1:]))
        for event in rooms_history()
        if isinstance(event, Ranking)
        for item in event.items
    ]
    return rows, shown[: len(rows)]


def test_each_label_has_a_model_of_its_own_and_one_too_rare_is_left_out_with_the_reason():
    assert list(trained().heads) == ["join", "stay", "hide"]
    rows, shown = rows_to_ask()
    truth = np.array([chance_of(*pair) for pair in shown])
    chances = {name: model.answers(rows.features) for name, model in trained().heads.items()}
    late = np.arange(len(rows)) > len(rows) // 2  # by then people are known
    likely = {"join": truth[:, 0], "stay": truth[:, 0] * truth[:, 1]}
    likely["hide"] = (1 - truth[:, 0]) * truth[:, 2]
    for name, true in likely.items():
        others = [np.corrcoef(chances[other][late], true[late])[0, 1] for other in likely]
        own = np.corrcoef(chances[name][late], true[late])[0, 1]
        assert own > 0.6, name
        assert own == max(others), name
        assert chances[name][late].mean() == pytest.approx(true[late].mean(), rel=0.15), name
    (note,) = [note for note in trained().report.notes if "`gift`" in note]
    assert "hold 0 successes, and 30 or more are needed" in note


def test_every_head_is_reported_with_figures_and_a_share_of_the_budget():
    report = trained().report
    assert set(report.heads) == {"stay", "hide"}
    for one in (report, *report.heads.values()):
        assert one.held_out["log_loss"] < one.baseline["log_loss"]
        assert one.served.us_per_row_55 < 20
    assert report.asked.budget_s == 6.0
    assert [head.asked.budget_s for head in report.heads.values()] == [2.0, 2.0]
    assert report.against is not None
    assert all(head.against is None for head in report.heads.values())
    again = msgspec.json.decode(msgspec.json.encode(report), type=type(report))
    assert again.against == report.against


def test_the_model_is_judged_beside_every_window_on_the_same_newest_lists():
    against = trained().report.against
    windows = {"popular_1h", "popular_6h", "popular_24h", "popular_all", "success_rate"}
    assert set(against.methods) == windows | {"model"}
    assert against.best_heuristic in windows
    best = max(windows, key=lambda name: against.methods[name]["ndcg@10"])
    assert against.best_heuristic == best
    gain = against.differences["ndcg@10"]
    figures = against.methods
    assert gain.value == pytest.approx(figures["model"]["ndcg@10"] - figures[best]["ndcg@10"])
    assert gain.low <= gain.value <= gain.high
    assert against.beats
    assert figures["model"]["list_auc"] > figures[best]["list_auc"] + 0.1
    assert against.lists < 0.15 * 900


def test_rankings_are_whole_in_every_block_and_the_gap_leaves_out_what_was_not_known():
    frames, spec, lists = gathered(rooms_history(), parse_config(CONFIG))
    rows = training_rows(frames(), spec, lists, max_future_ms=300_000)
    blocks = split_lists(rows, validation=0.2, gap_ms=10 * MINUTE_MS)
    first, second = blocks.validation.start, blocks.holdout.start
    for cut in (blocks.n_train, first, second):
        assert rows.rankings[cut - 1] != rows.rankings[cut]
    assert rows.at_ms[blocks.n_train - 1] < rows.at_ms[first] - 10 * MINUTE_MS
    assert rows.at_ms[blocks.n_train] >= rows.at_ms[first] - 10 * MINUTE_MS
    evaluation = blocks.evaluation(3)
    for fold, (n_train, validation) in zip(
        evaluation.folds, [*blocks._earlier(2), (blocks.n_train, blocks.validation)], strict=True
    ):
        assert len(fold.train) == n_train
        assert len(fold.validation) == validation.stop - validation.start
        assert rows.at_ms[n_train - 1] < rows.at_ms[validation.start] - 10 * MINUTE_MS
    chosen_by = np.concatenate([np.arange(c.start, c.stop) for _, c in blocks._earlier(2)])
    assert len(np.unique(chosen_by)) == len(chosen_by)
    assert len(evaluation.validation_rows) == len(chosen_by) + second - first


def test_lists_whose_window_is_open_are_left_out_of_each_label_by_its_own_window():
    config = parse_config(CONFIG)
    *_, lists = gathered(rooms_history(), config)
    shown = [event for event in rooms_history() if isinstance(event, Ranking)]
    last_ms = max(event.time for event in rooms_history())
    closed = {
        name: sum(event.time + label.known_after_ms <= last_ms for event in shown)
        for name, label in config.heads.items()
    }
    assert len(lists) == closed["join"]
    for name in ("stay", "hide"):
        over = lists.others[name].until_ms < lists.as_of_ms
        assert np.count_nonzero(over) == closed[name]
    assert closed["hide"] < closed["stay"] <= closed["join"]
    assert trained().report.heads["hide"].data.rows == 8 * closed["hide"]


def test_what_state_let_go_for_want_of_memory_is_a_note_that_says_what_to_do():
    config = parse_config('[label]\ninteraction = "join"\n[training]\nbudget = "2s"')
    frames, spec, lists = gathered(rooms_history(n=300), config)
    layout = msgspec.structs.replace(spec.layout, memory_bytes=50_000)
    report = train_on(lists, frames, msgspec.structs.replace(spec, layout=layout), config).report

    (note,) = [note for note in report.notes if "short of memory" in note]
    assert note.endswith("raise `features.memory` and train again")
    assert "rows and histories evicted" in note
    assert not any("short of memory" in note for note in trained().report.notes)


def test_labels_are_what_people_did():
    *_, lists = gathered(rooms_history(), parse_config(CONFIG))
    stays = lists.others["stay"].labels
    assert 0 < stays.sum() < lists.labels.sum()
    assert (lists.labels[stays == 1] == 1).all()
    assert (lists.labels[lists.others["hide"].labels == 1] == 0).all()


def test_a_stay_that_nobody_could_end_is_left_out_or_where_it_comes_first_an_error():
    without = rooms_history(300, leaves=False)
    *_, lists = gathered(without, parse_config(CONFIG))
    assert set(lists.others) == {"hide", "gift"}
    assert "cannot be measured without" in lists.unavailable["stay"]
    alone = '[label]\ninteraction = "join"\nmin_duration = "30s"\n'
    with pytest.raises(DatasetError, match=r"send `presence\.leave` interactions"):
        gathered(without, parse_config(alone))


def test_lists_made_from_interactions_tell_only_the_first_label():
    config = parse_config(CONFIG + '[candidates]\ninteraction = "join"\nwithin = "2h"\n')
    frames, spec, lists = gathered(rooms_history(300), config)
    found = train_on(lists, frames, spec, config)
    assert list(found.heads) == ["join"]
    left_out = [note for note in found.report.notes if "is left out" in note]
    assert len(left_out) == 3
