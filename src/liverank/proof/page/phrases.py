"""Describes features in words for readers who do not know their definitions.

Invariant: every expression of a feature has a phrase; names of fields are the product's own.
"""

import math

from liverank.features.kinds.attribute import Attribute, Level
from liverank.features.kinds.audience import Audience, AudienceShare, Difference
from liverank.features.kinds.context import Context, Local
from liverank.features.kinds.count import Count
from liverank.features.kinds.fatigue import Fatigue
from liverank.features.kinds.following import Followed, FollowedHere, FollowedLatest
from liverank.features.kinds.lifecycle import Age, Kept, LifeLeft, LifeState
from liverank.features.kinds.listwise import AboveMean, AboveMeanSd, Gap, Rank
from liverank.features.kinds.match import Same, Share
from liverank.features.kinds.momentum import Momentum
from liverank.features.kinds.next_item import NextCount, NextShare
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.features.kinds.total import Average, Total
from liverank.features.kinds.visits import Visits
from liverank.features.layout.layout import USER_RECENT
from liverank.features.spec import Expression, SpecFeature

COMPARED = AboveMean | AboveMeanSd | Gap | Rank
"""Comparisons with the other candidates of a list."""
_PLURALS = {"join": "joins", "long_join": "long stays", "click": "clicks", "leave": "exits"}
_VERBS = {
    "join": ("joined", "joins", "join"),
    "long_join": ("stayed long in", "stays long in", "stay long in"),
    "click": ("clicked", "clicks", "click"),
    "leave": ("left", "leaves", "leave"),
}
"""Verbs for interactions of the demo: past tense, one person, many people."""
_ROOMS = {
    "host": "rooms of this host",
    "speakers": "rooms with these speakers",
    "topics": "rooms on these topics",
    "title": "rooms with such titles",
    "language": "rooms in this language",
}
_OF = {"host": "this host", "speakers": "these speakers", "topics": "these topics"}
_LATEST = {"topics": "on these topics", "speakers": "with these speakers"}
_VISITS = {
    "visits": "how often the person has come",
    "visit_gap_d": "days between the person's visits",
    "away_d": "days since the person was last here",
    "usual_hour": "whether the person usually comes at this hour",
}
_KEPT = {
    "starts": "how often the room has started",
    "announced": "time since the room was announced",
    "peak": "the most listeners that the room has had",
}
_CONTEXT = {
    "hour": "the hour of the day",
    "weekday": "the day of the week",
    "candidates": "how many rooms are live",
    "position": "the position in the list",
}
_ENTITIES = {"item": "room", "user": "person", "request": "request"}
_LIFETIME = "forever"


def phrase(expression: Expression) -> str:
    """The meaning of a feature, as a noun phrase.

    >>> phrase(Count("user_host", "join", "14d")), phrase(FollowedHere())
    ('how often the person joined rooms of this host', 'people in the room whom the person follows')
    """
    match expression:
        case AboveMean(of=of) | AboveMeanSd(of=of) | Gap(of=of) | Rank(of=of):
            return f"{phrase(of)}, compared with the other live rooms"
        case Count(scope=scope, type=type_, half_life=half_life):
            return _count_phrase(scope, type_) + _span(scope, half_life)
        case Total(scope=scope, type=type_) | Average(scope=scope, type=type_):
            return f"values of {_plural(type_)} of {_people(scope)} in {_rooms(scope)}"
        case Rate(scope=scope, type=type_, half_life=half_life):
            verb = _verbs(type_)[1 if _is_of_person(scope) else 2]
            done = f"{_people(scope)} {verb} {_rooms(scope)} when shown"
            return f"how often {done}{_span(scope, half_life)}"
        case Ago(scope=scope, type=type_):
            return f"time since {_people(scope)} last {_past(scope, type_)} {_rooms(scope)}"
        case Fatigue(scope=scope):
            return f"how often the person passed over {_rooms(scope)} recently"
        case Momentum(short=short):
            return f"whether more people than before {_many(short.type)} {_rooms(short.scope)}"
        case Share(part=part):
            return f"share of the person's {_plural(part.type)} in {_rooms(part.scope)}"
        case Same(item_field=field):
            return f"whether person and room share the {field}"
        case NextShare() | NextCount():
            return "how many people went on to this room after the rooms that the person was in"
    return _phrase_of_state(expression)


def _phrase_of_state(expression: Expression) -> str:
    """Phrases of features of a room, a person or a time that are not counts."""
    match expression:
        case Followed(field=field):
            return f"whether the person follows {_OF.get(field, f'the {field}')}"
        case FollowedLatest(field=field, prior=prior):
            part = "how many" if prior is None else "share"
            what = _LATEST.get(field, f"on rooms of this {field}")
            return f"{part} of the hosts whom the person follows were last {what}"
        case FollowedHere():
            return "people in the room whom the person follows"
        case Visits(what=what):
            return _VISITS[what]
        case Audience():
            return "listeners in the room now"
        case AudienceShare(part=Audience()):
            return "listeners now, as a share of the most that the room has had"
        case AudienceShare() | Difference():
            return "whether listeners are coming or going"
        case Age(since="started"):
            return "how long the room has been live"
        case Age():
            return "how long the room has been known"
        case Kept(what=what):
            return _KEPT[what]
        case LifeState():
            return "whether the room is live"
        case LifeLeft():
            return "how much longer the room is likely to last"
        case Local(what=what):
            return f"{_CONTEXT[what]} where the person is"
        case Context(what=what):
            return _CONTEXT[what]
        case Attribute(entity=entity, field=field) | Level(entity=entity, field=field):
            return f"{field.replace('_', ' ')} of the {_ENTITIES[entity]}"
    raise TypeError(f"{type(expression).__name__} has no phrase; give it one in {__name__}")


