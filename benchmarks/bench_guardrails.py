"""Guardrails of a canary: how often harmless challengers are dropped, and how soon harmful ones.

Canaries are made of random numbers (``made_canary``): 24 hours, a look every hour, a tenth of the
people with the challenger, counts spread far wider than Poisson's. The rates and the shape of the
people are ours; what counts is how the figures change with size.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np

from made_canary import Canary, Outcome, run_canary

HARMLESS = {
    "25 an hour": Canary(25),
    "250 an hour": Canary(250),
    "25 an hour, a label of 0.4 %": Canary(25, rate=0.004),
    "250 an hour, a label of 0.4 %": Canary(250, rate=0.004),
    "250 an hour, half of the people": Canary(250, share=0.5),
}
SIZES = (25, 100, 400, 1600)
HARM = {
    "label rate -50 %": {"harm": 0.5},
    "label rate -30 %": {"harm": 0.3},
    "label rate -15 %": {"harm": 0.15},
    "fallbacks 20 %": {"fallbacks": 0.2},
    "fallbacks 2 %": {"fallbacks": 0.02},
    "half of the people missing": {"lost": 0.5},
}


def main() -> None:
    """Run the canaries and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="file for the figures, as JSON")
    parser.add_argument("--harmless", type=int, default=400, help="canaries without harm, each")
    parser.add_argument("--harmful", type=int, default=30, help="canaries with harm, each")
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"harmless": [], "harmful": []}
    with ProcessPoolExecutor(arguments.processes) as pool:

        def run(canary: Canary, runs: int) -> list[Outcome]:
            return list(pool.map(run_canary, repeat(canary), range(runs), chunksize=10))

        print("harmless: new people | canaries | dropped | share")
        for name, canary in HARMLESS.items():
            found = run(canary, arguments.harmless)
            dropped = sum(one.hour is not None for one in found)
            figures["harmless"].append({**asdict(canary), "runs": len(found), "dropped": dropped})
            print(f"{name} | {len(found)} | {dropped} | {dropped / len(found):.1%}")
        print("harmful: harm | new people an hour | caught | median hours | median people with it")
        for name, harm in HARM.items():
            for size in SIZES:
                row = caught(run(Canary(size, **harm), arguments.harmful))
                figures["harmful"].append({"harm": name, "new_per_hour": size, **row})
                print(f"{name} | {size} | {row['caught']:.0%} | {row['hours']} | {row['people']}")
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=2) + "\n")


def caught(outcomes: list[Outcome]) -> dict[str, float | None]:
    """The share that was caught, and medians over those: hours, and people with the challenger."""
    hits = [one for one in outcomes if one.hour is not None]
    return {
        "caught": len(hits) / len(outcomes),
        "hours": float(np.median([one.hour for one in hits])) if hits else None,
        "people": float(np.median([one.people for one in hits])) * 0.1 if hits else None,
    }


if __name__ == "__main__":
    main()
