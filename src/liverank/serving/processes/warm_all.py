"""Compiles all kernels that any server may run, whatever its config and its bundle.

``warm`` compiles the kernels of one server; this module fills a cache in advance. Invariant: a
server that starts from the filled cache compiles nothing.
"""

import numpy as np

from liverank.bundle.bundle import Bundle
from liverank.bundle.manifest import make_manifest
from liverank.config import Config, Label
from liverank.events.event import Event, Interaction, Item, Ranking, User
from liverank.events.frame import frame_of
from liverank.events.schema.schema import Schema
from liverank.features.spec import FeatureSpec, derive_spec
from liverank.features.state.state import State
from liverank.features.stream.event_arrays import stream_of
from liverank.models.calibrator import Calibrator
from liverank.models.forest.scorer import compile_kernels
from liverank.models.linear.model import Linear
from liverank.models.mlp.model import Mlp
from liverank.models.predictor import Link, Predictor, Term, linked
from liverank.serving.experiments.warming import warm_up_experiments
from liverank.serving.processes.warm import warm_up
from liverank.serving.ranking.fallback import FallbackLevel
from liverank.serving.state.log_fold import FoldedLog, LogSlice

_FIELDS = {kind: kind for kind in ("category", "key", "keys", "number", "text", "time")}
_SCHEMA = Schema(
    users=_FIELDS,  # type: ignore[arg-type]  # each name is its own type
    items=_FIELDS,  # type: ignore[arg-type]
    requests=_FIELDS,  # type: ignore[arg-type]
    interactions=("join", "leave"),
    relations=("follow",),
    levels={f"{entity}.category": ("a",) for entity in ("users", "items", "requests")},
    positive=("join",),
)
_LINKS: tuple[Link, ...] = ("sigmoid", "softmax", "identity", "expm1")


def compile_everything() -> None:
    """Fold and rank once with every kind of field and model; only the cache is kept."""
    config = Config(label=Label(interaction="join"))
    spec = derive_spec(_SCHEMA, config)
    warm_up(FallbackLevel(None, "popular", None), config)
    warm_up(FallbackLevel(_bundle(spec), None, None), config)
    _fold(spec, config)
    warm_up_experiments(State(spec.layout))
    compile_kernels()
    for link in _LINKS:
        linked(np.zeros((1, 2 if link == "softmax" else 1)), link)


def _bundle(spec: FeatureSpec) -> Bundle:
    """A bundle with every kind of model part."""
    width = len(spec.names)
    linear = Linear(
        low=np.zeros(width),
        high=np.ones(width),
        logarithmic=np.zeros(width, bool),
        mean=np.zeros(width),
        weight=np.ones(width),
        missing_weight=np.ones(width),
        intercept=np.zeros(1),
    )
    terms = (Term(linear, 0, 1.0), Term(Mlp.constant(width, np.zeros(1)), 0, 1.0))
    steps = Calibrator(np.ones(1), np.zeros(1), np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    model = Predictor(terms, steps, "sigmoid", ("no", "yes"))
    manifest = make_manifest({}, features=spec.names, label="join", created_ms=0)
    return Bundle(spec, {"join": model}, {}, manifest, np.zeros((1, width), np.float32))


def _fold(spec: FeatureSpec, config: Config) -> None:
    """Fold a frame of events, as a start without a snapshot does."""
    events: list[Event] = [
        User(time=1, user="u", fields={"category": "a"}),
        Item(time=1, item="i", state="started", fields={"category": "a"}),
        Ranking(time=2, id="r", user="u", items=["i"]),
        Interaction(time=3, type="join", user="u", item="i", ranking="r"),
        Interaction(time=4, type="leave", user="u", item="i"),
    ]
    frame = frame_of(events, seqs=list(range(1, len(events) + 1)), arrived_ms=5)
    stream = stream_of(frame, spec.layout, max_future_ms=0.0)
    FoldedLog(spec.layout, config).fold(LogSlice(len(events), stream, frame))
