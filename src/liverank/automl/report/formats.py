"""Upgrades report.json, as JSON data, from older formats to the current one.

Format 1 had no number. It called the blocks of rows fit, choose and judge (or judges), ensembles
blends, and had one shape for tables and another for rankings.
Invariant: an upgraded report decodes like one written in the current format.
"""

from typing import Any

FORMAT = 2
"""Format of the reports that are written now."""

_BLOCKS = {"fit": "train", "choose": "validation", "judge": "holdout"}
_KINDS = {"ensemble": "full_ensemble", "blend": "fast_ensemble"}


def upgraded(report: dict[str, Any]) -> dict[str, Any]:
    """A report of any format, as JSON data, in the current format.

    >>> upgraded({"format": 2, "seconds": 3.0})
    {'format': 2, 'seconds': 3.0}
    """
    if "format" in report:
        return report
    return _table(report) if "asked" in report else _ranking(report)


def _table(old: dict[str, Any]) -> dict[str, Any]:
    new = {key: value for key, value in old.items() if key not in ("validation", "blend")}
    new["format"] = FORMAT
    new["held_out"] = old.get("validation", {})
    new["ensemble"] = old.get("blend")
    new["served"] = _served(old.get("served"))
    split = old.get("split", {})
    blocks = [
        {**block, "name": _BLOCKS.get(block["name"], block["name"])}
        for block in split.get("blocks", ())
    ]
    new["split"] = {**split, "blocks": blocks}
    new["leaks"] = [
        {**leak, "kind": "predicts_target" if leak["kind"].endswith("_target") else leak["kind"]}
        for leak in old.get("leaks", ())
    ]
    return new


def _ranking(old: dict[str, Any]) -> dict[str, Any]:
    scores = old.get("scores") or {}
    asked = {
        "target": "",
        "task": "binary",
        "classes": ("no", "yes"),
        "objective": "log_loss",
        "larger_is_better": False,
        "budget_s": old.get("budget_s", 0.0),
        "serving_budget_us": 20.0,
        "seed": old.get("seed", 0),
    }
    same = (
        "seconds", "used_features", "dropped_features", "importance", "position", "fewer",
        "against", "skipped", "notes", "plan", "versions",
    )  # fmt: skip
    calibration = old.get("calibration")
    if calibration is not None:
        calibration = {"kind": "affine" if calibration["kept"] else "none", **calibration}
    used = len(old.get("used_features", ())) + len(old.get("dropped_features", ()))
    return {
        "format": FORMAT,
        "asked": asked,
        "data": {
            "name": "",
            "rows": old.get("rows"),
            "columns": used,
            "positives": old.get("positives"),
        },
        "split": _ranking_split(old),
        "held_out": {name: scores[name] for name in ("log_loss", "auc") if name in scores},
        "baseline": {"log_loss": scores["base_rate_log_loss"]} if scores else {},
        "served": _served(old.get("served")),
        "calibration": calibration,
        "leaderboard": _leaderboard(old),
        **{key: old[key] for key in same if key in old},
        "heads": {name: _ranking(head) for name, head in old.get("heads", {}).items()},
    }


def _ranking_split(old: dict[str, Any]) -> dict[str, Any]:
    blocks = [
        {
            "name": name,
            "rows": span["rows"],
            "mean": span["positives"] / max(span["rows"], 1),
            "from_ms": span["from_ms"],
            "to_ms": span["to_ms"],
        }
        for key, name in _BLOCKS.items()
        if (span := old.get(key)) is not None
    ]
    return {
        "kind": "chronological",
        "reason": "by time",
        "blocks": blocks,
        "left_out": max(old.get("rows", 0) - sum(block["rows"] for block in blocks), 0),
    }


def _leaderboard(old: dict[str, Any]) -> list[dict[str, Any]]:
    members = {each["name"]: each for each in old.get("blend", ())}
    entries = []
    for each in old.get("candidates", ()):
        family, _, name = each["name"].partition(" ")
        member = members.get(each["name"], {})
        entries.append(
            {
                "family": family,
                "name": name,
                "validation": each["log_loss"],
                "seconds": each["seconds"],
                "rounds": each.get("rounds"),
                "list_loss": each.get("list_loss"),
                "weight": member.get("weight", 0.0),
                "refit": member.get("refit"),
                "note": "stopped by the budget" if each.get("stopped") else None,
            }
        )
    return entries


def _served(old: dict[str, Any] | None) -> dict[str, Any] | None:
    if old is None:
        return None
    kind, _, shape = old["kind"].partition(" ")
    new = {key: value for key, value in old.items() if key != "figures"}
    return {**new, "kind": f"{_KINDS.get(kind, kind)} {shape}".strip()}
