"""The section with the lists of some people at one time, under both variants side by side."""

import math

from liverank.markup import Html, joined, tag
from liverank.proof.page.facts import ListedRoom, PageFacts, PersonLists, Why

_REASONS = 2


def lists(facts: PageFacts) -> Html | None:
    """Two lists for each person; empty if there are no lists."""
    if not facts.lists:
        return None
    return tag(
        "section",
        tag("h2", "Same moment, same rooms, two lists"),
        tag(
            "p",
            f"{facts.live_rooms} rooms are live. Under “Most popular” is what "
            f"{_number(facts.lists)} people see when recent joins decide, under “liverank” what "
            "it puts first for each of them, and why. The bar is the true chance that this person "
            "joins the room if they look at it. Only the simulator knows it; liverank never sees "
            "it.",
        ),
        *map(_person, facts.lists),
    )


def _person(person: PersonLists) -> Html:
    rooms = (*person.popular, *person.model)
    most = max((room.true_join_probability for room in rooms), default=0.0) or 1.0
    return tag(
        "article",
        tag(
            "div",
            tag("h3", person.user),
            tag(
                "p",
                f"Understands {_listing(person.languages)}. Likes {_listing(person.topics)}. "
                f"Joined {person.joins} room{'' if person.joins == 1 else 's'} before.",
            ),
            class_="who",
        ),
        tag(
            "div",
            _column("Most popular", person.popular, "popular", most),
            _column("liverank", person.model, "model", most),
            class_="pair",
        ),
        class_="person",
    )


def _column(title: str, rooms: tuple[ListedRoom, ...], class_: str, most: float) -> Html:
    """One list; the bar of the probability ``most`` is as wide as the column."""
    chance = 1 - math.prod(1 - room.true_join_probability for room in rooms)
    return tag(
        "div",
        tag("h4", title, tag("span", f"joins one of these: {chance:.0%}".replace("%", " %"))),
        tag("ol", *(_room(room, most) for room in rooms)),
        class_=f"list {class_}",
    )


def _room(room: ListedRoom, most: float) -> Html:
    chance = room.true_join_probability
    return tag(
        "li",
        tag("b", room.title),
        tag(
            "small",
            f"{', '.join(room.topics)} · {room.language} · by {room.host} · "
            f"{room.listeners} listening",
        ),
        tag(
            "span",
            tag("i", "", style=f"width:{100 * chance / most:.1f}%"),
            tag("em", f"{chance:.0%}".replace("%", " %")),
            class_="chance",
        ),
        joined(*map(_why, room.reasons[:_REASONS])) if room.reasons else None,
    )


def _why(why: Why) -> Html:
    mark, class_ = (
        ("▲", "up") if why.effect > 0 else ("▼", "down") if why.effect < 0 else ("•", None)
    )
    return tag(
        "small",
        tag("span", mark, class_=class_),
        f" {why.words}",
        class_="why",
    )


def _listing(words: tuple[str, ...]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _number(people: tuple[PersonLists, ...]) -> str:
    return {1: "one", 2: "two", 3: "three", 4: "four"}.get(len(people), str(len(people)))
