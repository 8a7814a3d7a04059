"""Every kind of feature as its plain, slow definition, over a ``PlainState``."""

import math
from functools import cache

from plain_state import PlainState, read_value

from liverank.features.kinds.attribute import Attribute, Level
from liverank.features.kinds.context import Context
from liverank.features.kinds.count import Count
from liverank.features.kinds.in_list import Gap, Rank
from liverank.features.kinds.lifecycle import Age
from liverank.features.kinds.match import Same, Share
from liverank.features.kinds.momentum import Momentum
from liverank.features.kinds.next_item import NextShare
from liverank.features.kinds.rate import Rate
from liverank.features.kinds.recency import Ago
from liverank.quantities import duration_ms

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
WEEKDAY_OF_1970 = 3  # a Thursday


class PlainReader:
    """Features of the candidates of one request, one by one."""

    def __init__(self, state: PlainState, user, at_ms, request, items, positions) -> None:
        self.state, self.user, self.at = state, user, at_ms
        self.request, self.items, self.positions = request, items, positions
        self.read = cache(self._read)

    def _read(self, expression, item: str) -> float:
        return getattr(self, f"_{type(expression).__name__.lower()}")(expression, item)

    def list_of(self, expression) -> list[float]:
        """The expression for every candidate."""
        return [self.read(expression, item) for item in self.items]

    def _keys(self, scope_name: str, item: str) -> list[tuple]:
        if scope_name == "next_item":
            return [(earlier, item) for earlier in self.state.recent_items(self.user)]
        return self.state.keys(self.state.layout.scope(scope_name), self.user, item)

    def _count(self, of: Count, item: str) -> float:
        return combined(
            of.combine,
            [
                self.state.count(of.scope, key, of.type, of.half_life, self.at)
                for key in self._keys(of.scope, item)
            ],
        )

    def _rate(self, of: Rate, item: str) -> float:
        prior = 0.0 if of.prior is None else self.read(of.prior, item)
        keys = self._keys(of.scope, item)
        if not keys and of.passes_prior:
            return prior
        rates = []
        for key in keys:
            count = self.state.count(of.scope, key, of.type, of.half_life, self.at)
            trials = self.state.count(of.scope, key, of.trials, of.half_life, self.at)
            rates.append((count + of.prior_trials * prior) / (trials + of.prior_trials))
        return combined(of.combine, rates)

    def _ago(self, of: Ago, item: str) -> float:
        times = [
            time
            for key in self._keys(of.scope, item)
            for time in self.state.happened.get((of.scope, key, of.type), [])
        ]
        return max(self.at - max(times), 0.0) / 1000 if times else math.nan

    def _momentum(self, of: Momentum, item: str) -> float:
        one = math.log(2) / duration_ms(of.long.half_life)
        short = self.read(of.short, item) * math.log(2) / duration_ms(of.short.half_life)
        return math.log2((short + one) / (self.read(of.long, item) * one + one))

    def _share(self, of: Share, item: str) -> float:
        return self.read(of.part, item) / (self.read(of.whole, item) + of.prior)

    def _nextshare(self, of: NextShare, item: str) -> float:
        shares = []
        for earlier, later in self._keys("next_item", item):
            went_on = self.state.count(
                "next_item", (earlier, later), of.type, of.half_life, self.at
            )
            all_ = self.state.count("item", (earlier,), of.type, of.half_life, self.at)
            shares.append(went_on / (all_ + of.prior))
        return combined(of.combine, shares)

    def _value(self, entity: str, name: str, item: str):
        if entity == "request":
            field = self.state.layout.field(entity, name)
            return read_value(field.type, self.request.get(name))
        return self.state.value(entity, item if entity == "item" else self.user, name)

    def _attribute(self, of: Attribute, item: str) -> float:
        value = self._value(of.entity, of.field, item)
        if value is None:
            return math.nan
        is_time = self.state.layout.field(of.entity, of.field).type == "time"
        return (self.at - value) / 1000 if is_time else value

    def _level(self, of: Level, item: str) -> float:
        value = self._value(of.entity, of.field, item)
        return float(of.levels.index(value)) if value in of.levels else math.nan

    def _same(self, of: Same, item: str) -> float:
        left = as_set(self._value("user", of.user_field, item))
        right = as_set(self._value("item", of.item_field, item))
        return float(len(left & right)) if left and right else math.nan

    def _age(self, of: Age, item: str) -> float:
        seen = self.state.first_seen["item"]
        since = seen.get(item, math.nan)
        if of.since == "started":
            since = self.state.started.get(item, since)
        return math.nan if math.isnan(since) else max(self.at - since, 0.0) / 1000

    def _context(self, of: Context, item: str) -> float:
        return {
            "hour": self.at / HOUR_MS % 24,
            "weekday": (self.at // DAY_MS + WEEKDAY_OF_1970) % 7,
            "candidates": float(len(self.items)),
            "position": self.positions[self.items.index(item)],
        }[of.what]

    def _gap(self, of: Gap, item: str) -> float:
        own = self.read(of.of, item)
        best = max((v for v in self.list_of(of.of) if not math.isnan(v)), default=0.0)
        return math.nan if math.isnan(own) else (best - own) / best if best > 0 else 0.0

    def _rank(self, of: Rank, item: str) -> float:
        return plain_ranks(self.list_of(of.of))[self.items.index(item)]


def plain_ranks(values: list[float]) -> list[float]:
    """The share of the others that are better, ties counted half; NaN is nobody's rival."""
    ranks = []
    for place, own in enumerate(values):
        others = [v for i, v in enumerate(values) if i != place and not math.isnan(v)]
        better = sum(1.0 if v > own else 0.5 if v == own else 0.0 for v in others)
        share = better / len(others) if others else 0.0
        ranks.append(math.nan if math.isnan(own) else share)
    return ranks


def combined(how: str, values: list[float]) -> float:
    """The elements of a list as one number; NaN for a list of none."""
    if not values:
        return math.nan
    if how == "first":
        return values[0]
    if how == "mean":
        return sum(values) / len(values)
    return {"sum": sum, "max": max, "min": min}[how](values)


def as_set(value) -> set:
    """A field's value or values; none where it is unknown."""
    return set(value) if isinstance(value, list) else set() if value is None else {value}
