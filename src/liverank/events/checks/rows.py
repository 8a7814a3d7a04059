"""Checks of single events, and of repeated ids."""

from collections import Counter

import polars as pl

from liverank.events.checks.finding import CheckSetup, Examples, Finding, Severity
from liverank.events.checks.hashed import HashSet, hashes_of
from liverank.events.row_text import row_text
from liverank.quantities import duration_ms

YEAR_2000_MS = 946_684_800_000

EVENT_TEXT = row_text("{} {} at {}", "event", pl.coalesce("id", "user", "item"), "time")
"""Text that shows an event as an example."""


class OddRows:
    """Events for which the condition ``is_odd`` holds; ``example`` is the text of such an event."""

    def __init__(
        self, name: str, severity: Severity, message: str, is_odd: pl.Expr, example: pl.Expr
    ) -> None:
        self._name, self._severity, self._message = name, severity, message
        self._is_odd, self._example = is_odd, example
        self._count = self._seen = 0
        self._examples = Examples()

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        odd = (
            frame.lazy()
            .with_row_index("row", offset=self._seen)
            .filter(self._is_odd)
            .select(self._example.alias("text"), "row")
            .collect()
        )
        self._seen += frame.height
        self._count += odd.height
        self._examples.add(odd["text"], odd["row"])

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        return [self._finding()] if self._count else []

    def _finding(self) -> Finding:
        return Finding(
            name=self._name,
            severity=self._severity,
            message=self._message,
            count=self._count,
            examples=self._examples.texts(),
        )


def clocks_in_the_future(setup: CheckSetup) -> OddRows:
    """Events whose time is after their arrival."""
    max_future = setup.config.features.max_future
    latest = pl.col("arrived").fill_null(setup.now_ms) + int(duration_ms(max_future))
    return OddRows(
        "clocks_in_the_future",
        "warning",
        f"events are more than {max_future} ahead of their arrival; they count as their arrival",
        pl.col("time") > latest,
        EVENT_TEXT,
    )


def times_before_2000(_: CheckSetup) -> OddRows:
    """Times that look like Unix seconds where milliseconds are expected."""
    return OddRows(
        "times_before_2000",
        "warning",
        'times are before the year 2000; were they Unix seconds? (`time_format = "unix_s"`)',
        pl.col("time") < YEAR_2000_MS,
        EVENT_TEXT,
    )


def identical_events(_: CheckSetup) -> OddRows:
    """Events of files that carry no id and are equal to another one."""
    return OddRows(
        "identical_events",
        "info",
        "events of files without an id are equal to another one; all of them are kept",
        pl.col("id").str.contains(r"^~[0-9a-f]{20}-\d+$"),
        EVENT_TEXT,
    )


def unknown_interactions(setup: CheckSetup) -> OddRows:
    """Interaction types that the config does not name."""
    is_unknown = (pl.col("event") == "interaction") & ~pl.col("type").is_in(
        list(setup.config.interactions)
    )
    return OddRows(
        "unknown_interactions",
        "warning",
        "interactions are of a type that [interactions] does not name; they make no features",
        is_unknown if setup.config.interactions else pl.lit(value=False),
        pl.col("type"),
    )


class InteractionsWithoutRanking(OddRows):
    """Interactions that name no ranking, where there are rankings."""

    def __init__(self, _: CheckSetup) -> None:
        super().__init__(
            "interactions_without_ranking",
            "info",
            "interactions name no ranking; each counts for the last one that held its item",
            (pl.col("event") == "interaction") & pl.col("ranking").is_null(),
            row_text("{} of {} on {}", "type", "user", "item"),
        )
        self._has_rankings = False

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        super().feed(frame)
        self._has_rankings |= bool((frame["event"] == "ranking").any())

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        return super().findings() if self._has_rankings else []


class NoRankings:
    """No rankings show what people saw, and no ``[candidates]`` section replaces them."""

    def __init__(self, setup: CheckSetup) -> None:
        self._is_needed = setup.config.candidates is None

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        self._is_needed = self._is_needed and not (frame["event"] == "ranking").any()

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        if not self._is_needed:
            return []
        message = (
            "no event holds the lists that people were shown; send `ranking` events, or let "
            "[candidates] make lists from interactions"
        )
        return [Finding(name="no_rankings", severity="warning", message=message, count=0)]


class LabelNeverSeen:
    """No interaction has the label's type, or none has the value that the label requires."""

    def __init__(self, setup: CheckSetup) -> None:
        self._label = setup.config.label
        self._types: Counter[str] = Counter()
        self._was_seen = False

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        wanted = pl.col("type") == self._label.interaction
        if self._label.min_value is not None:
            wanted &= pl.col("value") >= self._label.min_value
        self._was_seen = self._was_seen or bool(frame.select(wanted.any()).item())
        types = frame.filter(pl.col("event") == "interaction")["type"].value_counts()
        self._types.update(dict(types.iter_rows()))

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        if self._was_seen:
            return []
        label = self._label
        seen = sorted(self._types, key=lambda name: (-self._types[name], name))[:10]
        needed = "" if label.min_value is None else f" with a value of {label.min_value:g} or more"
        return [
            Finding(
                name="label_never_seen",
                severity="error",
                message=f'no interaction is a success: `label.interaction` is "{label.interaction}"'
                f"{needed}; types seen: {', '.join(seen) or 'none'}",
                count=0,
            )
        ]


def duplicates(setup: CheckSetup) -> "Duplicates | None":
    """The check of repeated ids; None for a log, which holds each id once."""
    return None if setup.of_log else Duplicates()


class Duplicates:
    """Events with an id that an earlier event has; all but the first are dropped."""

    def __init__(self) -> None:
        self._known = HashSet()
        self._count = self._seen = 0
        self._examples = Examples()

    def feed(self, frame: pl.DataFrame) -> None:
        """See ``Check``."""
        named = (
            frame.lazy()
            .with_row_index("row", offset=self._seen)
            .filter(pl.col("id").is_not_null())
            .select("row", text=row_text("{} {}", "event", "id"))
            .collect()
        )
        self._seen += frame.height
        repeats = named.filter(pl.Series(~self._known.add(hashes_of(named["text"]))))
        self._count += repeats.height
        self._examples.add(repeats["text"], repeats["row"])

    def findings(self) -> list[Finding]:
        """See ``Check``."""
        if not self._count:
            return []
        return [
            Finding(
                name="duplicates",
                severity="info",
                message="events repeat an id of their kind; only the first is kept",
                count=self._count,
                examples=self._examples.texts(),
            )
        ]
