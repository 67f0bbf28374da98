"""What a user installs: the wheel, in a clean venv, away from the repository, without network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from rfproctor import COMMANDS

PACKAGES = ("dsp", "sdr", "sensors", "dashboard")
STAYS_AT_HOME = {"dashboard/static/vendor/refresh.py"}  # calls npm; nothing to a user


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made with the build backend of this venv."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, repository],
        check=True,
        capture_output=True,
        timeout=100,
    )
    (made,) = out.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the programs of a venv that holds the wheel, and what it needs, and nothing else.

    The dependencies are links to this venv's: installing them again would need the network, and
    its whole site-packages would bring our own editable install with it.
    """
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", folder, "install", "--quiet"),
            *("--no-index", "--no-deps", "--disable-pip-version-check", wheel),
        ],
        check=True,
        capture_output=True,
        timeout=100,
    )
    dependencies = folder / "dependencies"
    dependencies.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "rfproctor" not in entry.name and entry.suffix != ".pth":
            (dependencies / entry.name).symlink_to(entry)
    query = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site_packages = run(programs / "python", "-c", query).strip()
    (Path(site_packages) / "dependencies.pth").write_text(f"{dependencies}\n", encoding="utf-8")
    return programs


def run(program: Path, *arguments: str) -> str:
    """Standard output of a program, run in a folder that is not the repository."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [program, *arguments],
        cwd=program.parent,
        env=environment | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_file_list(wheel: Path, repository: Path) -> None:
    on_disk = {
        path.relative_to(repository).as_posix()
        for package in PACKAGES
        for path in (repository / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == (on_disk | {"rfproctor.py"}) - STAYS_AT_HOME


def test_licences_are_inside(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    for ending in ("licenses/LICENSE", "font/OFL.txt", "vendor/LICENSE.uplot"):
        assert any(name.endswith(ending) for name in names), ending


def test_each_import_name_has_one_owner(clean: Path) -> None:
    """A dependency that ships a top-level ``sdr`` or ``dashboard`` would overwrite ours."""
    code = "import importlib.metadata as m, json; print(json.dumps(m.packages_distributions()))"
    owners = json.loads(run(clean / "python", "-c", code))
    assert {name: owners.get(name) for name in (*PACKAGES, "rfproctor")} == {
        name: ["rfproctor"] for name in (*PACKAGES, "rfproctor")
    }


def test_imports_come_from_the_wheel(clean: Path, repository: Path) -> None:
    code = f"import {', '.join(PACKAGES)}; print(*[p.__path__[0] for p in ({', '.join(PACKAGES)})])"
    for place in run(clean / "python", "-c", code).split():
        assert Path(place).is_relative_to(clean.parent)
        assert not Path(place).is_relative_to(repository)


def test_texts_are_readable(clean: Path) -> None:
    code = (
        "from sensors.text import LANGS, catalogue; print([len(catalogue(k)) > 0 for k in LANGS])"
    )
    assert run(clean / "python", "-c", code).strip() == "[True, True]"


def test_help_names_every_command(clean: Path) -> None:
    first_words = [line.split()[:1] for line in run(clean / "rfproctor", "--help").splitlines()]
    assert [name for name in COMMANDS if [name] not in first_words] == []


def test_help_answers_at_once(clean: Path) -> None:
    """It imports neither numpy (0.1 s) nor our packages, but for the texts: plain JSON."""
    code = (
        "import sys; from rfproctor import cli; cli.main(['--help'], standalone_mode=False); "
        "ours = {n for n in sys.modules if n.startswith('sensors')} - {'sensors', 'sensors.text'}; "
        "print(ours | ({'numpy', 'zmq', 'msgspec', 'dashboard', 'sdr', 'dsp'} & set(sys.modules)))"
    )
    assert run(clean / "python", "-c", code).splitlines()[-1] == "set()"


@pytest.mark.parametrize("name", COMMANDS)
def test_command_help(clean: Path, name: str) -> None:
    assert f"rfproctor {name}" in run(clean / "rfproctor", name, "--help")
