"""What changed: counts of the letter's period against the period before."""

import polars as pl

from liverank.autopilot.letter.letter import Volume
from liverank.autopilot.letter.people import People
from liverank.autopilot.letter.words import label_words


def volumes_of(people: People, label: str, *, has_before: bool) -> tuple[Volume, ...]:
    """The counts that are not zero in both periods.

    ``has_before``: the log reaches back to the start of the period before.
    """
    now, before = (_counts(people, label, back) for back in (0, 1))
    return tuple(
        Volume(
            name=name,
            now=value,
            before=before[name] if has_before else None,
            is_share=name == BY_A_MODEL,
        )
        for name, value in now.items()
        if value is not None and (value or before[name])
    )


BY_A_MODEL = "lists ranked by a model"


def model_share(people: People, back: int = 0) -> float | None:
    """Share of the lists outside of the holdout that a model ranked; None if none says."""
    rows = people.table.filter(pl.col("period") == back)
    known = int(rows["known_lists"].sum())
    return int(rows["model_lists"].sum()) / known if known else None


def any_lists(people: People) -> bool:
    """Whether anybody got a list in the letter's period."""
    rows = people.table.filter(pl.col("period") == 0)
    return bool(rows.select(pl.sum_horizontal("held_out", "left_out", "personal").sum()).item())


def _counts(people: People, label: str, back: int) -> dict[str, float | None]:
    rows = people.table.filter(pl.col("period") == back)
    lists = pl.col("held_out") + pl.col("left_out") + pl.col("personal")
    listed = rows.with_columns(lists=lists)
    return {
        "people who got a list": len(listed.filter(pl.col("lists") > 0)),
        "lists shown": int(listed["lists"].sum()),
        "items seen": int(rows["impressions"].sum()),
        label_words(label): int(rows["successes"].sum()),
        "items that went live": people.started(back),
        BY_A_MODEL: model_share(people, back),
    }
