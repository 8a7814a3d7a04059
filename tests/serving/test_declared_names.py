"""A real server says which names its config does not declare, and takes bad events one by one."""

import json

import pytest
from rank_servers import CONFIG, act, room, running_server

from liverank.config import parse_config
from liverank.events.log import Log
from liverank.serving.http.messages import BadRequestError, RankRequest
from liverank.serving.processes.board import Board
from liverank.serving.service import Service

NAMED = CONFIG + '[interactions]\njoin = "the success"\n[surfaces.tab]\n'


def test_the_answer_warns_of_names_that_nobody_declared(tmp_path):
    with running_server(tmp_path, config=NAMED) as server:
        answer = server.send(room("r1"), act("join", "u1", "r1"), act("jion", "u1", "r1")).json()
        assert answer["accepted"] == 3
        assert answer["warnings"] == [
            "1 event of the interaction type `jion`, which [interactions] in liverank.toml does "
            "not name; did you mean `join`?"
        ]
        assert "warnings" not in server.send(act("join", "u2", "r1")).json()
        seconds = {**room("r2"), "time": room("r2")["time"] // 1000}
        body = json.dumps([seconds, room("r3", title="party \ud83d"), room("r4")])
        answer = server.client.post("/v1/events", content=body).json()
        assert answer["accepted"] == 1
        reasons = {one["index"]: one["reason"] for one in answer["rejected"]}
        assert "as Unix seconds it would be" in reasons[0]
        assert "at `$.fields.title`; send whole characters" in reasons[1]
        request = b'{"user":"u1","fields":{"app":"\\ud83d"}}'
        refused = server.client.post("/v1/rank", content=request)
        assert refused.status_code == 400
        assert "at `$.fields.app`" in refused.json()["error"]["what"]


def test_a_strict_server_refuses_them(tmp_path):
    with running_server(tmp_path, config=NAMED + "[events]\nstrict = true\n") as server:
        answer = server.send(room("r1"), act("jion", "u1", "r1")).json()
        assert answer["accepted"] == 1
        assert "`jion` is not declared" in answer["rejected"][0]["reason"]


def test_a_request_with_a_field_of_another_type_is_refused_before_anything_is_ranked(tmp_path):
    with Log.open(tmp_path / "log") as log:
        service = Service(
            log, parse_config(CONFIG), Board(1), 0, snapshots=tmp_path, clock_ms=lambda: 0
        )
        for fields, status in (({"device": ["ios"]}, 422), ({"device": "ios", "other": []}, 503)):
            with pytest.raises(BadRequestError) as refused:
                service.rank(RankRequest(user="u1", fields=fields), read_at=0)
            assert refused.value.status == status  # 503: the log has not been read
        service.close()
