"""Who normally lives where: band plans of China and the ITU regions, a source for each row.

The plans are data, ``bandplans/*.toml``.  Sites, the centre and its page read the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sensors.toml import load_toml

PlanId = Literal["cn", "itu1", "itu2", "itu3"]
Kind = Literal[
    "land", "public", "broadcast", "case", "amateur", "data", "cellular", "science", "safety"
]
"""``case``: broadcasting where cheating radios were found; ``safety``: nobody's to listen to."""

Text = Annotated[str, Meta(min_length=1, max_length=80)]
Mhz = Annotated[float, Meta(gt=0, le=10_000)]


class _Row(Struct, frozen=True, forbid_unknown_fields=True):
    start_mhz: Mhz
    stop_mhz: Mhz
    kind: Kind
    en: Text
    zh: Text
    source: Text


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    name_en: Text
    name_zh: Text
    sources: dict[str, str]
    row: list[_Row]


@dataclass(frozen=True, slots=True)
class Service:
    """One row: a stretch of spectrum and who lives there.

    Attributes
    ----------
    start_hz, stop_hz : float
    kind : Kind
    en, zh : str
    source : str
        Where that is written.
    """

    start_hz: float
    stop_hz: float
    kind: Kind
    en: str
    zh: str
    source: str


@dataclass(frozen=True, slots=True)
class BandPlan:
    """A plan, by frequency; where no row is the plan is silent.

    Attributes
    ----------
    id : str
    en, zh : str
    services : tuple of Service
    """

    id: PlanId
    en: str
    zh: str
    services: tuple[Service, ...]

    def at(self, freq_hz: float) -> Service | None:
        """Who lives at a frequency."""
        return next((one for one in self.services if one.start_hz <= freq_hz < one.stop_hz), None)


@cache
def band_plan(plan: PlanId) -> BandPlan:
    """Read one of the shipped plans.

    Raises
    ------
    BadConfig
        The file is not what it should be.
    """
    with resources.as_file(resources.files("sensors") / "bandplans" / f"{plan}.toml") as path:
        file = load_toml(Path(path), _File)
    return BandPlan(
        id=plan,
        en=file.name_en,
        zh=file.name_zh,
        services=tuple(
            Service(
                start_hz=round(row.start_mhz * 1e6),
                stop_hz=round(row.stop_mhz * 1e6),
                kind=row.kind,
                en=row.en,
                zh=row.zh,
                source=_source(row.source, file.sources),
            )
            for row in file.row
        ),
    )


def _source(text: str, sources: dict[str, str]) -> str:
    """The source in full, with the footnote where one is named: ``rr 5.150``."""
    key, _, footnote = text.partition(" ")
    return sources[key] + (f", No. {footnote}" if footnote else "")
