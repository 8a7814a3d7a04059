"""Names that nobody declared are counted over all workers, and only so many of them."""

import multiprocessing
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families
from rank_servers import CONFIG, act, now_ms, room, running_server

from liverank.events.schema.declared import Unknown
from liverank.serving.undeclared_names import MOST_NAMES, OTHER, UndeclaredNames

NAMED = CONFIG + '[interactions]\njoin = "the success"\n[surfaces.tab]\n'


def counted(names):
    return {(one.key, one.name): one.events for one in names.totals() if one.events}


def test_the_first_names_are_counted_one_by_one_and_the_rest_together():
    names = UndeclaredNames(2)
    for number in range(30):
        names.count(number % 2, Counter({Unknown("type", f"t{number}"): 1}))
    names.count(0, Counter({Unknown("surface", "tib"): 2, Unknown("type", "t3"): 4}))
    told = counted(names)
    assert len(told) == MOST_NAMES + 2
    assert {name for _, name in told} == {f"t{number}" for number in range(MOST_NAMES)} | {OTHER}
    assert told["type", "t3"] == 5
    assert (told["type", OTHER], told["surface", OTHER]) == (30 - MOST_NAMES, 2)


def test_names_that_no_metric_could_show_are_shown_as_far_as_can_be():
    names = UndeclaredNames(1)
    odd = ["a\0", "a\0", "b\nc", "é" * 512, "other", "\N{PARTY POPPER}" * 512, 'q"uo\\te']
    for name in odd:
        names.count(0, Counter({Unknown("type", name): 1}))
    told = counted(names)
    assert told["type", "a\ufffd"] == 2
    assert told["type", "b\ufffdc"] == told["type", "é" * 99 + "…"] == 1
    assert told["type", OTHER] == told["type", 'q"uo\\te'] == 1
    assert len(told) == 6


def count_many(names, worker):
    for number in range(200):
        name = Unknown("type", f"t{(7 * number + worker) % 15}")
        names.count(worker, Counter({name: 1}))


def test_workers_that_meet_a_name_at_once_give_it_one_slot():
    names, forked = UndeclaredNames(4), multiprocessing.get_context("fork")
    processes = [forked.Process(target=count_many, args=(names, worker)) for worker in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=60)
        assert process.exitcode == 0
    truth = Counter(
        f"t{(7 * number + worker) % 15}" for number in range(200) for worker in range(4)
    )
    assert counted(names) == {("type", name): count for name, count in truth.items()}


def undeclared(server):
    families = text_string_to_metric_families(server.text("/metrics").decode())
    samples = [one for family in families for one in family.samples]
    return {
        (one.labels["key"], one.labels["name"]): one.value
        for one in samples
        if one.name == "liverank_undeclared_names_total" and one.value
    }


def a_list(surface):
    return {
        "event": "ranking", "time": now_ms(), "id": surface, "user": "u", "items": ["r1"],
        "surface": surface,
    }  # fmt: skip


def test_a_server_counts_them_whether_it_takes_or_refuses_such_events(tmp_path):
    for more, folder in (("", "open"), ("[events]\nstrict = true\n", "strict")):
        with running_server(tmp_path / folder, config=NAMED + more) as server:
            for _ in range(3):
                server.reconnect()  # to either worker
                server.send(room("r1"), act("jion", "u1", "r1"), act("join", "u1", "r1"))
            server.send(act("jion", "u1", "r1"), a_list("tib"))
            assert undeclared(server) == {("type", "jion"): 4, ("surface", "tib"): 1}
            server.send(*(act(f"t{number}", "u1", "r1") for number in range(40)))
            told = undeclared(server)
            assert len(told) == 21
            assert told["type", "other"] == 40 - 18


def test_a_request_whose_field_is_of_another_type_is_refused(tmp_path):
    with running_server(tmp_path, config=NAMED) as server:
        server.send_and_fold(room("r1", host="u7"))
        request = {"user": "u1", "fields": {"device": ["ios"]}}
        refused = server.client.post("/v1/rank", json=request)
        assert refused.status_code == 422
        assert refused.json()["error"] == {
            "where": "$.fields.device",
            "what": 'Expected one text, number or truth, got `["ios"]` (declared as "category"); '
            'send one value, or declare the field as "keys"',
        }
        assert server.ranked_ids(user="u1", fields={"device": None, "other": []}) != []
        answer = server.send(room("r2"), room("r3", topics=5), room("r4", host=7)).json()
        assert answer["accepted"] == 2
        assert answer["rejected"][0]["index"] == 1
        assert "`$.fields.topics`" in answer["rejected"][0]["reason"]
