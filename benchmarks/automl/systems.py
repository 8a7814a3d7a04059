"""Who competes, and in which environment of its own."""

import subprocess
import sys
import venv
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OURS = "liverank"
BY_DEFAULT = (OURS, "flaml", "autogluon", "lightgbm", "catboost")


class System(NamedTuple):
    """A script in ``adapters/``, its environment in ``requirements/``, and settings for it."""

    script: str
    environment: str | None
    options: dict[str, Any]
    is_library: bool = False
    """Whether it is one library with one setting, without a search."""


SYSTEMS = {
    OURS: System("liverank_command", None, {}),
    "flaml": System("flaml_search", "flaml", {}),
    "flaml-shuffled": System("flaml_search", "flaml", {"shuffled": True}),
    "autogluon": System("autogluon_search", "autogluon", {}),
    "autogluon-best": System("autogluon_search", "autogluon", {"presets": "best_quality"}),
    "autogluon-all": System("autogluon_search", "autogluon_all", {}),
    "autogluon-shuffled": System("autogluon_search", "autogluon", {"shuffled": True}),
    "lightgbm": System("lightgbm_defaults", "boosters", {}, is_library=True),
    "lightgbm-extra": System("lightgbm_defaults", "boosters", {"extra": True}, is_library=True),
    "catboost": System("catboost_defaults", "boosters", {}, is_library=True),
}
"""``-shuffled`` are not told the time of rows, as their plain defaults are not."""


class InstallError(Exception):
    """Why an environment could not be made."""


def install(environment: str | None, folder: Path) -> Path:
    """The Python of an environment under the folder, made when it is first wanted.

    Raises InstallError.
    """
    if environment is None:
        return Path(sys.executable)
    place = folder / environment
    python = place / "bin" / "python"
    pins = HERE / "requirements" / f"{environment}.txt"
    ready = place / "ready.txt"
    if ready.is_file() and ready.read_text() == pins.read_text():
        return python
    print(f"installing {environment} into {place}", flush=True)
    uv = ROOT / ".tools" / "bin" / "uv"
    if uv.is_file():
        make = [str(uv), "venv", "--quiet", "--clear", "--python", sys.executable, str(place)]
        install = [str(uv), "pip", "install", "--quiet", "--python", str(python)]
        _run(make)
    else:
        venv.create(place, with_pip=True, clear=True)
        install = [str(python), "-m", "pip", "install", "--quiet"]
    _run([*install, "--no-deps", "-r", str(pins)])
    ready.write_text(pins.read_text())
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or f"exit code {done.returncode}").splitlines()
        raise InstallError(f"{' '.join(command[:3])}: {said[-1]}")
