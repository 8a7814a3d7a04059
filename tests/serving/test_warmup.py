"""A cache that was filled beforehand leaves a server nothing to compile."""

import json
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
from rank_servers import CONFIG, a_bundle, a_spec, act, now_ms, person, room

from liverank.bundle import store
from liverank.cli import main
from liverank.compiled import cache_folder
from liverank.config import parse_config
from liverank.events.log import Log
from liverank.events.wire import decode_events
from liverank.serving.http.messages import RankedItem, RankRequest
from liverank.serving.processes.warm_all import compile_everything
from liverank.serving.ranking.candidates import Hashes
from liverank.serving.ranking.fallback import choose_level
from liverank.serving.ranking.ranker import View, make_ranker, rank
from liverank.serving.ranking.what_if import with_reasons
from liverank.serving.state.live_table import LivePublisher
from liverank.serving.state.log_fold import FoldedLog, fold_log
from liverank.serving.state.snapshots import load_newest, take_snapshot


def compiled_kernels() -> set[tuple[str, object]]:
    """Each kernel of this process with each of the types that it was compiled for."""
    return {
        (f"{kernel.py_func.__module__}.{kernel.__name__}", signature)
        for name, module in sorted(sys.modules.items())
        if name.startswith("liverank")
        for kernel in vars(module).values()
        if isinstance(kernel, numba.core.dispatcher.Dispatcher)
        for signature in kernel.signatures
    }


def do_all_that_a_server_does(folder: Path) -> None:
    root, config = folder / ".liverank", parse_config(CONFIG)
    store.promote(root, store.add(root, a_bundle(a_spec())))
    level = choose_level(root)
    assert level.bundle is not None
    events = [room(f"r{i}", host=f"h{i % 7}", topics=["a"], language="en") for i in range(400)]
    events += [person(f"u{i}", language="pt") for i in range(50)]
    events += [act("join", f"u{i % 50}", f"r{i % 400}") for i in range(900)]
    decoded = decode_events(json.dumps(events).encode())
    with Log.open(root / "log") as log:
        log.append(decoded.events[:1000], arrived_ms=now_ms())
        layout = level.bundle.spec.layout
        folded = fold_log(log, layout, config)
        assert take_snapshot(log, layout, config, root / "snapshots").written
        start = load_newest(log, layout, config, root / "snapshots")
        assert start is not None
        log.append(decoded.events[1000:], arrived_ms=now_ms())
        follow(folded, log)
    view = View(folded.state, LivePublisher(folded.live).table, make_ranker(level, layout), 1)
    at_ms = 1 + max(event["time"] for event in events)
    for request in (RankRequest(user="u1", limit=300), RankRequest(user="u2", items=["r1", "?"])):
        ranked = rank(view, Hashes(), request, request_id="q", at_ms=at_ms, limit=10)
        assert ranked.fallback is None
        assert len(ranked.items) in (2, 10)
        items = [RankedItem(item=item, score=0.0, position=0) for item in ranked.items]
        with_reasons(level.bundle, ranked, items)


def follow(folded: FoldedLog, log: Log) -> None:
    piece = folded.read_next(log, max_rows=1000)
    assert piece is not None
    folded.fold(piece, batch=64)


if __name__ == "__main__":
    compile_everything()
    before = compiled_kernels()
    do_all_that_a_server_does(Path(sys.argv[1]))
    print(len(before), sorted(str(one) for one in compiled_kernels() - before))


def test_after_the_warm_up_a_server_compiles_nothing(tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, check=True
    )
    count, left = done.stdout.split(maxsplit=1)
    assert int(count) > 10, "there are kernels to look at"
    assert left.strip() == "[]"


def test_the_command_says_where_the_cache_lies_and_finds_it_full_the_next_time(capsys):
    assert main(["warmup", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["cache"] == str(cache_folder())
    assert told["files"] > 50
    assert told["bytes"] > 1_000_000
    assert main(["warmup", "--json"]) == 0
    heard = capsys.readouterr()
    assert json.loads(heard.out)["compiled"] == 0
    assert told["cache"] in heard.err
    assert np.isclose(json.loads(heard.out)["bytes"], told["bytes"])
