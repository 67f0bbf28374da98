"""Guard bands: the shipped presets, and what a site's configuration makes of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sensors.mistake import place_of
from sensors.toml import BadConfig

Seconds = Annotated[float, Meta(gt=0, le=86400)]
Raster = Annotated[float, Meta(gt=0, le=100e6)]
TunerFreq = Annotated[float, Meta(ge=100e3, le=10e9)]
Mode = Literal["sweep", "stare", "wide"]


class BandSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[[band]]``: a stretch of spectrum to guard; a preset's name alone is enough."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    start_hz: TunerFreq | None = None
    stop_hz: TunerFreq | None = None
    max_revisit_s: Seconds | None = None
    mode: Mode | None = None
    priority: Annotated[int, Meta(ge=1, le=9)] | None = None
    raster_hz: Raster | None = None


@dataclass(frozen=True, slots=True)
class GuardBand:
    """A band with every value settled.

    Attributes
    ----------
    name : str
    start_hz, stop_hz : float
    max_revisit_s : float
    mode : {"sweep", "stare", "wide"}
    priority : int
        1 is lost last.
    raster_hz : float or None
        Channel spacing of the services that live here.
    """

    name: str
    start_hz: float
    stop_hz: float
    max_revisit_s: float
    mode: Mode
    priority: int
    raster_hz: float | None


DEFAULT_BANDS = ("tv3-low", "tv3-high", "data-230", "vhf-pmr", "uhf-403", "srd-433", "uhf-440")


@cache
def presets() -> dict[str, dict[str, object]]:
    """The shipped guard bands by name, as written in ``presets.toml``."""
    return tomllib.loads((resources.files("sensors") / "presets.toml").read_text("utf-8"))


def settle_bands(sections: list[BandSection], path: Path) -> tuple[GuardBand, ...]:
    """Fill in presets and defaults; without any section the default bands.

    Raises
    ------
    BadConfig
        For a name that is no preset and has no limits, for limits in the wrong order, and for a
        name that comes twice.
    """
    wanted = sections or [BandSection(name=name) for name in DEFAULT_BANDS]
    settled: list[GuardBand] = []
    for index, band in enumerate(wanted):
        given = {f: v for f in band.__struct_fields__ if (v := getattr(band, f)) is not None}
        values = {**presets().get(band.name, {}), **given}
        missing = [key for key in ("start_hz", "stop_hz", "max_revisit_s") if key not in values]
        if missing:
            raise BadConfig(
                "config.band_unknown",
                file=place_of(path, f"band[{index}].name"),
                path=f"band[{index}]",
                name=band.name,
                missing=", ".join(missing),
                presets=", ".join(presets()),
            )
        values.setdefault("mode", "sweep")
        values.setdefault("priority", 1)
        values.setdefault("raster_hz", None)
        values.pop("why", None)
        values.pop("source", None)
        guard = GuardBand(**values)
        if guard.stop_hz <= guard.start_hz:
            raise BadConfig(
                "config.band_order",
                file=place_of(path, f"band[{index}].stop_hz"),
                path=f"band[{index}].stop_hz",
                start_mhz=f"{guard.start_hz / 1e6:g}",
                stop_mhz=f"{guard.stop_hz / 1e6:g}",
            )
        if any(guard.name == other.name for other in settled):
            file = place_of(path, f"band[{index}].name")
            raise BadConfig("config.band_twice", file=file, name=guard.name)
        settled.append(guard)
    return tuple(settled)
