"""Baselines on disk: one immutable file for a site, one baseline in it for each sensor."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dsp.baseline import Baseline
from dsp.identity import BaselineMismatch, Identity
from sdr.source import UserError

FORMAT = 1


class BaselineFault(UserError):
    """A baseline file is missing, damaged, or was learned under other conditions."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What one survey of a site learned.

    Attributes
    ----------
    site : str
    start_ns, stop_ns : int
        When.
    baselines : dict
        `dsp.baseline.Baseline` by sensor id.
    """

    site: str
    start_ns: int
    stop_ns: int
    baselines: dict[str, Baseline]


def writable(path: Path) -> None:
    """Refuse a name that could not be written, before a survey of hours rather than after it.

    Raises
    ------
    BaselineFault
        There is such a file already, or its folder cannot be made or written.
    """
    if path.exists():
        raise BaselineFault("baseline.exists", file=path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise BaselineFault("baseline.unwritable", file=path, why=error.strerror) from None


def save_survey(path: Path, survey: Survey) -> None:
    """Write a survey; the file is complete or not there, read-only, and never overwritten.

    Raises
    ------
    BaselineFault
        There is such a file already, or it cannot be written.
    """
    if path.exists():
        raise BaselineFault("baseline.exists", file=path)
    sensors = list(survey.baselines)
    head = {
        "format": FORMAT,
        "site": survey.site,
        "start_ns": survey.start_ns,
        "stop_ns": survey.stop_ns,
        "sensors": sensors,
    }
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                _put(archive, "survey", np.frombuffer(json.dumps(head).encode(), dtype=np.uint8))
                for number, sensor in enumerate(sensors):
                    for name, array in survey.baselines[sensor].arrays():
                        _put(archive, f"{number}/{name}", array)
            file.flush()
            os.fsync(file.fileno())
        part.chmod(0o444)
        part.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise BaselineFault("baseline.unwritable", file=path, why=str(error)) from None


def _put(archive: zipfile.ZipFile, name: str, array: npt.NDArray[Any]) -> None:
    """Add one array as numpy's own ``savez_compressed`` would, which wants all of them at once."""
    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)


class _Part(Mapping[str, "npt.NDArray[Any]"]):
    """One sensor's arrays of a file, read when they are asked for."""

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> None:
        self._arrays, self._prefix = arrays, prefix
        self._names = [n.removeprefix(prefix) for n in arrays if n.startswith(prefix)]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self._arrays[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def load_survey(path: Path) -> Survey:
    """Read a survey.

    Raises
    ------
    BaselineFault
        Missing, damaged, or not a baseline file.
    """
    try:
        # Opened here: numpy leaves the file open when it turns out to be no archive.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            head = json.loads(bytes(arrays["survey"]))
            if head["format"] != FORMAT:
                raise ValueError(f"format {head['format']} is not {FORMAT}")
            baselines = {
                sensor: Baseline.from_arrays(_Part(arrays, f"{number}/"))
                for number, sensor in enumerate(head["sensors"])
            }
    except FileNotFoundError:
        raise BaselineFault("baseline.missing", file=path) from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BaselineFault("baseline.damaged", file=path, why=str(error)) from None
    return Survey(head["site"], head["start_ns"], head["stop_ns"], baselines)


def load_baseline(path: str, sensor: str, identity: Identity) -> Baseline:
    """Take one sensor's baseline out of a file and make sure that it fits.

    Raises
    ------
    BaselineFault
        No baseline of this sensor, or learned with another dongle, gain, antenna or plan.
    """
    survey = load_survey(Path(path))
    if sensor not in survey.baselines:
        raise BaselineFault(
            "baseline.other_sensor", file=path, sensor=sensor, known=", ".join(survey.baselines)
        )
    baseline = survey.baselines[sensor]
    try:
        baseline.identity.require(identity)
    except BaselineMismatch as mismatch:
        raise BaselineFault(
            "baseline.mismatch",
            file=path,
            sensor=sensor,
            field=mismatch.field,
            learned=mismatch.learnt,
            now=mismatch.offered,
        ) from None
    return baseline
