"""``liverank experiment preference`` on interleaved lists of a log."""

import json

import numpy as np
import pytest

from liverank.cli import main
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import frame_of
from liverank.events.log import Log
from liverank.experiments.interleaving.from_log import Counts, interleaved_credit
from liverank.experiments.interleaving.team_draft import team_draft
from liverank.experiments.interleaving.teams import teams_text

START_MS = 1_795_392_000_000
CONFIG = """
[label]
interaction = "join"
within = "10m"

[experiments.mixed]
[experiments.mixed.variants]
both = { rank = "interleave:popular,model", share = 0.5 }
control = { rank = "popular", share = 0.5 }

[experiments.plain]
surface = "other"
[experiments.plain.variants]
control = { rank = "popular", share = 0.5 }
model = { rank = "model", share = 0.5 }
"""


def world(liked, lists=1_200):
    """Interleaved lists of two rankers; `liked` tells the chance that each item is joined."""
    rng = np.random.default_rng(5)
    events = [Item(time=START_MS, item=f"i{n}", state="started") for n in range(8)]
    popular, model = [f"i{n}" for n in range(8)], [f"i{n}" for n in reversed(range(8))]
    for n in range(lists):
        at_ms, user = START_MS + n * 1_000, f"u{rng.integers(150)}"
        items, teams = team_draft(popular, model, f"q{n}", 4)
        events.append(
            Ranking(
                time=at_ms,
                id=f"q{n}",
                user=user,
                items=items,
                variant="mixed:both",
                fields={"device": "ios", "_teams": teams_text(teams)},
            )
        )
        events += [
            Interaction(time=at_ms + 50, type="join", user=user, item=item, ranking=f"q{n}")
            for item in items
            if rng.random() < liked[int(item[1:])]
        ]
    return events


def told(capsys, folder, events, *arguments):
    (folder / "liverank.toml").write_text(CONFIG)
    with Log.open(folder / ".liverank" / "log") as log:
        log.append(events, arrived_ms=START_MS + 10_000_000)
    code = main(
        [
            "experiment",
            "preference",
            *arguments,
            "--config",
            str(folder / "liverank.toml"),
            "--json",
        ]
    )
    shown = capsys.readouterr()
    return json.loads(shown.out.splitlines()[-1]) if code == 0 else shown.err


def test_people_who_like_what_the_model_puts_first_prefer_it(tmp_path, capsys):
    found = told(capsys, tmp_path, world([0.1] * 4 + [0.3] * 4), "mixed")
    assert (found["variant"], found["rankers"]) == ("both", ["popular", "model"])
    (pair,) = found["preferences"]
    assert 0.5 < pair["ci"][0] < 0.75 < pair["ci"][1]
    assert pair["p"] == pair["p_adjusted"] < 1e-6
    assert found["lists"] == 1_200


def test_people_who_like_all_alike_prefer_neither(tmp_path, capsys):
    found = told(capsys, tmp_path, world([0.2] * 8), "mixed")
    (pair,) = found["preferences"]
    assert pair["ci"][0] < 0.5 < pair["ci"][1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["other"], "`experiments.other` is not there; the config has experiments: mixed, plain"),
        (["plain"], "has no variants with `rank = "),
        (["mixed", "--variant", "control"], "has `both` with `rank = "),
        (["mixed", "--label", "stay"], "there is no label `stay`; it names join"),
    ],
)
def test_what_names_no_interleaved_variant_is_an_error(tmp_path, capsys, arguments, message):
    assert message in told(capsys, tmp_path, world([0.2] * 8, lists=3), *arguments)


def test_nobody_who_chose_anything_has_no_preference(tmp_path, capsys):
    said = told(capsys, tmp_path, world([0.0] * 8, lists=5), "mixed")
    assert "0 of 5 users chose an item that counts for a ranker" in said


def test_a_log_without_interleaved_lists_says_so(tmp_path, capsys):
    said = told(capsys, tmp_path, world([0.0] * 8, lists=0), "mixed")
    assert "the log has no interleaved list of `mixed:both`" in said


def test_a_success_counts_for_the_list_it_names_or_the_last_that_showed_its_item():
    def shown(id_, time, variant, teams):
        return Ranking(
            time=time, id=id_, user="u", items=["a", "b"], variant=variant, fields={"_teams": teams}
        )

    def join(time, item, ranking=None, value=1.0):
        return Interaction(
            time=time, type="join", user="u", item=item, ranking=ranking, value=value
        )

    events = [
        shown("q1", START_MS, "e:v", "AB"),
        shown("q2", START_MS + 1_000, "e:v", "BA"),
        shown("q3", START_MS + 1_000, "e:v!", "BA"),
        join(START_MS + 1_500, "a", "q1"),
        join(START_MS + 1_600, "a"),
        join(START_MS + 1_700, "a", "q3"),
        join(START_MS + 90_000, "b", "q1"),
        join(START_MS - 5, "b"),
        join(START_MS + 1_800, "b", value=0.1),
    ]
    frames = [frame_of(events[4:]), frame_of(events[:4])]
    found = interleaved_credit(frames, "e:v", Counts("join", 60_000, min_value=0.5))
    assert found.credit.tolist() == [[1.0, 1.0]]
    assert (found.lists, found.successes) == (2, 2)
