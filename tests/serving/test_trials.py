"""Servers follow the challenger on trial: from the log's tail, from segments, after any restart."""

import random

import pytest
from rank_servers import CONFIG, a_spec
from trial_steps import canary, ended, shadow

from liverank.config import parse_config
from liverank.events.event import Item
from liverank.events.log import Log
from liverank.experiments.release import release_of
from liverank.serving.state.log_fold import FoldedLog
from liverank.serving.state.trials import Trials

SETTINGS = parse_config(CONFIG)
LAYOUT = a_spec().layout


def a_step(chance, at_ms):
    version = chance.choice(["a1", "b2"])
    return chance.choice(
        [
            shadow(version, at_ms=at_ms),
            canary(version, share=chance.choice([0.1, 0.2]), at_ms=at_ms),
            ended(chance.choice(["released", "dropped", "paused"]), at_ms=at_ms),
            ended("resumed", at_ms=at_ms),
            ended(chance.choice(["reported", "shadowed", "pruned"]), at_ms=at_ms),
        ]
    )


def follow(folded, trials, log):
    """Fold to the end of the log, as the folding process does."""
    while (log_slice := folded.read_next(log, max_rows=3)) is not None:
        folded.fold(log_slice)
        trials.follow(log_slice)
    trials.refresh(log)


@pytest.mark.parametrize("seed", range(6))
def test_the_release_is_that_of_all_steps_however_they_are_read(tmp_path, seed):
    chance = random.Random(seed)
    steps, releases = [], set()
    with Log.open(tmp_path) as log:
        folded, trials = FoldedLog(LAYOUT, SETTINGS), Trials(log)
        for turn in range(12):
            batch = []
            for number in range(chance.randrange(1, 6)):
                at_ms = 1000 * turn + number
                if chance.random() < 0.5:
                    batch.append(Item(time=at_ms, item=f"r{number}", state="started"))
                else:
                    batch.append(a_step(chance, at_ms))
            steps += [one for one in batch if not isinstance(one, Item)]
            log.append(batch, arrived_ms=1000 * turn + 10)
            if chance.random() < 0.4:
                log.compact()
            if chance.random() < 0.3:
                trials = Trials(log)  # another folding process, which has yet to fold
            follow(folded, trials, log)
            assert trials.release == release_of(steps)
            releases.add(trials.release)
            assert Trials(log).release == release_of(steps)
    assert len(releases) > 3
