"""``GET /v1/experiments/NAME/assignment``: a unit's variant, and the reason.

Invariant: the request is not an exposure; a ranking at the same time gets the same variant.
"""

import msgspec

from liverank.config_experiments import AUTOPILOT
from liverank.experiments.assignment.assign import Why
from liverank.experiments.assignment.held_out import HELD_OUT, holdout_bucket, is_held_out
from liverank.serving.experiments.assigner import AssignableExperiment
from liverank.serving.experiments.variants import Variants
from liverank.serving.http.messages import BadRequestError


class AssignmentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """The assignment of a unit in an experiment, and the draws that determine it."""

    experiment: str
    unit: str
    variant: str | None
    """Variant that ranks; null if the experiment does not affect the unit."""
    label: str | None
    """Name of the variant in logged rankings: ``EXPERIMENT:VARIANT``."""
    why: Why
    bucket: int
    """Draw that determines the variant, from 0 to 9,999."""
    layer_bucket: int | None
    ramp_bucket: int | None
    """Null for the holdout of autopilot, which has only one draw."""
    holdout_bucket: int
    ramp: float
    """Percent of the units that take part at present."""
    unknown: list[str]
    """User fields of the target whose values are unknown for this user."""


def find_assignment(
    variants: Variants | None,
    name: str,
    *,
    user: str | None,
    unit: str | None,
    at_ms: float,
) -> AssignmentResponse:
    """The assignment of a user or unit in the experiment ``name``.

    Raises BadRequestError: 404 for an unknown experiment, 422 if the user or the unit is missing.
    """
    if name == AUTOPILOT and variants is not None and variants.assigner.holdout:
        return _of_autopilot(user, variants.assigner.holdout)
    found = None if variants is None else variants.assigner.experiments.get(name)
    if found is None:
        known = [] if variants is None else list(variants.assigner.experiments)
        named = f"there are: {', '.join(known)}" if known else "liverank.toml names none"
        raise BadRequestError(404, "path", f"no experiment `{name}`; {named}")
    requested_unit = _requested_unit(found, user, unit)
    step = found.timeline.at(at_ms)
    assignment = found.assign(requested_unit, user or "", step)
    draws = found.draws(requested_unit)
    unknown = found.target.unknown(user) if user else {}
    return AssignmentResponse(
        experiment=name,
        unit=requested_unit,
        variant=assignment.variant,
        label=assignment.label,
        why=assignment.why,
        bucket=draws.variant,
        layer_bucket=draws.layer,
        ramp_bucket=draws.ramp,
        holdout_bucket=draws.holdout,
        ramp=step.ramp,
        unknown=[field for field, is_unknown in unknown.items() if is_unknown],
    )


def _of_autopilot(user: str | None, share: float) -> AssignmentResponse:
    """Whether a user is in the holdout of autopilot."""
    if not user:
        raise BadRequestError(422, "?user", "the unit is the user; ask with `?user=ID`")
    is_in = is_held_out(user, share)
    return AssignmentResponse(
        experiment=AUTOPILOT,
        unit=user,
        variant=HELD_OUT.variant if is_in else None,
        label=HELD_OUT.label if is_in else None,
        why=HELD_OUT.why if is_in else "not_in_ramp",
        bucket=holdout_bucket(user),
        layer_bucket=None,
        ramp_bucket=None,
        holdout_bucket=holdout_bucket(user),
        ramp=100 * share,
        unknown=[],
    )


def _requested_unit(found: AssignableExperiment, user: str | None, unit: str | None) -> str:
    field = found.settings.unit_field
    if found.settings.target and not user:
        raise BadRequestError(
            422, "?user", "the target depends on the user's fields; name the user: `?user=ID`"
        )
    if field is None:
        if not user or unit not in (None, user):
            raise BadRequestError(422, "?user", "the unit is the user; ask with `?user=ID`")
        return user
    if not unit:
        raise BadRequestError(
            422, "?unit", f"the unit is `{field}` of the request; ask with `?unit=ID`"
        )
    return unit
