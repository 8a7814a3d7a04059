"""The page of a proof: well-formed, alone in one file, and safe with other people's names."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from proof_results import result

from liverank.proof.page.facts import ListedRoom, LoadFigures, PageFacts, PersonLists, Why
from liverank.proof.page.page import render_page
from liverank.proof.page.themes import Theme
from liverank.proof.results import (
    METRICS,
    Look,
    MetricName,
    MetricProof,
    Phase,
    ProofResult,
    Reported,
    TrainingSummary,
    TruePolicy,
)

VOID = {"meta", "line", "rect", "circle", "path", "polyline", "polygon"}
EVIL = '<script src="http://evil.example/x.js">&'
VALUES: dict[str, tuple[float, float, float, float]] = {
    "popular": (0.21, 0.031, 17.1, 122.0),
    "popular 5m": (0.22, 0.033, 17.9, 130.0),
    "random": (0.18, 0.024, 16.0, 101.0),
    "model": (0.25, 0.042, 21.0, 161.0),
    "oracle": (0.27, 0.047, 23.2, 175.0),
}
LIFTS: dict[MetricName, float] = {
    "daily_active": 0.19,
    "join_rate": 0.35,
    "clicks_to_explore": 0.228,
    "minutes_listened": 0.32,
}


def reported(name: MetricName, verdict: str = "better") -> Reported:
    lift, control = LIFTS[name], VALUES["popular"][METRICS.index(name)]
    looks = tuple(
        Look(
            day=float(day),
            lift=lift * (1 + 0.5 * (-1) ** day / day),
            lift_ci=(lift - 0.6 / day**0.7, lift + 0.6 / day**0.7) if day > 1 else (None, None),
            crossed=day > 5,
        )
        for day in range(1, 15)
    )
    return Reported(
        control=control,
        variant=control * (1 + lift),
        difference=control * lift,
        difference_ci=(control * (lift - 0.09), control * (lift + 0.09)),
        lift=lift,
        lift_ci=(lift - 0.09, lift + 0.09),
        p=0.0004,
        verdict=verdict,
        significant=verdict != "no difference proven",
        looks=looks,
    )


def metric(name: MetricName) -> MetricProof:
    place = METRICS.index(name)
    popular, heuristic, model, oracle = (
        VALUES[policy][place] for policy in ("popular", "popular 5m", "model", "oracle")
    )
    return MetricProof(
        name=name,
        reported=reported(name),
        true_difference=model - popular,
        true_lift=model / popular - 1,
        covered=name != "minutes_listened",
        oracle_share=(model - heuristic) / (oracle - heuristic),
    )


def proof() -> ProofResult:
    return msgspec.structs.replace(
        result(),
        world=msgspec.structs.replace(result().world, people=800, hosts=80, rooms=2140),
        phases=(
            Phase(
                name="before",
                words="two weeks on most popular",
                seconds=41.0,
                simulated_days=14,
                visits=31_204,
                events=410_522,
            ),
            Phase(name="training", words="liverank trains itself", seconds=31.4),
            Phase(
                name="test", words="the A/B test", seconds=52.2, simulated_days=14, visits=33_108
            ),
        ),
        training=TrainingSummary(
            bundle="3f6c363547619096",
            seconds=31.4,
            budget_s=20.0,
            rows=212_431,
            successes=6_604,
            models_tried=7,
            best_heuristic="popular 5m",
            scores={"model": {"ndcg@10": 0.5}},
            importance={"followed_here": 1.0},
        ),
        units={"popular": 398, "model": 402},
        decision="Ship model: join rate is 35 % higher than with popular.",
        reasons=("the boundary was crossed on day 6",),
        metrics=tuple(map(metric, METRICS)),
        truth=tuple(
            TruePolicy(
                policy=policy,
                where="server" if policy in ("popular", "model") else "in process",
                values=dict(zip(METRICS, values, strict=True)),
                people=800,
            )
            for policy, values in VALUES.items()
        ),
        heuristics=("popular", "popular 5m"),
        best_heuristic="popular 5m",
    )


def room(number: int, chance: float, *reasons: Why) -> ListedRoom:
    titles = ("AI tonight", "Stories after dark", "Open mic: jazz", "Ask a nurse", "Chess puzzles")
    return ListedRoom(
        item=f"room{number}",
        title=titles[number % 5],
        host=f"u{number * 7 % 80}",
        topics=(("ai", "music", "chess")[number % 3], ("health", "stories")[number % 2]),
        language=("English", "Spanish")[number % 2],
        listeners=number % 40,
        score=chance,
        true_join_probability=chance,
        reasons=reasons,
    )


def person(number: int) -> PersonLists:
    chances = (0.38, 0.29, 0.22, 0.2, 0.12)
    why = (
        Why(words="people in the room whom the person follows: 3 (most rooms: 0)", effect=0.8),
        Why(
            words="share of the person's joins with this host: 12.1 % (most rooms: 0.0 %)",
            effect=0.4,
        ),
    )
    low = Why(
        words="how often the person was shown this room and did not choose it: 4", effect=-0.2
    )
    return PersonLists(
        user=f"u{number}",
        languages=("English", "Spanish"),
        topics=("ai", "music", "chess"),
        joins=14 + number,
        popular=tuple(
            room(place + 3 * number, chance / 4, Why(words="joins lately: 9.3", effect=9.3))
            for place, chance in enumerate(chances)
        ),
        model=tuple(
            room(place + 5 * number, chance, *why[place % 2 :], low)
            for place, chance in enumerate(chances)
        ),
    )


def facts() -> PageFacts:
    return PageFacts(
        result=proof(),
        lists=tuple(map(person, (17, 204, 531))),
        live_rooms=43,
        learned=(
            Theme("What the person chose before", 0.41, ("joins of the person with this host",), 9),
            Theme("Whom the person follows", 0.24, ("whether the person follows this host",), 4),
            Theme(
                "How this room does with everybody", 0.2, ("joins per impression in this room",), 7
            ),
            Theme("What person and room say of themselves", 0.15, ("whether they share it",), 2),
        ),
        load=LoadFigures(
            seconds=10.0,
            answered=9_812,
            per_second=981.2,
            p50_ms=1.71,
            p99_ms=6.4,
            errors=0,
            candidates=43,
        ),
        peak_memory_mb=412.0,
        seconds=271.0,
        processors=2,
        commands=("liverank serve --config world/liverank.toml",),
    )


class Reader(HTMLParser):
    """Raises where an element is closed that is not open; keeps ids, texts and attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def text_of(page: str) -> str:
    return re.sub(r"<[^>]+>", " ", page).replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_is_well_formed_and_asks_nothing_of_a_network() -> None:
    page = render_page(facts())

    reader = read(page)

    assert reader.open == []
    assert reader.tags.isdisjoint({"script", "link", "img", "iframe", "object"})
    assert reader.attributes.isdisjoint({"src", "href", "srcset", "onclick"})
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page
    assert "@import" not in page


