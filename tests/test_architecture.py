"""House rules that a machine can check: one-way imports, short files, nothing private."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.order import FIRST, TOGETHER

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = ("dsp", "sdr", "sensors", "dashboard")
MOST_LINES = 300
WHOLE = {"sensors/messages.py"}  # the wire schema is one file, so that it can be read as one
SOURCES = sorted(
    path
    for package in PACKAGES
    for path in (REPOSITORY / package).rglob("*")
    if path.suffix in {".py", ".js", ".css", ".html"}
    and "vendor" not in path.parts
    and path.relative_to(REPOSITORY).as_posix() not in WHOLE
)


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    """Judge the packages in a folder by the contracts in its pyproject.toml.

    A process of its own: import-linter changes ``sys.path`` and keeps a cache.
    """
    return subprocess.run(
        [
            *(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"),
            "--no-cache",
        ],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "COLUMNS": "200", "PATH": ""},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )


def test_imports_keep_their_contracts() -> None:
    done = lint_imports(REPOSITORY)
    assert done.returncode == 0, done.stdout[done.stdout.find("Broken contracts") :] + done.stderr


def test_contracts_notice_each_violation(tmp_path: Path) -> None:
    """The same contracts over copies of the packages with one wrong import of each kind."""
    for package in PACKAGES:
        shutil.copytree(
            REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("static")
        )
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    wrong = {
        "dsp/wrong.py": "import time, socket, logging\nimport sdr.source\n",
        "sensors/wrong.py": "import rtlsdr\nimport dashboard\n",
        "dashboard/wrong.py": "import sdr.source\nimport sensors.config\n",
    }
    for name, text in wrong.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stderr
    for found in (
        "dsp.wrong -> time",
        "dsp.wrong -> socket",
        "dsp.wrong -> logging",
        "dsp.wrong -> sdr.source",
        "sensors.wrong -> rtlsdr",
        "sensors.wrong -> dashboard",
        "dashboard.wrong -> sdr.source",
        "dashboard.wrong -> sensors.config",
    ):
        assert found in done.stdout, found
    assert done.stdout.count(" BROKEN") == 4


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(REPOSITORY).as_posix())
def test_file_is_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: find the second noun in it and give it its file"


@pytest.mark.parametrize("package", PACKAGES)
def test_package_init_holds_a_docstring_and_nothing_else(package: str) -> None:
    text = (REPOSITORY / package / "__init__.py").read_text(encoding="utf-8")
    assert re.fullmatch(r'"""[^"]+"""\n', text)


def committed() -> list[Path]:
    """Every text file under version control, or in the tree where there is no git."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, timeout=60, check=True
        )
        names = [name for name in listed.stdout.decode().split("\0") if name]
        paths = [REPOSITORY / name for name in names]
    except (OSError, subprocess.CalledProcessError):
        paths = [p for p in REPOSITORY.rglob("*") if not set(p.parts) & {".venv", ".git", "var"}]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:8192]]


PRIVATE = re.compile(
    r"\b(?:pypi\.org|pythonhosted\.org|registry\.npm\w+\.\w+|deb\.debian\.org|crates\.io)\b"
    r"|(?<![\w.~-])/(?:work|root)/"
)
"""A registry's host (everyone has their own mirror) or a path of somebody's machine."""


def test_pattern_finds_what_it_must() -> None:
    for bad in ("https://pypi" + ".org/simple", "see /wo" + "rk/main", "'/ro" + "ot/x'"):
        assert PRIVATE.search(bad), bad
    for good in ("docs/work/main", "a/root/b", "pypi-org"):
        assert not PRIVATE.search(good), good


def test_no_committed_text_names_a_registry_or_a_private_path() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()[:100]}"
        for path in committed()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if PRIVATE.search(line)
    ]
    assert not found, "\n".join(found)


def test_the_order_of_the_tests_names_files_that_there_are() -> None:
    shared = [file for line in TOGETHER for file in line]
    assert len(set(FIRST)) == len(FIRST)
    assert FIRST[: len(shared)] == tuple(shared)  # a demo that nobody uses yet costs half a core
    assert [file for file in FIRST if not (REPOSITORY / file).is_file()] == []
