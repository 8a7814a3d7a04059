"""Off-policy estimates held against an A/B test that was really run.

Open Bandit: the men's and the women's campaign of a fashion shop, each with lists served in random
order and lists served by Bernoulli Thompson sampling, 10,000 impressions of each. From either log
the click rate of the other policy is estimated, and held against what its own log says. A row of
the data is one impression at one of three places, so a list has one item.

The random policy shows each item with the same probability. Of Thompson sampling the shares of the
items at each place are taken from its log; its clicks are not looked at. Its rarest items have
propensities down to a millionth, so weights are clipped at the root of the number of rows.

Leans: to nobody. Some 50 clicks an arm are few, so the intervals are wide.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from liverank.errors import DatasetError
from liverank.experiments.off_policy.estimate import Estimate, ips, logged_value, snips
from liverank.experiments.off_policy.logged import LoggedLists
from liverank.experiments.off_policy.support import check_support
from liverank.experiments.off_policy.weights import clipped, item_position_weights

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "open_bandit"
CAMPAIGNS = ("men", "women")
COLUMNS = ("item_id", "position", "click", "propensity_score")


def estimates(campaign: str, logging: str, data: Path = DATA) -> dict[str, Any]:
    """What one policy's log (``random`` or ``bts``) says of the other, and the other's own log."""
    random, thompson = (
        pl.read_csv(data / name / campaign / f"{campaign}.csv.gz", columns=COLUMNS)
        for name in ("random", "bts")
    )
    if logging == "random":
        shares = thompson.group_by("item_id", "position").agg(shown=pl.len())
        shares = shares.with_columns(
            target=pl.col("shown") / pl.col("shown").sum().over("position")
        ).drop("shown")
        log = random.join(shares, on=["item_id", "position"], how="left", maintain_order="left")
        log, other = log.with_columns(pl.col("target").fill_null(0.0)), thompson
    else:
        log, other = thompson.with_columns(target=pl.lit(1 / random["item_id"].n_unique())), random
    logged = lists_of(log, log["target"])
    whole = item_position_weights(logged)
    weights = clipped(whole)
    found: dict[str, Any] = {
        "truth": logged_value(lists_of(other, other["propensity_score"])),
        "ips": ips(logged, weights, greatest=float(weights.max())),
        "snips": snips(logged, weights),
        "mean_weight": float(weights.mean()),
        "clipped": int((whole > weights).sum()),
        "refusal": None,
        "unclipped": None,
    }
    for name, checked in (("refusal", weights), ("unclipped", whole)):
        try:
            check_support(logged, checked)
        except DatasetError as error:
            found[name] = str(error)
    return found


def lists_of(log: pl.DataFrame, target: pl.Series) -> LoggedLists:
    """Impressions as lists of one item; whose they are is not told."""
    return LoggedLists(
        rewards=log["click"].cast(pl.Float64).to_numpy()[:, None],
        logging=log["propensity_score"].to_numpy()[:, None],
        target=target.to_numpy()[:, None],
        unit=np.arange(log.height),
    )


def main() -> None:
    """Print a line for each estimate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    arguments = parser.parse_args()
    if not DATA.is_dir():
        print("../shared/data/open_bandit is absent")
        return
    figures: dict[str, Any] = {}
    for campaign in CAMPAIGNS:
        for logging in ("random", "bts"):
            found = estimates(campaign, logging)
            figures[f"{campaign} from {logging}"] = {
                name: vars_of(value) if isinstance(value, Estimate) else value
                for name, value in found.items()
            }
            print(
                f"{campaign}, from the log of {logging}: {found['snips'].effective_lists:,.0f} "
                f"effective of {found['snips'].lists:,} impressions, largest weight "
                f"{found['snips'].largest_weight:.1f}, mean {found['mean_weight']:.3f}, "
                f"{found['clipped']} clipped"
            )
            for name in ("truth", "ips", "snips"):
                value = found[name]
                low, high = value.ci
                print(f"  {name:6} {value.value:.3%} ({low:.3%} to {high:.3%})")
            low, high = found["ips"].bound
            print(f"  bound of ips {low:.3%} to {high:.3%}")
            if found["unclipped"]:
                print(f"  without clipping refused: {found['unclipped']}")
    if arguments.out is not None:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def vars_of(estimate: Estimate) -> dict[str, Any]:
    """An estimate's figures."""
    return {
        "value": estimate.value,
        "ci": estimate.ci,
        "bound": estimate.bound,
        "effective": estimate.effective_lists,
        "largest_weight": estimate.largest_weight,
    }


if __name__ == "__main__":
    main()
