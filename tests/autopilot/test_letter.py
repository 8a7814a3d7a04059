"""Every number of a letter against a plain computation on the log, event by event."""

import json
import math
from collections import defaultdict

import numpy as np
import pytest
from letter_logs import (
    CONFIG,
    HOUR_MS,
    MODEL,
    MONDAY,
    TEXT,
    Weeks,
    alarm,
    config_of,
    eventful,
    frame_of_weeks,
    log_of_weeks,
)
from scipy import stats

from liverank.autopilot.letter import people
from liverank.autopilot.letter.compose import letter_of
from liverank.autopilot.letter.html import render_html
from liverank.autopilot.letter.letter import HoldoutValue, Letter
from liverank.autopilot.letter.markdown import render_markdown
from liverank.autopilot.letter.people import COURSE, LOOK_BACK, People
from liverank.autopilot.letter.period import DAY_MS, WEEK_MS, Period
from liverank.autopilot.letter.write import write_letter
from liverank.cli import main
from liverank.config import Config
from liverank.events.autopilot_steps import step_of
from liverank.events.event import Interaction, Item, Ranking
from liverank.events.frame import events_of
from liverank.events.log import Log


def week(number: int) -> Period:
    return Period(MONDAY + number * WEEK_MS, MONDAY + (number + 1) * WEEK_MS)


@pytest.fixture
def letter(tmp_path):
    def written(weeks: Weeks, number: int, steps=None, config: Config = CONFIG) -> Letter:
        with log_of_weeks(tmp_path / f"log{weeks.seed}", weeks, steps) as log:
            return letter_of(log, config, week(number))

    return written


