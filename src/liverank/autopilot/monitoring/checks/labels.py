"""A label that falls: fewer successes per ranking, and per impression, than before."""

from collections.abc import Iterator

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.baseline import DAYS, by_exposure
from liverank.autopilot.monitoring.checks.volume import fallen, percent
from liverank.autopilot.monitoring.view import View

BOUND = 0.65
"""A label has fallen if it is below this share of what was expected."""
BOUND_AFTER_RETURN = 0.45
"""The same in the week after a bundle was taken back: lists by popularity have fewer successes."""


def labels(view: View) -> Iterator[Alarm]:
    """Labels whose rates fell, per ranking and per impression as far as each is known."""
    exposures = [
        view.events("ranking", "ranking"),
        view.events("interaction", view.config.impressions.interaction),
    ]
    exposures = [one for one in exposures if one.any()]
    for name, label in view.config.heads.items():
        counts = view.without_bots(view.of("label", name), label.interaction)
        key = f"label:{name}"
        if not counts.any() or not exposures:
            continue
        compared = [by_exposure(counts, one, view.is_odd) for one in exposures]
        companions = [
            by_exposure(counts, view.events("interaction", stream), view.is_odd)
            for stream in view.streams("interaction")
            if stream != label.interaction
        ]
        went_back = view.servers.went_back(view.hour, within_h=24 * DAYS)
        bound = BOUND_AFTER_RETURN if went_back else BOUND
        found = fallen(view, key, compared, companions, bound=bound)
        if found is None:
            continue
        fall, hours = found
        yield Alarm(
            key=key,
            kind="label",
            title=(
                f"`{name}` is at {percent(fall.ratio)} of its rate in the same hours before: "
                f"{fall.count:,.0f} in {fall.hours} h, where {fall.expected:,.0f} were expected"
            ),
            cause=(
                f"Lists and impressions come as before, so either `{label.interaction}` events "
                "get lost, or people take less of what they are shown."
            ),
            consequence=(
                "A model would learn that everything is worth less, so nothing is learned from "
                "these hours; a bundle is taken back only if its own comparison shows harm."
            ),
            next_step=(
                f"Check whether the app still sends every `{label.interaction}`; if it does, look "
                "at what changed in the product or in the lists at that time."
            ),
            since_ms=view.since_ms(key, hours),
            severity="critical",
            stops_training=True,
        )
