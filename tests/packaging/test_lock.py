"""requirements.lock: hashes for everything, no host, and what pyproject.toml asks for is in it."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PYTHONS = ("3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def lock(repository: Path) -> str:
    return (repository / "requirements.lock").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def entries(lock: str) -> list[Requirement]:
    joined = lock.replace("\\\n", " ")
    return [Requirement(line.split(" --hash")[0]) for line in joined.splitlines() if line.strip()]


def asked_for(repository: Path) -> list[Requirement]:
    """Every direct requirement: of the project, its extras and its developers."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    groups = [project["project"]["dependencies"], *extras, project["dependency-groups"]["dev"]]
    return [Requirement(text) for group in groups for text in group]


def on(python: str) -> dict[str, str]:
    return {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}


def test_every_entry_is_pinned_and_hashed(lock: str) -> None:
    """Only pins and hashes: any other line could name a host, or an option that does."""
    for line in lock.splitlines():
        pin = re.fullmatch(r"[a-z0-9-]+==[0-9][\w.!+]*( ; [^:\\]+)? \\", line)
        assert pin or re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line), line
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("python", PYTHONS)
def test_one_version_of_each_per_python(entries: list[Requirement], python: str) -> None:
    here = [e.name for e in entries if e.marker is None or e.marker.evaluate(on(python))]
    assert len(here) == len(set(here))


@pytest.mark.parametrize("python", PYTHONS)
def test_holds_what_pyproject_asks_for(
    repository: Path, entries: list[Requirement], python: str
) -> None:
    pinned = {
        canonicalize_name(entry.name): next(iter(entry.specifier)).version
        for entry in entries
        if entry.marker is None or entry.marker.evaluate(on(python))
    }
    for wanted in asked_for(repository):
        if wanted.marker is None or wanted.marker.evaluate(on(python)):
            version = pinned.get(canonicalize_name(wanted.name))
            assert version is not None, f"{wanted.name} is not in requirements.lock"
            assert wanted.specifier.contains(version), f"{wanted} but {version} is locked"


def test_installed_is_what_is_locked(entries: list[Requirement]) -> None:
    """Otherwise these tests speak about other versions than a user gets."""
    for entry in entries:
        if entry.marker is None or entry.marker.evaluate():
            assert entry.specifier.contains(importlib.metadata.version(entry.name)), entry
