"""Lists of some people at the same time under both variants, as the real server answers.

Invariant: the lists are the server's own; only ``true_join_probability`` comes from the simulator.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console

from liverank.bundle import store
from liverank.cli.project.paths import data_path
from liverank.config import load_config
from liverank.features.spec import FeatureSpec, SpecFeature
from liverank.proof.page.facts import ListedRoom, PersonLists, Why
from liverank.proof.page.phrases import reason_words, subject
from liverank.proof.results import ProofResult
from liverank.serving.http.messages import RankedItem, RankRequest, RankResponse
from liverank.simulator.life.life import Life
from liverank.simulator.portrait import Portrait
from liverank.simulator.server.own_server import post
from liverank.simulator.simulate import SURFACE
from liverank.simulator.world.names import LANGUAGES
from liverank.simulator.world.world import person_row, room_row

POPULAR_SURFACE = "most_popular"
"""Surface on which the most popular rooms of all users come first."""
ROOMS = 4
"""Rooms shown of each list: one screen of the app."""
_REASONS = 2
_ENGLISH = {
    "en": "English",
    "es": "Spanish",
    "pt": "Portuguese",
    "de": "German",
    "ja": "Japanese",
    "hi": "Hindi",
}


@dataclass(frozen=True, eq=False)
class Moment:
    """The end of a simulation, with its results."""

    life: Life
    result: ProofResult
    config: Path
    """Config of a copy of the project: lists are logged, and this log is discarded."""

    @property
    def spec(self) -> FeatureSpec:
        """The features that the model reads."""
        root = data_path(self.config, load_config(self.config))
        return store.load(root, self.result.training.bundle).spec


def config_for(moment: Moment, people: Sequence[Portrait]) -> Path:
    """Write a config next to the project's with which a server gives these people both lists.

    On the app's surface they are forced into the model's variant. On another surface they get the
    most popular rooms of all users: an experiment with no participants counts everybody's joins.
    """
    result = moment.result
    to_model, to_popular = (
        "\n".join(f'"{person.user}" = "{variant}"' for person in people)
        for variant in (result.variant, "popular")
    )
    begin = datetime.fromtimestamp(result.world.start_ms // 1000, UTC).isoformat()
    tables = f"""
[experiments.{result.experiment}.forced]
{to_model}

[surfaces.{POPULAR_SURFACE}]
limit = {ROOMS}

[experiments.{POPULAR_SURFACE}]
surface = "{POPULAR_SURFACE}"
ramp = 0
start = {begin}
variants = {{ popular = {{ rank = "popular" }}, random = {{ rank = "random" }} }}

[experiments.{POPULAR_SURFACE}.forced]
{to_popular}
"""
    config = moment.config.with_name(f"lists-{moment.config.name}")
    config.write_text(moment.config.read_text(encoding="utf-8") + tables, encoding="utf-8")
    return config


def lists_of(moment: Moment, people: Sequence[Portrait], address: str) -> tuple[PersonLists, ...]:
    """Both lists of these people, from a server with the config of ``config_for``.

    Raises ServingError if the server does not answer.
    """
    life = moment.life
    counts = life.tally.joins.sum(axis=1).tolist()
    features = {feature.name: feature for feature in moment.spec.features}
    popular = _answers(address, people, POPULAR_SURFACE)
    model = _answers(address, people, SURFACE)
    return tuple(
        PersonLists(
            user=person.user,
            languages=tuple(map(_language, person.languages)),
            topics=person.topics,
            joins=int(counts[person_row(life.world, person.user)]),
            popular=tuple(
                _listed(life, person.user, ranked, _popularity(ranked)) for ranked in left.items
            ),
            model=tuple(
                _listed(life, person.user, ranked, _whys(ranked, features))
                for ranked in right.items
            ),
        )
        for person, left, right in zip(people, popular, model, strict=True)
    )


def show_lists(lists: Sequence[PersonLists], console: Console) -> None:
    """Print one line for each person."""
    for person in lists:
        popular, model = (
            1 - math.prod(1 - room.true_join_probability for room in rooms)
            for rooms in (person.popular, person.model)
        )
        console.print(
            f"{person.user} speaks {', '.join(person.languages)}, likes "
            f"{', '.join(person.topics)}. True probability of joining one of the first {ROOMS}: "
            f"{popular:.0%} on most popular, {model:.0%} on liverank",
            markup=False,
            soft_wrap=True,
        )


def _answers(address: str, people: Sequence[Portrait], surface: str) -> list[RankResponse]:
    requests = [
        RankRequest(user=person.user, surface=surface, limit=ROOMS, explain=True)
        for person in people
    ]
    return [
        msgspec.json.decode(
            post(f"{address}/v1/rank", msgspec.json.encode(request)), type=RankResponse
        )
        for request in requests
    ]


def _popularity(ranked: RankedItem) -> tuple[Why, ...]:
    words = f"{ranked.score:.1f} recent joins" if ranked.score >= 0.05 else "no recent joins"
    return (Why(words=words, effect=ranked.score),)


def _whys(ranked: RankedItem, features: Mapping[str, SpecFeature]) -> tuple[Why, ...]:
    """The strongest reasons, at most one per feature and its in-list comparison."""
    reasons = [] if isinstance(ranked.reasons, msgspec.UnsetType) else ranked.reasons
    whys: dict[str, Why] = {}
    for reason in reasons:
        feature = features[reason.feature]
        whys.setdefault(
            subject(feature.expression),
            Why(words=reason_words(feature, reason.value, reason.typical), effect=reason.effect),
        )
    return tuple(whys.values())[:_REASONS]


def _listed(life: Life, user: str, ranked: RankedItem, reasons: tuple[Why, ...]) -> ListedRoom:
    world = life.world
    person = np.array([person_row(world, user)])
    room = room_row(world, ranked.item)
    host = int(world.rooms.host[room])
    return ListedRoom(
        item=ranked.item,
        title=world.rooms.titles[room],
        host=world.host_ids[host],
        topics=world.rooms.topic_names(room),
        language=_language(LANGUAGES[world.hosts.language[host]]),
        listeners=life.listeners(room),
        score=ranked.score,
        true_join_probability=float(life.true_chances(person, np.array([room]))[0, 0]),
        reasons=reasons,
    )


def _language(code: str) -> str:
    return _ENGLISH.get(code, code)