class Plain:
    """The plain definition: dictionaries of people, filled event by event."""

    def __init__(self, weeks: Weeks, events: list, first: int, last: int) -> None:
        """Of the weeks ``first`` to ``last``, with people of the three weeks before too."""
        begin, end = week(first).from_ms, week(last).to_ms
        began = min(
            (
                one.time
                for one in events
                if isinstance(one, Ranking) and one.variant == "autopilot:holdout"
            ),
            default=math.inf,
        )
        self.held, self.others, out = set(), set(), set()
        for one in events:
            if isinstance(one, Ranking) and begin - 3 * WEEK_MS <= one.time < end:
                if one.variant == "autopilot:holdout":
                    self.held.add(one.user)
                elif one.time >= began:
                    self.others.add(one.user)
                if one.variant and not one.variant.endswith((":model", "autopilot:holdout")):
                    out.add(one.user)
        self.in_both = self.held & self.others
        self.left_out = (out - self.held) & self.others
        self.others -= self.held | self.left_out
        self.held -= self.in_both
        self.joins, self.seen = defaultdict(int), defaultdict(int)
        self.days = defaultdict(set)
        for one in events:
            if isinstance(one, Interaction) and begin <= one.time < end:
                if one.type == "join":
                    self.joins[one.user] += 1
                    self.days[one.user].add((one.time - MONDAY) // DAY_MS)
                if one.type == "impression":
                    self.seen[one.user] += 1
            if isinstance(one, Ranking) and begin <= one.time < end and not weeks.impressions:
                self.seen[one.user] += len(one.items)
        self.number_of_days = 7 * (last - first + 1)

    def means(self, people: set[str]) -> tuple[float, float, float]:
        joins = sum(self.joins[one] for one in people)
        return (
            joins / sum(self.seen[one] for one in people),
            sum(len(self.days[one]) for one in people) / len(people) / self.number_of_days,
            joins / len(people),
        )

    def check(self, found: HoldoutValue) -> None:
        assert (found.people_heuristic, found.people_personal, found.left_out, found.in_both) == (
            len(self.held),
            len(self.others),
            len(self.left_out),
            len(self.in_both),
        )
        held, others = self.means(self.held), self.means(self.others)
        for lift, heuristic, personal in zip(found.lifts, held, others, strict=True):
            assert lift.heuristic == pytest.approx(heuristic)
            assert lift.personal == pytest.approx(personal)
            if lift.lift is None:
                assert "not clearly away from zero" in lift.reason
            else:
                assert lift.lift == pytest.approx(personal / heuristic - 1)


@pytest.mark.parametrize(
    "weeks",
    [
        Weeks(people=200, weeks=6),
        Weeks(people=200, weeks=6, seed=1, visits=0.4),
        Weeks(people=200, weeks=6, seed=2, holdout_from=2),
        Weeks(people=200, weeks=6, seed=3, impressions=False),
        Weeks(people=200, weeks=6, seed=4, variants={"tab:model": 0.3, "tab:popular": 0.3}),
        Weeks(people=300, weeks=6, seed=5, holdout=0.2, holdout_later=0.1),
    ],
    ids=["all weeks", "rare visits", "begun later", "no impressions", "an experiment", "smaller"],
)
def test_the_value_is_that_of_a_plain_count(letter, weeks: Weeks) -> None:
    text = TEXT + (
        '[experiments.tab.variants]\nmodel = { rank = "model" }\npopular = { rank = "popular" }\n'
        if weeks.variants
        else ""
    )
    found = letter(weeks, 5, config=config_of(text)).value
    first, events = weeks.holdout_from, list(events_of(frame_of_weeks(weeks)))
    assert len(found.course) == 6 - first
    for number, one in enumerate(found.course, first):
        Plain(weeks, events, number, number).check(one)
    assert found.this_period == found.course[-1]
    Plain(weeks, events, first, 5).check(found.together)
    assert (found.together.in_both > 0) == (weeks.holdout_later is not None)
    assert (found.together.left_out > 0) == bool(weeks.variants)


def test_only_interactions_of_the_labels_least_value_are_successes(tmp_path) -> None:
    at_ms = MONDAY + HOUR_MS
    events = [
        event
        for number, variant in enumerate(["autopilot:holdout"] * 3 + [None] * 3)
        for event in (
            Ranking(time=at_ms, id=f"q{number}", user=f"u{number}", items=["a"], variant=variant),
            Interaction(time=at_ms + 1, type="impression", user=f"u{number}", item="a"),
            Interaction(time=at_ms + 2, type="rate", user=f"u{number}", item="a", value=number),
            Interaction(time=at_ms + 3, type="rate", user=f"u{number}", item="a"),
        )
    ]
    config = config_of('[label]\ninteraction = "rate"\nmin_value = 2\n[autopilot]\n')
    with Log.open(tmp_path) as log:
        log.append(events, arrived_ms=at_ms + 9)
        found = letter_of(log, config, week(0))
    rate = found.value.this_period.lifts[0]
    assert (rate.heuristic, rate.personal) == (pytest.approx(1 / 3), 1.0)
    assert {one.name: one.now for one in found.volumes}["rates"] == 4


def test_intervals_are_those_of_the_delta_method_and_of_welch(letter) -> None:
    weeks = Weeks()
    plain = Plain(weeks, list(events_of(frame_of_weeks(weeks))), 2, 2)
    rate, _, each = letter(weeks, 2).value.this_period.lifts
    arms = [sorted(plain.held), sorted(plain.others)]
    ratios, variances, counts = [], [], []
    for arm in arms:
        joins = np.array([plain.joins[one] for one in arm], float)
        seen = np.array([plain.seen[one] for one in arm], float)
        ratio = joins.sum() / seen.sum()
        ratios.append(ratio)
        variances.append(np.var(joins - ratio * seen, ddof=1) / len(arm) / seen.mean() ** 2)
        counts.append(len(arm))
    relative = [v / r**2 for v, r in zip(variances, ratios, strict=True)]
    df = sum(relative) ** 2 / sum(v**2 / (n - 1) for v, n in zip(relative, counts, strict=True))
    factor = math.exp(stats.t.ppf(0.975, df) * math.sqrt(sum(relative)))
    ratio = ratios[1] / ratios[0]
    assert (rate.low, rate.high) == pytest.approx((ratio / factor - 1, ratio * factor - 1))
    samples = [[float(plain.joins[one]) for one in arm] for arm in arms]
    means = [np.mean(one) for one in samples]
    relative = [
        np.var(one, ddof=1) / len(one) / mean**2 for one, mean in zip(samples, means, strict=True)
    ]
    df = sum(relative) ** 2 / sum(v**2 / (n - 1) for v, n in zip(relative, counts, strict=True))
    factor = math.exp(stats.t.ppf(0.975, df) * math.sqrt(sum(relative)))
    ratio = means[1] / means[0]
    assert (each.low, each.high) == pytest.approx((ratio / factor - 1, ratio * factor - 1))


def test_a_lift_that_is_there_is_found_and_one_that_is_not_is_not(tmp_path) -> None:
    """Of 20 products without a lift, at most 4 intervals miss 0 (more: p < .003 by chance)."""
    missed = found = 0
    for seed in range(20):
        for lift in (0.0, 0.6):
            weeks = Weeks(people=300, weeks=1, lift=lift, seed=seed, visits=3, holdout=0.2)
            with log_of_weeks(tmp_path / f"{seed}-{lift}", weeks) as log:
                rate = letter_of(log, CONFIG, week(0)).value.this_period.lifts[0]
            missed += lift == 0 and rate.clarity != "unclear"
            found += lift > 0 and rate.clarity == "better"
    assert missed <= 4
    assert found >= 18


def test_what_changed_is_counted_against_the_week_before(letter) -> None:
    weeks = Weeks(growth=0.2)
    events = list(events_of(frame_of_weeks(weeks)))
    expected = {}
    for number in (1, 2):
        inside = [one for one in events if week(number).from_ms <= one.time < week(number).to_ms]
        lists = [one for one in inside if isinstance(one, Ranking)]
        acts = [one.type for one in inside if isinstance(one, Interaction)]
        others = [one for one in lists if one.variant != "autopilot:holdout"]
        expected[number] = {
            "people who got a list": len({one.user for one in lists}),
            "lists shown": len(lists),
            "items seen": acts.count("impression"),
            "joins": acts.count("join"),
            "items that went live": len({one.item for one in inside if isinstance(one, Item)}),
            "lists ranked by a model": sum(one.model == MODEL for one in others) / len(others),
        }
    found = letter(weeks, 2).volumes
    assert {one.name: one.now for one in found} == expected[2]
    assert {one.name: one.before for one in found} == expected[1]


def test_the_first_week_has_no_week_before(letter) -> None:
    found = letter(Weeks(weeks=1), 0)
    assert {one.before for one in found.volumes} == {None}
    assert "unknown before" in render_markdown(found)


def test_a_week_with_a_release_a_refusal_a_rollback_and_two_alarms(letter) -> None:
    found = letter(Weeks(), 2, eventful(2))
    assert [(one.words, one.model, one.reason) for one in found.released] == [
        ("released", "aaaa", "no harm in a day"),
        ("not released", "bbbb", "no better than the champion"),
        ("taken back", "aaaa", "18 % fewer joins"),
    ]
    begin = week(2).from_ms
    assert [(one.title, one.from_ms, one.to_ms) for one in found.troubles] == [
        ("Impressions fell by 61 %", begin + 3.4 * DAY_MS, begin + 3.9 * DAY_MS),
        ("The disk is full in 9 days", begin + 5 * DAY_MS, None),
    ]
    assert [one.what for one in found.advice] == [
        "The disk is full in 9 days",
        "A released model was taken back",
    ]
    text = render_markdown(found)
    assert "1 released, 1 not released, 1 taken back." in text
    assert "**Impressions fell by 61 %**, for 12 hours" in text
    assert "goes on, for 2 days so far" in text


def test_events_outside_of_the_week_are_in_other_letters(letter) -> None:
    found = letter(Weeks(), 1, eventful(2))
    assert (found.released, found.troubles, found.advice) == ((), (), ())
    assert "Nothing: no model was judged this week." in render_markdown(found)


def test_an_alarm_of_the_week_before_that_goes_on_is_there_with_its_whole_time(letter) -> None:
    found = letter(Weeks(weeks=4), 3, eventful(2))
    assert found.released == ()
    assert [(one.title, one.from_ms) for one in found.troubles] == [
        ("The disk is full in 9 days", week(2).from_ms + 5 * DAY_MS)
    ]
    assert "for 9 days so far" in render_markdown(found)


def test_at_most_three_things_to_look_at_the_critical_one_first(letter) -> None:
    begin = week(2).from_ms
    alarms = [alarm(f"volume:{n}", begin + n, severity="warning") for n in range(4)]
    alarms.append(alarm("harm", begin + 9, severity="critical"))
    steps = [
        step_of("alarm_raised", at_ms=one.since_ms, reason=one.title, detail=one) for one in alarms
    ]
    found = letter(Weeks(), 2, steps)
    advice = found.advice
    assert "more: `liverank" not in render_html(found) + render_markdown(found)
    assert [one.next_step for one in advice] == ["Mend harm.", "Mend volume:0.", "Mend volume:1."]


def test_a_week_of_many_steps_and_alarms_lists_some_and_says_how_many_more(letter) -> None:
    begin = week(2).from_ms
    alarms = [alarm(f"volume:{n}", begin + n) for n in range(9)]
    steps = [
        step_of("alarm_raised", at_ms=one.since_ms, reason=one.title, detail=one) for one in alarms
    ]
    steps += [
        step_of("refused", at_ms=begin + n, reason=f"worse {n}.", model=f"m{n}") for n in range(20)
    ]
    found = letter(Weeks(), 2, steps)
    text = render_markdown(found)
    assert "And 3 more: `liverank autopilot history`." in text
    assert "20 not released. The newest 8:" in text
    assert [n for n in range(20) if f"worse {n}." in text] == list(range(12, 20))
    assert "And 3 more: <code>" in render_html(found)


def test_trainings_that_fail_or_never_win_are_worth_a_look(letter) -> None:
    begin = week(2).from_ms
    refused = [
        step_of("refused", at_ms=begin + n * HOUR_MS, reason=f"worse {n}", model=f"m{n}")
        for n in range(5)
    ]
    assert letter(Weeks(), 2, refused[:4]).advice == ()
    [advice] = letter(Weeks(seed=1), 2, refused).advice
    assert advice.what == "The last 5 challengers were not released"
    failed = step_of("training_failed", at_ms=begin + 9 * HOUR_MS, reason="out of memory")
    [advice] = letter(Weeks(seed=2), 2, [*refused, failed]).advice
    assert advice.what == "The last training failed (1 since the last release)"
    assert "out of memory" in advice.next_step


def test_without_anybody_on_the_heuristic_the_value_is_unknown_and_it_says_what_to_do(
    letter,
) -> None:
    found = letter(
        Weeks(holdout=0), 2, config=config_of('[label]\ninteraction = "join"\n[autopilot]\n')
    )
    assert found.headline == (
        "What personal lists brought this week is unknown: nobody is on the heuristic."
    )
    assert found.value.course == ()
    assert "Set `holdout = 0.02`" in found.advice[0].next_step
    assert "Unknown, because nobody is on the heuristic" in render_markdown(found)


def test_without_a_holdout_an_experiment_says_what_it_is_worth(letter) -> None:
    text = (
        '[label]\ninteraction = "join"\n[autopilot]\n[experiments.tab]\nmetrics = ["join_rate"]\n'
        '[experiments.tab.variants]\npopular = { rank = "popular" }\nmodel = { rank = "model" }\n'
    )
    weeks = Weeks(holdout=0, variants={"tab:popular": 0.5, "tab:model": 0.5})
    found = letter(weeks, 2, config=config_of(text))
    [experiment] = found.value.experiments
    assert (experiment.name, experiment.variant, experiment.metric) == ("tab", "model", "join_rate")
    assert found.value.source == "experiment"
    assert found.headline.startswith("In the experiment `tab`, `model` changed `join_rate` by ")
    assert f"Experiment `tab`: {experiment.sentence}" in render_markdown(found).replace("\\", "")
    assert found.advice == ()


def test_weeks_without_a_list_or_without_a_model_say_so(letter) -> None:
    found = letter(Weeks(), 5)
    assert found.headline == "Nobody was shown a list this week."
    assert [one.what for one in found.advice] == ["Nobody was shown a list"]
    found = letter(Weeks(seed=1, model="popular"), 2)
    assert found.headline == "No model ranked this week; everybody got lists without one."
    assert "Unknown, because no model was in service." in render_markdown(found)


def test_an_empty_log_gives_a_letter_that_says_so(tmp_path) -> None:
    with Log.open(tmp_path) as log:
        found = letter_of(log, CONFIG, week(0))
    assert found.headline == "Nobody was shown a list this week."
    assert found.volumes == ()
    assert "the log has no events of it" in render_html(found)


def test_the_same_events_give_the_same_bytes_however_the_log_lies(tmp_path) -> None:
    weeks, steps = Weeks(), eventful(2)
    with log_of_weeks(tmp_path / "a", weeks, steps) as log:
        first = write_letter(log, CONFIG, tmp_path / "one", week(2), at_ms=1)
    with Log.open(tmp_path / "b", segment_rows=1_500, syncs=False) as log:
        frame = frame_of_weeks(weeks)
        third = frame.height // 3
        for begin in (0, third, 2 * third):
            length = third if begin < 2 * third else None
            log.import_frame(frame.slice(begin, length), arrived_ms=week(2).to_ms)
        log.append(steps, arrived_ms=week(2).to_ms)
        second = write_letter(log, CONFIG, tmp_path / "two", week(2), at_ms=2)
    assert first.html.read_bytes() == second.html.read_bytes()
    assert first.markdown.read_bytes() == second.markdown.read_bytes()
    assert (first.html.name, first.markdown.name) == ("2026-W39.html", "2026-W39.md")
    assert first.message.id == second.message.id == "letter:2026-W39"
    assert first.message.html == first.html.read_text()
    assert first.step.fields["reason"] == first.letter.headline


def test_a_long_log_is_read_in_pieces_only_as_far_back_as_it_must(tmp_path, monkeypatch) -> None:
    weeks = Weeks(people=100, weeks=14)
    frame = frame_of_weeks(weeks)
    events = list(events_of(frame))
    with Log.open(tmp_path, syncs=False) as log:
        for number in range(14):
            inside = (frame["time"] >= week(number).from_ms) & (frame["time"] < week(number).to_ms)
            log.import_frame(frame.filter(inside), arrived_ms=week(number).to_ms)
        whole = letter_of(log, CONFIG, week(13))
        monkeypatch.setattr(people, "_ROWS", 300)
        monkeypatch.setattr(people, "_MOST_PIECES", 3)
        assert letter_of(log, CONFIG, week(13)) == whole
        read = People(log, CONFIG, week(13), listed=False)
    assert len(whole.value.course) == COURSE
    for number, one in enumerate(whole.value.course, 6):
        Plain(weeks, events, number, number).check(one)
    assert set(read.table["period"]) == set(range(COURSE + LOOK_BACK))


def test_a_letter_names_no_user(letter) -> None:
    begin = week(2).from_ms
    bot = alarm("bot:user7", begin, title="`user7` joins all", next_step="Block user7.",
                users=("user7",))  # fmt: skip
    found = letter(Weeks(), 2, [step_of("alarm_raised", at_ms=begin, reason="", detail=bot)])
    assert "`(a user)` joins all" in render_markdown(found)
    assert "user7" not in render_html(found) + render_markdown(found)


def test_names_are_escaped_in_the_page_and_in_the_markdown(letter) -> None:
    begin = week(2).from_ms
    evil = alarm(
        "volume:x", begin, title="<script>alert(1)</script> **x** [a](b)", next_step="<b>`x`</b>"
    )
    steps = [
        step_of("alarm_raised", at_ms=begin, reason="", detail=evil),
        step_of("refused", at_ms=begin, reason="<img src=x>\n# no heading", model="<i>"),
    ]
    found = letter(Weeks(), 2, steps)
    page, text = render_html(found), render_markdown(found)
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert r"\<script\>alert(1)\</script\> \*\*x\*\* \[a\](b)" in text
    assert "\n# no heading" not in text


def test_the_page_needs_no_network_and_no_script(letter) -> None:
    page = render_html(letter(Weeks(weeks=6), 5, eventful(5)))
    assert "default-src &#x27;none&#x27;" in page
    assert "<svg" in page
    for forbidden in ("<script", "http://", "https://", "url(", "@import"):
        assert forbidden not in page.replace('http-equiv="', "")


def test_a_letter_says_everything_in_both_forms(letter) -> None:
    """The words of the Markdown are the words of the page."""
    found = letter(Weeks(weeks=6), 5, eventful(5))
    page = render_html(found).replace("\N{NO-BREAK SPACE}", " ")
    for one in (*found.released, *found.troubles, *found.advice):
        text = getattr(one, "reason", "") or getattr(one, "title", "") or one.what
        assert text in page
        assert text in render_markdown(found)


def test_the_command_writes_the_letter_of_the_week(tmp_path, capsys) -> None:
    file = tmp_path / "liverank.toml"
    file.write_text(TEXT)
    log_of_weeks(tmp_path / ".liverank" / "log", Weeks(), eventful(2)).close()
    arguments = ["autopilot", "letter", "--config", str(file)]
    html = tmp_path / "page.html"
    assert main([*arguments, "--week", "2026-W39", "--html", str(html), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["letter"]["title"] == "Week 39, 2026"
    assert html.read_text() == (tmp_path / ".liverank/letters/2026-W39.html").read_text()
    assert main([*arguments, "--until", "2026-09-24T00:00:00Z", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "2026-09-23.md").exists()
    assert main([*arguments, "--week", "2026-W99"]) == 1
    assert "expected one such as 2026-W49" in capsys.readouterr().err
