"""Fixtures for every floor; what needs something that may be absent skips and says what."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import structlog

from tests.order import Longest, place_of

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first."""
    items.sort(key=lambda item: place_of(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Longest | None:
    """Side by side, files that share a demo stay together."""
    return Longest(config, log) if config.option.dist == "loadfile" else None


@pytest.fixture(autouse=True)
def _log_of_this_test() -> Iterator[None]:
    """A command that a test ran has sent the log to that test's own stderr, which is closed now."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in every run and for every test."""
    return np.random.default_rng(20260607)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Top folder of the working tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder beside the repository with real captures and the emulated dongle."""
    if not SHARED.is_dir():
        pytest.skip("no folder ../shared beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium for headless use."""
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on the PATH (Debian: apt install chromium)")


@pytest.fixture(scope="session")
def emudongle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """``emurun`` of the emulated dongle, built from ../shared/emudongle.

    Use it as ``[str(emudongle), "EMU_SCENE=...", program, argument, ...]``; the scenes lie in
    ``emudongle.parent / "scenes"``.
    """
    source = SHARED / "emudongle"
    if not source.is_dir():
        pytest.skip("no emulated dongle in ../shared/emudongle")
    for tool in ("make", "gcc", "pkg-config"):
        if shutil.which(tool) is None:
            pytest.skip(f"the emulated dongle needs {tool} (apt install gcc make pkg-config)")
    folder = tmp_path_factory.mktemp("emudongle") / "emudongle"
    shutil.copytree(source, folder, copy_function=shutil.copyfile)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)  # the original may be read-only and copytree keeps a folder's bits
    built = subprocess.run(
        ["make", "-C", str(folder)], capture_output=True, text=True, timeout=100, check=False
    )
    if built.returncode != 0:
        errors = [line for line in built.stderr.splitlines() if "error" in line.lower()]
        reason = (errors or ["make failed"])[0]
        pytest.skip(f"the emulated dongle cannot be built (libusb-1.0-0-dev?): {reason}")
    yield folder / "emurun"
    shutil.rmtree(folder, ignore_errors=True)
