"""A small world whose chances are known, and bundles that rank it well, badly or partly badly.

Clicks depend on the quality of an item, which is one of its fields, on nothing else of the person,
and on the position: log-odds are -1.5 + 1.5 quality - 0.2 position.
"""

import functools

import lightgbm
import numpy as np

from liverank.autopilot.gather import lists_to_train, look_at
from liverank.bundle.bundle import Bundle
from liverank.bundle.manifest import make_manifest
from liverank.config import parse_config
from liverank.dataset.replay import training_rows
from liverank.events.event import Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.features.spec import derive_spec
from liverank.models.calibrator import Calibrator
from liverank.models.importers.lightgbm import forest_from_lightgbm
from liverank.models.predictor import Predictor, Term
from liverank.quantities import duration_ms

START_MS = 1_795_392_000_000
MINUTE_MS = 60_000
FROM_MS = START_MS + 700 * MINUTE_MS
"""Lists from here on are judged on; models are trained on those before."""
UNTIL_MS = START_MS + 1_490 * MINUTE_MS
LANGUAGES = ("en", "de", "fr")
CONFIG = parse_config(
    '[label]\ninteraction = "click"\nwithin = "5m"\n'
    '[labels.click]\ninteraction = "click"\nwithin = "5m"\n'
    '[labels.like]\ninteraction = "like"\nwithin = "10m"\n'
    '[items.fields]\nquality = "number"\n[users.fields]\nlanguage = "category"\n'
)
COLUMNS = ("user_language_level", "item_quality")
LANGUAGE, QUALITY = 0, 1
EFFECTS = tuple(-0.2 * position for position in range(6))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@functools.cache
def events():
    """Two lists a minute: eight items in random order, of which the first six are seen."""
    random = np.random.default_rng(5)
    people, items = 150, 300
    quality = random.normal(size=items)
    made = [
        User(time=START_MS - 1, user=f"u{n}", fields={"language": LANGUAGES[min(n % 5, 2)]})
        for n in range(people)
    ]
    made += [
        Item(
            time=START_MS + 5 * n * MINUTE_MS - 1,
            item=f"i{n}",
            state="started",
            fields={"quality": float(quality[n])},
        )
        for n in range(items)
    ]
    for n in range(3_000):
        at_ms = START_MS + n * MINUTE_MS // 2
        newest = n // 10  # an item starts every five minutes, or ten lists
        shown = random.permutation(np.arange(max(newest - 30, 0), newest + 1))[:8].tolist()
        user = f"u{random.integers(people)}"
        made.append(
            Ranking(
                time=at_ms,
                id=f"q{n}",
                user=user,
                items=[f"i{i}" for i in shown],
                surface="home" if n % 4 else "tab",
            )
        )
        for position, i in enumerate(shown[:6]):
            clicks = int(random.random() < sigmoid(-1.5 + 1.5 * quality[i] - 0.2 * position))
            did = ["impression", *["click"] * clicks, *["like"] * (clicks and n % 2)]
            made += [
                Interaction(
                    time=at_ms + 1_000 + after, type=type_, user=user, item=f"i{i}", ranking=f"q{n}"
                )
                for after, type_ in enumerate(did)
            ]
    return sorted(made, key=lambda event: event.time)


def frames_of(some):
    frame = frame_of(some, seqs=range(1, len(some) + 1))
    return lambda: frame.iter_slices(4_000)


@functools.cache
def frames():
    return frames_of(events())


@functools.cache
def past():
    """The features, and rows of the lists before FROM_MS."""
    spec = derive_spec(look_at(frames(), CONFIG, before_ms=FROM_MS), CONFIG)
    spec = spec.keep(set(COLUMNS))
    assert spec.names == COLUMNS
    lists = lists_to_train(frames(), spec.layout, CONFIG, before_ms=FROM_MS)
    rows = training_rows(
        frames()(), spec, lists, max_future_ms=duration_ms(CONFIG.features.max_future)
    )
    return spec, rows, lists


def good(rows):
    """The true log-odds of a click at the first position."""
    return -1.5 + 1.5 * rows[:, QUALITY]


def inverted(rows):
    return -1.5 - 1.5 * rows[:, QUALITY]


def shuffled(rows):
    return -1.5 + 1.5 * np.random.default_rng(0).permutation(rows[:, QUALITY])


def bad_for_german(rows):
    german = past()[0].features[LANGUAGE].expression.levels.index("de")
    return np.where(rows[:, LANGUAGE] == german, inverted(rows), good(rows))


def coarse(rows):
    """It knows only whether the quality is above the mean."""
    return -1.5 + 1.2 * np.sign(rows[:, QUALITY])


def flat_for_german(rows):
    """Better than ``coarse`` for all but some."""
    german = past()[0].features[LANGUAGE].expression.levels.index("de")
    return np.where(rows[:, LANGUAGE] == german, -1.0, good(rows))


def predicts_twice(rows):
    return good(rows) + 0.9


@functools.cache
def bundle(log_odds, created_ms=2, labels=("click", "like"), report=None):
    """A bundle whose models were trained to give these log-odds, like being half as likely."""
    spec, rows, _ = past()
    width = len(spec.names)
    heads = {}
    for label in labels:
        target = log_odds(rows.features) - (0.9 if label == "like" else 0.0)
        booster = lightgbm.train(
            {"objective": "regression", "num_leaves": 31, "verbose": -1, "num_threads": 1},
            lightgbm.Dataset(rows.features, target),
            num_boost_round=60,
        )
        forest = forest_from_lightgbm(booster.model_to_string())
        calibrator = Calibrator.none(1)
        heads[label] = Predictor((Term(forest, 0, 1.0),), calibrator, "sigmoid", ("no", "yes"))
    position = {"log_odds": list(EFFECTS), "rows": len(rows), "method": "propensities"}
    made = {
        "format": 2,
        "position": position,
        "heads": {"like": {"format": 2, "position": position}},
    }
    name = f"{log_odds.__name__} {created_ms} {labels}".encode()
    return Bundle(
        spec,
        heads,
        made | (report or {}),
        make_manifest(
            {"spec.json": name}, features=spec.names, label=labels[0], created_ms=created_ms
        ),
        np.zeros((1, width), np.float32),
    )
