"""The kinds of feature, one file each, and the list of them.

A kind offers expressions (frozen structs with ``compile``) and ``derive``, which names the
features that a layout gives rise to. A new kind is one file here, and in this file its module in
``KINDS`` and its expressions in ``Signal`` or ``Expression``.
"""

from liverank.features.kinds import (
    attribute,
    audience,
    context,
    count,
    fatigue,
    following,
    lifecycle,
    match,
    momentum,
    next_item,
    rate,
    recency,
    total,
    visits,
)

KINDS = (
    attribute,
    count,
    total,
    rate,
    recency,
    fatigue,
    momentum,
    audience,
    match,
    next_item,
    following,
    visits,
    lifecycle,
    context,
)
"""All kinds but ``listwise``, which compares their features; a spec keeps this order."""

Signal = (
    attribute.Attribute
    | count.Count
    | total.Total
    | total.Average
    | rate.Rate
    | recency.Ago
    | fatigue.Fatigue
    | momentum.Momentum
    | audience.Audience
    | audience.Difference
    | audience.AudienceShare
    | match.Share
    | match.Same
    | next_item.NextShare
    | next_item.NextCount
    | following.Followed
    | following.FollowedHere
    | following.FollowedLatest
    | lifecycle.Age
    | lifecycle.Kept
    | lifecycle.LifeLeft
)
"""Numbers that may differ from item to item, so that ``listwise`` can compare them."""

Expression = (
    Signal | attribute.Level | visits.Visits | lifecycle.LifeState | context.Context | context.Local
)
"""Every expression of these kinds."""
