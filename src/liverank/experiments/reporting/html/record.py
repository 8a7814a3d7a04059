"""Lower sections of the page: the split, segments, the holdout, and the method."""

import math

from liverank.experiments.analysis.words import p_value
from liverank.experiments.reporting.facts import Report, SegmentFact, SplitFact, SplitPart
from liverank.experiments.reporting.html.chart import forest
from liverank.experiments.reporting.html.tables import cell, grid
from liverank.experiments.reporting.html.words import Shown, shown, value_text
from liverank.experiments.reporting.sentences import utc_day
from liverank.markup import Html, joined, tag, worded


def split(report: Report) -> Html | None:
    """The sample-ratio check: overall, by day, by segment."""
    found = report.split
    if found is None:
        return None
    total = sum(found.counts) or 1
    verdict = "Users are split as planned" if found.ok else "The split is broken"
    rows = [
        tag(
            "tr",
            tag("th", arm),
            *(cell(text) for text in (f"{count:,}", f"{count / total:.2%}", f"{share:.2%}")),
        )
        for arm, count, share in zip(found.arms, found.counts, found.shares, strict=True)
    ]
    return tag(
        "section",
        tag("h2", "Are the users split as they should be?"),
        tag(
            "p",
            tag("b", f"{verdict}. "),
            f"p {p_value(found.p)}, valid at all looks together; below 0.001 it is broken.",
            class_="fine" if found.ok else "warning",
        ),
        *(tag("p", line, class_="warning") for line in found.where),
        grid(("arm", "users", "share", "planned"), rows, numbers=(1, 2, 3), class_="wide narrow"),
        _parts(found),
    )


def _parts(found: SplitFact) -> Html:
    kinds = {"day": found.days, **found.segments}
    lines = []
    for kind, parts in kinds.items():
        odd = [part for part in parts if not part.ok]
        what = f"by {kind}: {_number(len(parts), 'part')} checked, "
        what += "none stands out" if not odd else f"{_number(len(odd), 'part')} off"
        lines.append(tag("li", what))
    return joined(
        tag("ul", *lines, class_="plain"),
        tag(
            "details",
            tag("summary", "All parts"),
            *(
                grid(
                    (kind, *found.arms, "p"),
                    [_part(part) for part in parts],
                    numbers=range(1, len(found.arms) + 2),
                    class_="wide narrow",
                )
                for kind, parts in kinds.items()
            ),
        ),
    )


def _part(part: SplitPart) -> Html:
    return tag(
        "tr",
        tag("td", part.name),
        *(cell(f"{count:,}") for count in part.counts),
        cell(p_value(part.p)),
        class_=None if part.ok else "bad",
    )


def segments(report: Report) -> Html | None:
    """The primary metric by segment."""
    if not report.segments:
        return None
    effects = [shown(one.effect) for one in report.segments]
    ends = [(one.low, one.high) for one in effects if one.is_lift]
    sizes = sorted(abs(end) for pair in ends for end in pair if math.isfinite(end))
    # one wide interval must not make all others look the same
    reach = sizes[int(0.9 * (len(sizes) - 1))] if sizes else 1.0
    rows, before = [], ""
    for one, effect in zip(report.segments, effects, strict=True):
        if one.segment != before:
            rows.append(tag("tr", tag("th", one.segment, colspan=4), class_="group"))
            before = one.segment
        rows.append(_segment(report, one, effect, reach))
    count = len(report.segments)
    return tag(
        "section",
        tag("h2", "Segments"),
        tag(
            "p",
            f"{_number(count, 'comparison')} of the primary metric, so some look striking by "
            "chance alone. p is corrected for all of them (Holm), not for looking again; intervals "
            "are corrected for neither. They raise the next question, and do not decide this one.",
        ),
        grid(("", "effect", "", "p"), rows, numbers=(1, 3)),
    )


def _segment(report: Report, one: SegmentFact, effect: Shown, reach: float) -> Html:
    certain = one.adjusted_p < report.alpha and (report.split is None or report.split.ok)
    is_down = bool(report.metrics) and report.metrics[0].direction == "down"
    mark = "" if not certain else "fine" if (effect.value > 0) != is_down else "bad"
    name = f"{one.level} · {one.variant}" if len(report.variants) > 1 else one.level
    users = one.effect.n_control + one.effect.n_variant
    picture = forest(effect.low, effect.value, effect.high, reach, mark) if effect.is_lift else None
    return tag(
        "tr",
        tag("td", name, tag("small", f"{users:,} users")),
        cell(tag("b", effect.text(effect.value)), effect.interval),
        tag("td", picture),
        cell(p_value(one.adjusted_p)),
    )


def holdout(report: Report) -> Html | None:
    """Variants compared with the holdout."""
    if not report.holdout:
        return None
    lines = []
    for one in report.holdout:
        effect = shown(one.effect)
        lines.append(
            tag(
                "li",
                f"{one.variant} against the holdout of {one.units:,} users, {one.metric}: "
                f"{effect.text(effect.value)} ({effect.interval}), p {p_value(one.p)}; "
                f"{value_text(one.effect.control)} in the holdout.",
            )
        )
    return tag(
        "section",
        tag("h2", "Holdout"),
        tag("p", "They stay on the control also after a decision, and no decision rests on them."),
        tag("ul", *lines),
    )


def how(report: Report) -> Html:
    """Notes on the data, and how the report was computed."""
    notes: list[Html] = []
    if report.notes:
        lines = (tag("li", worded(one)) for one in report.notes)
        notes = [tag("h2", "Good to know"), tag("ul", *lines)]
    return tag(
        "section",
        *notes,
        tag("h2", "How it was computed"),
        tag("ul", *(tag("li", worded(one)) for one in report.how)),
        tag(
            "p",
            f"{report.exposures:,} rankings of {report.units:,} users were read, up to "
            f"{utc_day(report.until_ms)} (UTC). The same log gives the same report.",
            class_="soft",
        ),
    )


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
