"""``GET /v1/experiments/NAME/assignment``: what somebody gets of an experiment, and why.

Invariant: asking is no exposure; what is answered is what a ranking of this moment would get.
"""

import msgspec

from liverank.experiments.assignment.assign import Why
from liverank.serving.experiments.assigner import Placed
from liverank.serving.experiments.variants import Variants
from liverank.serving.http.messages import BadRequestError


class AssignmentResponse(msgspec.Struct, frozen=True, kw_only=True):
    """What a unit gets of an experiment, and the draws that decide it."""

    experiment: str
    unit: str
    variant: str | None
    """The variant that ranks; null where the experiment has no say."""
    label: str | None
    """How rankings of it are logged: ``EXPERIMENT:VARIANT``."""
    why: Why
    bucket: int
    """The draw that decides the variant, from 0 to 9,999."""
    layer_bucket: int
    ramp_bucket: int
    holdout_bucket: int
    ramp: float
    """Percent of the units that take part at present."""
    unknown: list[str]
    """User fields of the target of which nothing is known for this user."""


def assignment_of_somebody(
    variants: Variants | None,
    name: str,
    *,
    user: str | None,
    unit: str | None,
    at_ms: float,
) -> AssignmentResponse:
    """What somebody gets of the experiment of that name.

    Raises BadRequestError: 404 for an unknown experiment, 422 where it cannot be told of whom the
    question is.
    """
    placed = None if variants is None else variants.assigner.placed.get(name)
    if placed is None:
        known = [] if variants is None else list(variants.assigner.placed)
        named = f"there are: {', '.join(known)}" if known else "liverank.toml names none"
        raise BadRequestError(404, "path", f"no experiment `{name}`; {named}")
    asked = _unit_asked(placed, user, unit)
    step = placed.timeline.at(at_ms)
    given = placed.assign(asked, user or "", step)
    draws = placed.draws(asked)
    unknown = placed.target.unknown(user) if user else {}
    return AssignmentResponse(
        experiment=name,
        unit=asked,
        variant=given.variant,
        label=given.label,
        why=given.why,
        bucket=draws.variant,
        layer_bucket=draws.layer,
        ramp_bucket=draws.ramp,
        holdout_bucket=draws.holdout,
        ramp=step.ramp,
        unknown=[field for field, is_unknown in unknown.items() if is_unknown],
    )


def _unit_asked(placed: Placed, user: str | None, unit: str | None) -> str:
    field = placed.experiment.unit_field
    if placed.experiment.target and not user:
        raise BadRequestError(422, "?user", "name the user, whose fields decide: `?user=ID`")
    if field is None:
        if not user or unit not in (None, user):
            raise BadRequestError(422, "?user", "the unit is the user; ask with `?user=ID`")
        return user
    if not unit:
        raise BadRequestError(
            422, "?unit", f"the unit is `{field}` of the request; ask with `?unit=ID`"
        )
    return unit
