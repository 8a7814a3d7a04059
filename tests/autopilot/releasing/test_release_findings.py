"""When the findings of a release are computed again: with news, and at most once a minute."""

from pathlib import Path

from test_release_killed import CONFIG, in_canary

from liverank.autopilot.history.state import state_of, steps_in
from liverank.autopilot.releasing.release_evidence import SETTLES_MS
from liverank.autopilot.releasing.release_loop import FINDINGS_MS, ReleaseLoop
from liverank.events.autopilot_steps import step_of
from liverank.events.event import Event, Interaction, Ranking
from liverank.events.log import Log

AT_MS = 10 + SETTLES_MS + 1000


def add_harm(log: Log, champion: str, challenger: str) -> None:
    """Lists of many people, of whom those of the challenger join nothing."""
    release = state_of(steps_in(log)).release
    assert release is not None
    events: list[Event] = []
    for number in range(4000):
        user = f"u{number}"
        by = challenger if release.serves(user) else champion
        events.append(Ranking(time=AT_MS, id=f"r{user}", user=user, items=["a"], model=by))
        if by == champion and number % 2:
            events.append(
                Interaction(time=AT_MS, type="join", user=user, item="a", ranking=f"r{user}")
            )
    log.append(events, arrived_ms=AT_MS)


def test_harm_is_found_within_a_minute_of_the_last_findings(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        loop = ReleaseLoop(log, CONFIG, tmp_path)
        assert loop.look(AT_MS) is None
        add_harm(log, champion, challenger)
        assert loop.look(AT_MS + FINDINGS_MS - 1) is None
        step = loop.look(AT_MS + FINDINGS_MS)
    assert step is not None
    assert (step.action, step.model) == ("dropped", challenger)


def test_findings_on_another_stage_are_computed_at_once(tmp_path: Path) -> None:
    champion, challenger = in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        (begun,) = steps_in(log)
        log.append([step_of("dropped", at_ms=20, reason="", model=challenger)], arrived_ms=20)
        loop = ReleaseLoop(log, CONFIG, tmp_path)
        step = loop.look(AT_MS)
        assert step is not None
        assert step.action == "released"  # the champion, which was promoted by hand
        assert loop.look(AT_MS + 1) is None
        log.append([begun], arrived_ms=AT_MS + 1)
        add_harm(log, champion, challenger)
        step = loop.look(AT_MS + 2)
    assert step is not None
    assert (step.action, step.model) == ("dropped", challenger)


def test_without_news_and_in_a_pause_nothing_is_computed(tmp_path: Path) -> None:
    in_canary(tmp_path)
    with Log.open(tmp_path / "log") as log:
        loop = CountedLoop(log, tmp_path)
        for minute in range(3):
            loop.look(AT_MS + minute * FINDINGS_MS)
        assert loop.computed == 1
        log.append([step_of("paused", at_ms=AT_MS, reason="stop")], arrived_ms=AT_MS)
        for minute in range(3, 6):
            loop.look(AT_MS + minute * FINDINGS_MS)
        assert loop.computed == 1


class CountedLoop(ReleaseLoop):
    """Counts how often findings are computed."""

    def __init__(self, log: Log, root: Path) -> None:
        super().__init__(log, CONFIG, root)
        self.computed = 0
        compute = self._evidence.findings

        def counted(at_ms: int) -> object:
            self.computed += 1
            return compute(at_ms)

        self._evidence.findings = counted  # type: ignore[method-assign, assignment]