def test_it_says_decision_lift_interval_and_share_of_each_metric() -> None:
    text = text_of(render_page(facts()))

    assert "Ship model: join rate is 35 % higher than with popular." in text
    for title, lift, interval, share in (
        ("Daily active", "+19 %", "+10 to +28 %", "60 %"),
        ("Join rate", "+35 %", "+26 to +44 %", "64 %"),
        ("Clicks to explore", "+23 %", "+14 to +32 %", "58 %"),
        ("Minutes listened", "+32 %", "+23 to +41 %", "69 %"),
    ):
        assert re.search(
            rf"{title}\s+{re.escape(lift)}\s+95 % sure: {re.escape(interval)}.*?{share} of what",
            text,
        ), title
    assert "Of 4 intervals 3 hold it" in text


def test_both_lists_of_each_person_stand_in_their_order() -> None:
    page = render_page(facts())

    for shown in facts().lists:
        start = page.index(f"<h3>{shown.user}</h3>")
        block = page[start : page.index("</article>", start)]
        titles = re.findall(r"<b>([^<]+)</b>", block)
        assert titles == [room.title for room in (*shown.popular, *shown.model)]


@pytest.mark.parametrize("place", ["title", "host", "user", "topic", "words", "command"])
def test_names_of_other_people_are_escaped(place: str) -> None:
    shown = facts()
    person = shown.lists[0]
    room = person.model[0]
    if place in ("title", "host"):
        room = msgspec.structs.replace(room, **{place: EVIL})
    if place == "topic":
        room = msgspec.structs.replace(room, topics=(EVIL,))
    if place == "words":
        room = msgspec.structs.replace(room, reasons=(Why(words=EVIL, effect=0.1),))
    person = msgspec.structs.replace(person, model=(room, *person.model[1:]))
    if place == "user":
        person = msgspec.structs.replace(person, user=EVIL)
    commands = (EVIL,) if place == "command" else shown.commands

    page = render_page(
        msgspec.structs.replace(shown, lists=(person, *shown.lists[1:]), commands=commands)
    )

    assert "<script" not in page
    assert "&lt;script src=&quot;http://evil.example/x.js&quot;&gt;&amp;" in page
    assert read(page).open == []


def test_what_is_not_known_is_left_out_or_said_to_be_unknown() -> None:
    result = proof()
    unknown = tuple(
        msgspec.structs.replace(
            one,
            reported=msgspec.structs.replace(
                one.reported,
                lift=None,
                lift_ci=(None, None),
                verdict="no difference proven",
                looks=(),
            ),
            true_lift=None,
            covered=None,
            oracle_share=None,
        )
        for one in result.metrics
    )
    bare = msgspec.structs.replace(
        result, metrics=unknown, truth=(), best_heuristic=None, action="wait"
    )
    page = render_page(
        PageFacts(
            result=bare,
            lists=(),
            live_rooms=0,
            learned=(),
            load=None,
            peak_memory_mb=None,
            seconds=3.0,
            processors=1,
            commands=(),
        )
    )

    text = text_of(page)
    assert read(page).open == []
    assert "Not proven" in text
    assert "no interval yet" in text
    for absent in ("How much was there to gain?", "The lift over time", "Load test", "None", "nan"):
        assert absent not in text
