"""Compiling our kernels before anything is timed: a machine does it once."""

import subprocess
import sys
import tempfile
from pathlib import Path

from automl.made_tables import SEED, made_prices
from liverank.errors import TrainingError


def warm_up() -> None:
    """A short search and a prediction. Raises TrainingError when they fail: all others would."""
    with tempfile.TemporaryDirectory() as name:
        train, bundle = Path(name) / "train.parquet", Path(name) / "model.bundle"
        made_prices(SEED, 400).write_parquet(train)
        ours = [sys.executable, "-m", "liverank"]
        for command in (
            [
                *ours,
                "automl",
                str(train),
                "--target",
                "price",
                "--budget",
                "5s",
                "--out",
                str(bundle),
            ],
            [*ours, "predict", str(bundle), str(train), "--out", str(Path(name) / "a.parquet")],
        ):
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                raise TrainingError(f"{' '.join(command)}: {done.stderr.strip()[-1000:]}")
