"""run.py as a newcomer meets it: from nothing, killed half way, twice at once, changed under it.

A project of two files with its own build backend and one tiny locked wheel stands in for ours, so
that no network is needed; run.py is the real one.
"""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

BACKEND = """
import zipfile, pathlib
def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "toy-1-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("toy.pth", str(pathlib.Path.cwd()))
        wheel.writestr("toy-1.dist-info/METADATA",
                       "Metadata-Version: 2.1\\nName: toy\\nVersion: 1\\n")
        wheel.writestr("toy-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: toy\\n"
                       "Root-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("toy-1.dist-info/RECORD", "")
    return name
"""
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "toy"
version = "1"
"""
RFPROCTOR = "import sys; print('rfproctor', *sys.argv[1:])\n"


def tiny_wheel(folder: Path) -> str:
    """Write a wheel of one module; return its SHA-256."""
    path = folder / "tiny-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny.py", "answer = 42\n")
        wheel.writestr(
            "tiny-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n"
        )
        wheel.writestr(
            "tiny-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        digest = base64.urlsafe_b64encode(hashlib.sha256(b"answer = 42\n").digest()).decode()
        wheel.writestr("tiny-1.dist-info/RECORD", f"tiny.py,sha256={digest.rstrip('=')},12\n")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Toy:
    """A folder with the real run.py and a project that needs no network."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder = folder
        self.wheels = folder.parent / "wheels"  # pip splits a list of folders at spaces
        self.wheels.mkdir()
        (folder / "run.py").write_bytes(script.read_bytes())
        (folder / "backend.py").write_text(BACKEND, encoding="utf-8")
        (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
        (folder / "rfproctor.py").write_text(RFPROCTOR, encoding="utf-8")
        self.lock(tiny_wheel(self.wheels))

    def lock(self, digest: str) -> None:
        text = f"tiny==1 \\\n    --hash=sha256:{digest}\n"
        (self.folder / "requirements.lock").write_text(text, encoding="utf-8")

    def start(self, *arguments: str, prelude: str = "", **variables: str) -> subprocess.Popen[str]:
        """Start run.py with a Python that is not the venv's."""
        command = [sys.executable, str(self.folder / "run.py"), *arguments]
        if prelude:
            script = f"import sys, runpy; {prelude}; sys.argv = {command[1:]!r}; "
            script += "runpy.run_path(sys.argv[0], run_name='__main__')"
            command = [sys.executable, "-c", script]
        offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        return subprocess.Popen(
            command,
            cwd=self.folder.parent,
            env=os.environ | offline | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def run(self, *arguments: str, prelude: str = "", **variables: str) -> tuple[int, str]:
        with self.start(*arguments, prelude=prelude, **variables) as process:
            out, _ = process.communicate(timeout=100)
        return process.returncode, out

    def works(self) -> bool:
        code = "import tiny, rfproctor; print(tiny.answer)"
        python = self.folder / ".venv" / "bin" / "python"
        done = subprocess.run(
            [python, "-c", code], cwd=self.wheels, capture_output=True, timeout=60, check=False
        )
        return b"42" in done.stdout


@pytest.fixture
def toy(tmp_path: Path, repository: Path) -> Toy:
    folder = tmp_path / "a folder"  # people do have spaces in their paths
    folder.mkdir()
    return Toy(folder, repository / "run.py")


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Toy:
    """One that is set up; a test may change it but leaves it set up."""
    toy = Toy(tmp_path_factory.mktemp("ready"), repository / "run.py")
    code, out = toy.run("demo", "--port", "9000")
    assert code == 0, out
    assert "ready after" in out
    assert out.splitlines()[-1] == "rfproctor demo --port 9000"
    return toy


def test_sets_up_once_and_passes_arguments_on(ready: Toy) -> None:
    assert ready.works()
    assert ready.run("bench", "psd") == (0, "rfproctor bench psd\n"), "set up again without need"


def test_only_reinstalls_the_project_when_only_pyproject_changed(ready: Toy) -> None:
    kept = ready.folder / ".venv" / "kept"
    kept.touch()
    (ready.folder / "pyproject.toml").write_text(PYPROJECT + "\n# changed\n", encoding="utf-8")
    code, out = ready.run("setup")
    assert (code, kept.exists(), ready.works()) == (0, True, True), out
    assert "installing the project" in out
    assert ready.run("setup") == (0, "")


def test_starts_anew_when_the_lock_changed(ready: Toy) -> None:
    stale = ready.folder / ".venv" / "stale"
    stale.touch()
    with (ready.folder / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    code, out = ready.run("setup")
    assert (code, stale.exists(), ready.works()) == (0, False, True), out
    assert "lock changed" in out


def test_refuses_a_wrong_hash_and_heals(toy: Toy) -> None:
    toy.lock("0" * 64)
    code, out = toy.run("demo")
    assert code == 3, out
    assert "rfproctor demo" not in out
    assert "run this again" in out.splitlines()[-1]
    toy.lock(hashlib.sha256((toy.wheels / "tiny-1-py3-none-any.whl").read_bytes()).hexdigest())
    assert toy.run("setup")[0] == 0
    assert toy.works()


def test_says_what_to_do_without_network(toy: Toy) -> None:
    (toy.wheels / "tiny-1-py3-none-any.whl").unlink()
    dead = {"PIP_NO_INDEX": "", "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1"}
    code, out = toy.run("setup", **dead)
    assert code == 3, out
    assert "the package index does not answer; trying again" in out
    assert "set network, proxy or mirror" in out.splitlines()[-1]


@pytest.mark.skipif(os.name != "posix", reason="kills a process group")
@pytest.mark.parametrize("delay_s", [0.05, 1.0])
def test_heals_after_being_killed(toy: Toy, delay_s: float) -> None:
    process = toy.start("setup")
    assert process.stdout is not None
    assert "setting up" in process.stdout.readline()
    time.sleep(delay_s)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert toy.run("setup")[0] == 0
    assert toy.works()


@pytest.mark.skipif(os.name != "posix", reason="Windows does not wait for the other one")
def test_two_at_once_set_up_one_after_the_other(toy: Toy) -> None:
    both = [toy.start("demo"), toy.start("demo")]
    outs = [process.communicate(timeout=100)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outs
    assert sum("ready after" in out for out in outs) == 1
    assert all(out.splitlines()[-1] == "rfproctor demo" for out in outs)


def test_says_what_to_install_without_ensurepip(toy: Toy) -> None:
    """Stock Debian: python3 without python3-venv."""
    prelude = (
        "import importlib.util as u; find = u.find_spec; "
        "u.find_spec = lambda name, *rest: None if name == 'ensurepip' else find(name, *rest)"
    )
    code, out = toy.run("test", prelude=prelude)
    assert (code, out.count("\n")) == (2, 1), out
    assert "apt install python3-venv" in out


def test_says_which_python_it_needs(toy: Toy) -> None:
    code, out = toy.run("setup", prelude="sys.version_info = (3, 9, 2, 'final', 0)")
    assert (code, out.count("\n")) == (2, 1), out
    assert "Python 3.11 or newer is needed" in out


@pytest.mark.parametrize("arguments", [(), ("tset",), ("setup", "--fast"), ("check", "x")])
def test_wrong_usage_is_one_line(toy: Toy, arguments: tuple[str, ...]) -> None:
    code, out = toy.run(*arguments)
    assert (code, out.count("\n")) == (2, 1), out


def test_help_lists_every_verb(toy: Toy) -> None:
    code, out = toy.run("--help")
    assert code == 0
    for verb in ("setup", "demo", "test", "check", "bench"):
        assert f"run.py {verb}" in out


def test_check_goes_through_every_step_and_counts_failures(ready: Toy) -> None:
    """The toy has neither ruff nor mypy nor pytest, so that every step must be seen to fail."""
    code, out = ready.run("check")
    assert code == 1
    for step in ("ruff check", "ruff format", "mypy", "imports", "pytest", "wheel"):
        (line,) = [line for line in out.splitlines() if line.startswith(f"{step} ")]
        assert "FAILED" in line
    assert out.splitlines()[-1].startswith("run.py: 6 of 6 steps failed: ruff check,")