def subject(expression: Expression) -> str:
    """The phrase of a feature; for a comparison, of the compared feature.

    >>> subject(Rank(FollowedHere())) == subject(FollowedHere())
    True
    """
    return phrase(expression.of if isinstance(expression, COMPARED) else expression)


def reason_words(feature: SpecFeature, value: float | None, typical: float | None) -> str:
    """A reason for an item's position: the feature, its value, and the others' usual value.

    >>> here = SpecFeature("followed_here", "following", FollowedHere())
    >>> reason_words(here, 3.0, 0.0)
    'people in the room whom the person follows: 3 (most rooms: 0)'
    """
    expression = feature.expression
    of = expression.of if isinstance(expression, COMPARED) else expression
    if isinstance(of, Same | Followed) and value is not None:
        return _statement(of, is_so=_is_high(expression, value))
    if isinstance(expression, COMPARED):
        return f"{subject(expression)}: {_compared(expression, value)}"
    return f"{phrase(expression)}: {_amount(feature, value)} (most rooms: " + (
        f"{_amount(feature, typical)})"
    )


def _compared(expression: COMPARED, value: float | None) -> str:
    if value is None:
        return "not known"
    if isinstance(expression, Rank):
        if value <= 0.0:
            return "the highest of all live rooms"
        if value < 0.5:
            return f"among the highest {math.ceil(100 * value)} % of live rooms"
        return f"among the lowest {math.ceil(100 * (1 - value)) or 1} % of live rooms"
    if isinstance(expression, Gap):
        return "the highest of all live rooms" if value <= 0 else "below the highest"
    return f"{'above' if _is_high(expression, value) else 'below'} the average live room"


def _is_high(expression: Expression, value: float) -> bool:
    """Whether a value is above zero or, for a comparison, above those of the other rooms."""
    return value < 0.5 if isinstance(expression, Gap | Rank) else value > 0


def _statement(expression: Same | Followed, *, is_so: bool) -> str:
    """A yes/no feature of a person and a room as a statement, or as its negation."""
    words = phrase(expression).removeprefix("whether ")
    if is_so:
        return words
    return words.replace(" follows ", " does not follow ").replace(" share ", " do not share ")


def _amount(feature: SpecFeature, value: float | None) -> str:
    if value is None:
        return "not known"
    expression = feature.expression
    if isinstance(expression, Rate | Share) or feature.name.endswith("_share"):
        return f"{value:.1%}".replace("%", " %")
    if isinstance(expression, Ago | Age | LifeLeft) or feature.name.endswith("_ago_s"):
        return _duration(value)
    return f"{value:.0f}" if value >= 9.95 or value == round(value) else f"{value:.1f}"


def _duration(seconds: float) -> str:
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if abs(seconds) >= size:
            number = round(seconds / size)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{seconds:.0f} seconds"


def _count_phrase(scope: str, type_: str) -> str:
    done = f"{_people(scope)} {_past(scope, type_)} {_rooms(scope)}"
    return f"how often {done}" if _is_of_person(scope) else f"how many {done}"


def _plural(type_: str) -> str:
    return _PLURALS.get(type_, f"{type_} events")


def _verbs(type_: str) -> tuple[str, str, str]:
    named = f"“{type_}” for"
    return _VERBS.get(type_, (f"sent {named}", f"sends {named}", f"send {named}"))


def _past(scope: str, type_: str) -> str:
    if type_ == "impression":
        return "was shown" if _is_of_person(scope) else "were shown"
    return _verbs(type_)[0]


def _many(type_: str) -> str:
    return "see" if type_ == "impression" else _verbs(type_)[2]


def _is_of_person(scope: str) -> bool:
    return scope == "user" or scope.startswith("user_")


def _people(scope: str) -> str:
    """The people whose interactions a scope counts."""
    if _is_of_person(scope):
        return "the person"
    of_some = scope.endswith("_item") and scope != "item"
    same = scope.removesuffix("_item").replace("_", " ")
    return f"people of the same {same}" if of_some else "people"


def _rooms(scope: str) -> str:
    """The rooms whose interactions a scope counts."""
    if scope in ("user", "all", USER_RECENT):
        return "rooms"
    if scope == "item" or scope.endswith("_item"):
        return "this room"
    field = scope.removeprefix("user_")
    return _ROOMS.get(field, f"rooms of this {field}")


def _span(scope: str, half_life: str) -> str:
    """The time span of a count, if it adds information to the scope."""
    is_pair = scope.startswith("user_") and scope != USER_RECENT
    if half_life == _LIFETIME or is_pair:
        return ""
    if half_life.endswith("m"):
        return " in the last minutes"
    return " in the last hours" if half_life.endswith("h") else " in the last days"
