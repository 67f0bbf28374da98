#!/usr/bin/env python3
"""Set up and run rfproctor with nothing but Python 3.11 or newer.

python3 run.py setup           make .venv from requirements.lock and install the project into it
python3 run.py demo [...]      simulated hall with monitor and page      (rfproctor demo ...)
python3 run.py test [...]      the tests                                 (pytest ...)
python3 run.py check           style, types, import contracts, tests, wheel
python3 run.py bench [...]     benchmarks; no name lists them            (rfproctor bench ...)

All but `setup` set up first when requirements.lock or pyproject.toml changed.
"""

# Standard library only, and no syntax newer than Python 3.7, so that an old Python can say so.
from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements.lock"
PROJECT = ROOT / "pyproject.toml"
STAMP = VENV / "rfproctor-setup"
OLDEST = (3, 11)

SIDE_BY_SIDE = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--reruns", "2"]
"""Half of the tests' time is waiting for radios and networks: files run beside each other, one more
than there are cores.  Those that keep real time may starve then: what failed runs again, and the
summary says so.  Which file begins when is in tests/order.py."""

STEPS = [
    ("ruff check", ["-m", "ruff", "check", "."]),
    ("ruff format", ["-m", "ruff", "format", "--check", "."]),
    ("mypy", ["-m", "mypy"]),
    ("imports", ["-c", "from importlinter.cli import lint_imports_command as c; c()"]),
    ("pytest", ["-m", "pytest", *SIDE_BY_SIDE, "--quiet", "--ignore=tests/packaging"]),
    ("wheel", ["-m", "pytest", "--quiet", "tests/packaging"]),
]
"""What `check` runs, in order: name and arguments of the venv's Python."""


def say(text: str) -> None:
    """Print a line at once, also into a pipe."""
    print(text, flush=True)


def fail(text: str, code: int = 2) -> NoReturn:
    """Say what to do and end."""
    print("run.py: " + text, file=sys.stderr, flush=True)
    raise SystemExit(code)


def wanted_stamp() -> dict[str, str]:
    """What the venv must have been made from to be used as it is.

    The folder is part of it because a venv and an editable install hold absolute paths.
    """
    return {
        "python": "{}.{}".format(*sys.version_info),
        "folder": str(ROOT),
        "lock": hashlib.sha256(LOCK.read_bytes()).hexdigest(),
        "project": hashlib.sha256(PROJECT.read_bytes()).hexdigest(),
    }


def present_stamp() -> dict[str, str]:
    """What the venv was made from; empty when it is missing or its setup did not finish."""
    if not PYTHON.exists():
        return {}
    try:
        lines = STAMP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Let one `run.py` of this folder set up at a time; a killed one leaves nothing locked."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing to wait with, and two at once are rare
        yield
        return
    with Path(__file__).open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another run.py is setting up; waiting for it ...")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def pip(arguments: list[str], total: int = 0) -> None:
    """Run the venv's pip with one line of progress instead of its hundreds."""
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", *arguments]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        cwd=str(ROOT),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        last = deque(passed_on(process.stdout, total), maxlen=12)
    if process.returncode:
        say("".join(last))
        fail(
            "pip failed, see above. If the package index cannot be reached: set network, proxy or"
            " mirror (`pip config`), then run this again; nothing is left half done.",
            3,
        )


def passed_on(lines: Iterable[str], total: int) -> Iterator[str]:
    """Pass on what matters if pip fails in the end; say now and then how far it is."""
    terminal = sys.stdout.isatty()
    fetched = 0
    for line in lines:
        if line.startswith("WARNING: Retrying"):
            say("  the package index does not answer; trying again")
        elif not line.startswith("Ignoring "):  # a package for another Python or system
            yield line
        if line.startswith(("Collecting ", "Processing ")):  # from an index; from a local file
            fetched += 1
            name = re.split(r"==|-\d", Path(line.split()[1]).name)[0]
            if terminal:
                print(f"\r  fetching {fetched} of {total}: {name:<40}", end="", flush=True)
            elif fetched % 20 == 0:
                say(f"  fetching {fetched} of {total}: {name}")
        elif line.startswith("Installing collected packages") and total:
            if terminal:
                print()
            say(f"  installing {fetched} packages; this takes a while")


