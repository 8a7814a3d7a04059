"""``liverank autopilot alarms`` lists what is wrong, as the log says."""

import json

import pytest

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.alarms.dedupe import changes
from liverank.autopilot.history.state import state_of, steps_in
from liverank.cli import main
from liverank.events.log import Log

AT_MS = 1_750_000_000_000
ALARM = Alarm(
    key="volume:impression",
    kind="volume",
    title="Impressions fell by [60 %]",
    cause="A release of the app sends none.",
    consequence="Nothing is learned from these hours.",
    next_step="Ask who released the app.",
    since_ms=AT_MS,
)


@pytest.fixture
def project(tmp_path):
    file = tmp_path / "liverank.toml"
    file.write_text('[label]\ninteraction = "join"\n[autopilot]\n')
    return file


def look(project, alarms, at_ms: int) -> None:
    with Log.open(project.parent / ".liverank" / "log") as log:
        found = changes(state_of(steps_in(log)), alarms, at_ms=at_ms, repeat_ms=86_400_000)
        log.append(list(found.steps), arrived_ms=at_ms)


def test_alarms_are_listed_with_cause_consequence_and_next_step(project, capsys) -> None:
    arguments = ["autopilot", "alarms", "--config", str(project)]
    assert main(arguments) == 0
    assert capsys.readouterr().out == "No alarm\n"
    look(project, [ALARM], AT_MS)
    assert main(arguments) == 1
    out = capsys.readouterr().out
    for text in (ALARM.title, ALARM.cause, ALARM.consequence, ALARM.next_step, "2025-06-15"):
        assert text in out
    look(project, [], AT_MS + 3_600_000)
    assert main([*arguments, "--json"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["alarms"][0]["key"] == "volume:impression"
    assert "not seen since 2025-06-15 16:06 UTC" in err
    look(project, [], AT_MS + 5 * 3_600_000)
    assert main(arguments) == 0
