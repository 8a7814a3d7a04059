"""Processes that erase users are killed: each erasure is whole, undone, or finished at the open."""

import random
import time
from collections import Counter

import log_writers
from test_log_erase import bytes_under
from test_log_kills import await_first_words, kill

from liverank.events.event import Interaction, Item
from liverank.events.frame import events_of
from liverank.events.log import Log


def test_kills_while_users_are_erased(tmp_path, start):
    chance = random.Random(5)
    kills = erased = unsure = 0
    for round_ in range(40):
        folder = tmp_path / f"{round_ // 5}"  # a new log now and then: big ones are slow
        folder.mkdir(exist_ok=True)
        names = [f"{round_}-{writer}" for writer in range(2)]
        files = [folder / f"{name}.acknowledged" for name in names]
        writers = [
            start(log_writers.erase_for_ever, folder, name, chance.randrange(10**6))
            for name in names
        ]
        await_first_words(files)
        for writer in chance.sample(writers, len(writers)):
            time.sleep(chance.random() * 0.2)
            kill(writer)
            kills += 1
        with Log.open(folder / "log") as log:
            log.verify()
            events = [event for frame in log.read() for event in events_of(frame)]
        clicks = Counter(event.user for event in events if isinstance(event, Interaction))
        hosted = Counter(event.fields.get("host") for event in events if isinstance(event, Item))
        found = bytes_under(folder / "log")
        for file in files:
            added: Counter[str] = Counter()
            doing = ""
            for line in file.read_text().splitlines():
                if line != "done":
                    doing, user, *_ = line.split("\t")
                    continue
                if doing == "add":
                    added[user] += 1
                else:
                    assert clicks[user] == hosted[user] == 0
                    assert user.encode() not in found
                    del added[user]
                    erased += 1
                doing = ""
            for user, batches in added.items():
                allowed = {batches}
                if doing and line.split("\t")[1] == user:
                    allowed = {batches, batches + 1} if doing == "add" else {batches, 0}
                    unsure += doing == "erase"
                assert clicks[user] == 2 * hosted[user]
                assert hosted[user] in allowed
                assert hosted[user] or user.encode() not in found
    assert kills >= 80
    assert erased > 5
    assert unsure > 0