def make_venv(why: str) -> None:
    """Make the venv anew: one that is half done or out of date is never repaired in place."""
    if importlib.util.find_spec("ensurepip") is None:
        fail("this Python cannot make virtual environments; on Debian: apt install python3-venv")
    if Path(sys.prefix).resolve() == VENV.resolve():
        fail(f".venv must be made anew ({why}): leave it first (`deactivate`), then run again")
    say(f"setting up {VENV} ({why})")
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(str(VENV))
    made = subprocess.call([sys.executable, "-m", "venv", str(VENV)])
    if made != 0 or not PYTHON.exists():
        fail("python -m venv failed, see above; on Debian: apt install python3-venv", 3)
    total = len(set(re.findall(r"(?m)^([a-z0-9-]+)==", LOCK.read_text(encoding="utf-8"))))
    # Wheels only: a source package would fetch and run build tools that no hash covers.
    # Not compiled: most files are never imported, and it costs as much time as all the rest.
    options = ["--require-hashes", "--only-binary=:all:", "--no-compile"]
    pip([*options, "-r", str(LOCK)], total)


def setup() -> None:
    """Bring .venv up to requirements.lock and pyproject.toml; nothing to do takes no time."""
    if sys.version_info < OLDEST:
        fail(f"Python 3.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}")
    wanted = wanted_stamp()
    if present_stamp() == wanted:
        return
    with only_one():
        present = present_stamp()
        stale = [key for key in ("lock", "python", "folder") if present.get(key) != wanted[key]]
        if present == wanted:
            return
        started = time.monotonic()
        with contextlib.suppress(OSError):
            STAMP.unlink()
        if stale:
            changed = ", ".join(stale) + " changed"
            make_venv(changed if present else "new, or not finished last time")
        say("  installing the project")
        pip(["--no-index", "--no-build-isolation", "--no-deps", "-e", str(ROOT)])
        lines = [f"{key}={value}\n" for key, value in wanted.items()]
        STAMP.write_text("".join(lines), encoding="utf-8")
        say(f"ready after {time.monotonic() - started:.0f} s")


def hand_over(command: list[str]) -> NoReturn:
    """Become another program, so that signals and the exit code are its own."""
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(command[0], command)
    try:
        raise SystemExit(subprocess.call(command))
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def check() -> None:
    """Run every step even if one fails; one line each, the output of what failed, a summary."""
    failed = []
    for name, arguments in STEPS:
        print(f"{name:<12}...", end=" ", flush=True)
        started = time.monotonic()
        done = subprocess.run(
            [str(PYTHON), *arguments],
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        lines = done.stdout.strip().splitlines() or [""]
        verdict = "FAILED" if done.returncode else "ok"
        say(f"{verdict:<6} {time.monotonic() - started:6.1f} s   {lines[-1].strip(' =')}")
        if done.returncode:
            failed.append(name)
            say("\n".join("    " + line for line in lines[-60:]))
    if failed:
        fail(f"{len(failed)} of {len(STEPS)} steps failed: {', '.join(failed)}", 1)
    say(f"all {len(STEPS)} steps passed")


def main() -> None:
    """Read the verb, set up, do it."""
    verb, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if verb in ("-h", "--help"):
        say((__doc__ or "").strip())
        return
    if verb not in ("setup", "demo", "test", "check", "bench"):
        fail("say what to do: python3 run.py setup|demo|test|check|bench (--help explains)")
    if arguments and verb in ("setup", "check"):
        fail(f"{verb} takes no arguments, got: {' '.join(arguments)}")
    setup()
    if verb in ("demo", "bench"):
        # -P: a folder named sdr or dashboard in the current directory must not be imported.
        hand_over([str(PYTHON), "-P", "-m", "rfproctor", verb, *arguments])
    elif verb == "test":
        os.chdir(str(ROOT))
        hand_over([str(PYTHON), "-m", "pytest", *(arguments or SIDE_BY_SIDE)])
    elif verb == "check":
        check()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        fail("stopped; run it again to go on", 130)
