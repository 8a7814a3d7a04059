"""Every kind of feature as its plain, slow definition, over a ``PlainState``."""

import math
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

from plain_state import PlainState, read_value
from small_logs import PLACES

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
from liverank.quantities import duration_ms

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
WEEKDAY_OF_1970 = 3  # a Thursday


class PlainReader:
    """Features of the candidates of one request, one by one."""

    def __init__(self, state: PlainState, user, at_ms, request, items, positions) -> None:
        self.state, self.user, self.at = state, user, at_ms
        self.request, self.items, self.positions = request, items, positions
        self.read = cache(self._read)
        self._keys = cache(self._find_keys)

    def _read(self, expression, item: str) -> float:
        kind = type(expression).__name__
        definition = getattr(self, f"_{kind.lower()}", None)
        assert definition is not None, f"define {kind} plainly: PlainReader._{kind.lower()}"
        return definition(expression, item)

    def list_of(self, expression) -> list[float]:
        """The expression for every candidate."""
        return [self.read(expression, item) for item in self.items]

    def _find_keys(self, scope_name: str, item: str) -> list[tuple]:
        return self.state.keys(self.state.layout.scope(scope_name), self.user, item)

    def _count(self, of: Count, item: str) -> float:
        return combined(
            of.combine,
            [
                self.state.count(of.scope, key, of.type, of.half_life, self.at)
                for key in self._keys(of.scope, item)
            ],
        )

    def _total(self, of: Total, item: str) -> float:
        return combined(
            of.combine,
            [
                self.state.total(of.scope, key, of.type, of.half_life, self.at)
                for key in self._keys(of.scope, item)
            ],
        )

    def _average(self, of: Average, item: str) -> float:
        prior = 0.0 if of.prior is None else self.read(of.prior, item)
        averages = []
        for key in self._keys(of.scope, item):
            total = self.state.total(of.scope, key, of.type, of.half_life, self.at)
            count = self.state.count(of.scope, key, of.type, of.half_life, self.at)
            averages.append((total + of.prior_events * prior) / (count + of.prior_events))
        return combined(of.combine, averages)

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
            entry.at
            for key in self._keys(of.scope, item)
            for entry in self.state.entries(of.scope, key)
            if entry.type == of.type
        ]
        return max(self.at - max(times), 0.0) / 1000 if times else math.nan

    def _fatigue(self, of: Fatigue, item: str) -> float:
        layout, tired = self.state.layout, []
        for key in self._keys(of.scope, item):
            entries = self.state.entries(of.scope, key)
            liked = [n for n, entry in enumerate(entries) if entry.type in layout.positive]
            since = entries[liked[-1] + 1 :] if liked else entries
            shown = [entry for entry in since if entry.type == layout.impression]
            tired.append(sum(0.5 ** (max(self.at - entry.at, 0) / DAY_MS) for entry in shown))
        return combined("max", tired)

    def _momentum(self, of: Momentum, item: str) -> float:
        one = math.log(2) / duration_ms(of.long.half_life)
        short = self.read(of.short, item) * math.log(2) / duration_ms(of.short.half_life)
        return math.log2((short + one) / (self.read(of.long, item) * one + one))

    def _audience(self, of: Audience, item: str) -> float:
        return self.state.audience(item, self.at) if self._is_known(item) else math.nan

    def _difference(self, of: Difference, item: str) -> float:
        return self.read(of.more, item) - self.read(of.less, item)

    def _audienceshare(self, of: AudienceShare, item: str) -> float:
        return self.read(of.part, item) / (self.read(of.whole, item) + of.prior)

    def _share(self, of: Share, item: str) -> float:
        return self.read(of.part, item) / (self.read(of.whole, item) + of.prior)

    def _same(self, of: Same, item: str) -> float:
        left = as_set(self._value("user", of.user_field, item))
        right = as_set(self._value("item", of.item_field, item))
        return float(len(left & right)) if left and right else math.nan

    def _nextcount(self, of: NextCount, item: str) -> float:
        return combined(
            of.combine,
            [
                self.state.count("next_item", (success.item, item), of.type, of.half_life, self.at)
                for success in self.state.latest_successes(self.user)
            ],
        )

    def _nextshare(self, of: NextShare, item: str) -> float:
        shares = []
        for success in self.state.latest_successes(self.user):
            earlier = success.item
            went_on = self.state.count("next_item", (earlier, item), of.type, of.half_life, self.at)
            all_ = self.state.count("item", (earlier,), of.type, of.half_life, self.at)
            shares.append(went_on / (all_ + of.prior))
        return combined(of.combine, shares)

    def _followed(self, of: Followed, item: str) -> float:
        value = self._value("item", of.field, item)
        if value is None:
            return math.nan
        return float(len(as_set(value) & self.state.followed(self.user)))

    def _followedhere(self, of: FollowedHere, item: str) -> float:
        if not self._is_known(item):
            return math.nan
        people = [self.state.whereabouts.get(who) for who in self.state.followed(self.user)]
        oldest = self.at - self.state.layout.present_ms
        return float(sum(p is not None and p[0] == item and p[1] > oldest for p in people))

    def _followedlatest(self, of: FollowedLatest, item: str) -> float:
        hosts = [
            self.state.latest_of_host[who][2]
            for who in self.state.followed(self.user)
            if who in self.state.latest_of_host
        ]
        own = as_set(self._value("item", of.field, item))
        if not own:
            return math.nan
        alike = sum(len(own & as_set(said[of.field])) for said in hosts) / len(own)
        return alike if of.prior is None else alike / (len(hosts) + of.prior)

    def _visits(self, of: Visits, item: str) -> float:
        times = [entry.at for entry in self.state.history(self.user)]
        begun = [
            at
            for place, at in enumerate(times)
            if place == 0 or at - times[place - 1] > 30 * MINUTE_MS
        ]
        if of.what == "visits":
            return float(len(begun))
        if of.what == "visit_gap_d":
            gaps = len(begun) - 1
            return (begun[-1] - begun[0]) / gaps / DAY_MS if gaps > 0 else math.nan
        if of.what == "away_d":
            return max(self.at - times[-1], 0.0) / DAY_MS if times else math.nan
        apart = [(self.at - at) % DAY_MS for at in begun]
        usual = sum(min(ms, DAY_MS - ms) <= 90 * MINUTE_MS for ms in apart)
        return (usual + 1 / 8) / (len(begun) + 1)

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

    def _is_known(self, item: str) -> bool:
        return item in self.state.known_since

    def _latest(self, item: str, state: str) -> float:
        """The latest time that an item was said to be in a state; NaN for never."""
        return max(self.state.states.get(item, {}).get(state, ()), default=math.nan)

    def _age(self, of: Age, item: str) -> float:
        since = self.state.known_since.get(item, math.nan)
        started = self._latest(item, "started")
        if of.since == "started" and not math.isnan(started):
            since = started
        return math.nan if math.isnan(since) else max(self.at - since, 0.0) / 1000

    def _kept(self, of: Kept, item: str) -> float:
        if not self._is_known(item):
            return math.nan
        if of.what == "starts":
            return float(len(self.state.states.get(item, {}).get("started", ())))
        if of.what == "announced":
            return (self.at - self._latest(item, "scheduled")) / 1000
        return float(self.state.peaks[item])

    def _lifestate(self, of: LifeState, item: str) -> float:
        announced, started, ended = (
            self._latest(item, state) for state in ("scheduled", "started", "ended")
        )
        if ended >= max(at for at in (announced, started, -math.inf) if not math.isnan(at)):
            return 2.0
        if not math.isnan(started) and not ended >= started:
            return 1.0
        return math.nan if math.isnan(announced) else 0.0

    def _lifeleft(self, of: LifeLeft, item: str) -> float:
        state = self.state
        fields = [f for f in state.layout.fields if f.entity == "item" and f.type == "key"]
        host = fields[0].name if fields else None
        lives = {other: state.life_s(other) for other in state.states}
        lives = {other: life_s for other, life_s in lives.items() if life_s is not None}
        if not lives:
            return math.nan
        mean = sum(lives.values()) / len(lives)
        own_host = None if host is None else state.value("item", item, host)
        if own_host is not None:
            of_host = [
                life_s
                for other, life_s in lives.items()
                if state.value("item", other, host) == own_host
            ]
            mean = (sum(of_host) + 2 * mean) / (len(of_host) + 2)
        return mean - (self.at - self._latest(item, "started")) / 1000

    def _context(self, of: Context, item: str) -> float:
        return {
            "hour": self.at / HOUR_MS % 24,
            "weekday": (self.at // DAY_MS + WEEKDAY_OF_1970) % 7,
            "candidates": float(len(self.items)),
            "position": self.positions[self.items.index(item)],
        }[of.what]

    def _local(self, of: Local, item: str) -> float:
        said = [self._value(place.entity, place.field, item) for place in of.fields]
        zone = next((PLACES[value] for value in said if PLACES.get(value)), None)
        if zone is None:
            return math.nan
        now = datetime.fromtimestamp(self.at / 1000, UTC).astimezone(ZoneInfo(zone))
        if of.what == "weekday":
            return float(now.weekday())
        return now.hour + now.minute / 60 + now.second / 3600 + now.microsecond / HOUR_MS / 1000

    def _gap(self, of: Gap, item: str) -> float:
        own = self.read(of.of, item)
        best = max((v for v in self.list_of(of.of) if not math.isnan(v)), default=0.0)
        return math.nan if math.isnan(own) else (best - own) / best if best > 0 else 0.0

    def _abovemean(self, of: AboveMean, item: str) -> float:
        return plain_above_mean(self.list_of(of.of))[self.items.index(item)]

    def _abovemeansd(self, of: AboveMeanSd, item: str) -> float:
        return plain_above_mean_sd(self.list_of(of.of))[self.items.index(item)]

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


def plain_above_mean(values: list[float]) -> list[float]:
    """Differences to the mean of the known values; NaN for what is not finite."""
    known = [v for v in values if math.isfinite(v)]
    mean = math.fsum(known) / max(len(known), 1)
    return [v - mean if math.isfinite(v) else math.nan for v in values]


def plain_above_mean_sd(values: list[float]) -> list[float]:
    """The same in standard deviations; 0 where values do not differ beyond rounding."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    above = [v / (largest or 1.0) for v in plain_above_mean(values)]  # whose squares are no 0
    known = [v for v in above if not math.isnan(v)]
    deviation = math.sqrt(math.fsum(v * v for v in known) / max(len(known), 1))
    if deviation <= 1e-9:
        return [v if math.isnan(v) else 0.0 for v in above]
    return [v / deviation for v in above]


def combined(how: str, values: list[float]) -> float:
    """The elements of a list as one number; NaN for a list of none."""
    if not values:
        return math.nan
    if how == "mean":
        return sum(values) / len(values)
    return {"sum": sum, "max": max, "first": lambda listed: listed[0]}[how](values)


def as_set(value) -> set:
    """A field's value or values; none where it is unknown."""
    return set(value) if isinstance(value, list) else set() if value is None else {value}
