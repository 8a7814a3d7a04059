"""Features that were served and are not what a replay of the log gives; there must be none.

Invariant: one differing number is an alarm, since training then learns from other features than
serving reads.
"""

from pathlib import Path

from liverank.autopilot.alarms.alarm import Alarm
from liverank.autopilot.monitoring.served import check_log
from liverank.config import Config
from liverank.events.log import Log


def skew_alarms(
    log: Log, config: Config, root: Path, *, since_ms: int, sample: int = 1_000
) -> list[Alarm]:
    """The alarm if a feature was served in another value than replayed; it folds the whole log.

    ``root`` is the directory of the log and the bundles, ``since_ms`` (Unix ms) and ``sample`` say
    which rankings are compared. Raises as ``served.check_log`` does.
    """
    result = check_log(log, config, root, since_ms=since_ms, sample=sample)
    checked = result.checked
    if checked.mismatches == 0:
        return []
    first = checked.differences[0]
    features = ", ".join(sorted({f"`{one.feature}`" for one in checked.differences})[:3])
    return [
        Alarm(
            key="skew",
            kind="skew",
            title=(
                f"{checked.mismatches:,} served feature values in {checked.rankings:,} rankings "
                f"differ from a replay: {features}"
            ),
            cause=(
                f"Serving and replay disagree, e.g. ranking `{first.ranking}`, item "
                f"`{first.item}`: served {first.served:.9g}, replayed {first.replayed:.9g}."
            ),
            consequence=(
                "Models are trained on other features than they get in service, so nothing is "
                "trained until they agree."
            ),
            next_step="`liverank replay --check` lists the differences; report them as a defect.",
            since_ms=since_ms,
            severity="critical",
            stops_training=True,
        )
    ]
