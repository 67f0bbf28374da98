"""What the loaded librtlsdr is and what is known to be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from sdr.bus import load_library


@dataclass(frozen=True, slots=True)
class Library:
    """The library in use.

    Attributes
    ----------
    path : str
    binding : str
        Version of pyrtlsdr.
    bundled : str
        Version of pyrtlsdrlib when the library is the one it brings, else empty.
    faults : tuple of str
        Message ids of what this library cannot do or does wrong.
    """

    path: str
    binding: str
    bundled: str
    faults: tuple[str, ...]


def examine_library(library: Any = None) -> Library:
    """Load librtlsdr and name its known faults.

    Raises
    ------
    SourceError
        It cannot be loaded or used.
    """
    library = load_library() if library is None else library
    path = str(getattr(library, "_name", "?"))
    faults = []
    if not hasattr(library, "rtlsdr_is_tuner_PLL_locked"):
        # Upstream returns success for a tuner that did not lock.
        faults.append("doctor.library_no_lock")
    if not hasattr(library, "rtlsdr_set_bias_tee"):
        faults.append("doctor.library_old")
    return Library(
        path=path,
        binding=_version("pyrtlsdr"),
        bundled=_version("pyrtlsdrlib") if "pyrtlsdrlib" in path else "",
        faults=tuple(faults),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
