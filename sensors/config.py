"""``site.toml``: what a technician writes about one exam site, checked whole before use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sdr.source import BadSource
from sdr.uri import split_uri
from sensors.address import can_be_dialled, is_key
from sensors.bandplan import PlanId
from sensors.bands import BandSection, GuardBand, settle_bands
from sensors.messages import Id
from sensors.mistake import place_of
from sensors.toml import BadConfig, load_toml

LocalAddress = Annotated[
    str,
    Meta(pattern=r"^(tcp://127\.0\.0\.1:[1-9][0-9]{0,4})?$", examples=["tcp://127.0.0.1:8480"]),
]
"""Viewers of a site need no key, so they must be on its own machine."""


class SiteSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[site]``: who we are and where things lie."""

    id: Annotated[Id, Meta(examples=["school-3"])]
    name: str = ""
    baseline: str = ""
    data: str = ""
    local: LocalAddress = ""
    band_plan: PlanId = "cn"


class MonitorSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[monitor]``: the centre's address; without it the site works alone."""

    events: str
    insecure: bool = False
    server_key: str = ""

    def __post_init__(self) -> None:
        if not can_be_dialled(self.events):
            raise ValueError("events: config.tcp_address")
        if self.server_key and not is_key(self.server_key):
            raise ValueError("server_key: config.server_key")


class DongleSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[[dongle]]``: one source of samples and where it stands."""

    source: str
    name: str = ""
    position: str = ""
    antenna: str = ""
    gain_db: Annotated[float, Meta(ge=0, le=100)] = 40.2
    ppm: Annotated[float, Meta(ge=-300, le=300)] = 0.0
    sample_rate_hz: Annotated[float, Meta(ge=225e3, le=100e6)] = 2.4e6

    def __post_init__(self) -> None:
        try:
            split_uri(self.source)
        except BadSource:
            raise ValueError("source: config.source") from None


class DetectSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[detect]``: how sure the site must be."""

    false_alarms_per_exam: Annotated[float, Meta(gt=0, le=1000)] = 0.01
    exam_hours: Annotated[float, Meta(gt=0, le=24)] = 6.0
    on_db: Annotated[float, Meta(ge=0, le=40)] = 6.0
    off_db: Annotated[float, Meta(ge=0, le=40)] = 3.0

    def __post_init__(self) -> None:
        if self.off_db > self.on_db:
            raise ValueError("off_db: config.off_above_on")


class ScanSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[scan]``: how the dongles listen."""

    dwell_s: Annotated[float, Meta(ge=0.005, le=2.0)] = 0.04
    nfft: Literal[256, 512, 1024, 2048, 4096] = 1024
    hunt_share: Annotated[float, Meta(ge=0, le=0.5)] = 0.3


class EvidenceSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[evidence]``: samples of what was heard, from before its first symbol."""

    keep: bool = True
    seconds: Annotated[float, Meta(gt=0, le=30)] = 5.0
    quota_gb: Annotated[float, Meta(gt=0, le=10_000)] = 20.0


class LedgerSection(Struct, forbid_unknown_fields=True, frozen=True):
    """``[ledger]``: what was watched when."""

    days: Annotated[int, Meta(ge=1, le=3650)] = 180


class SiteFile(Struct, forbid_unknown_fields=True, frozen=True):
    """The whole file."""

    site: SiteSection
    dongle: Annotated[list[DongleSection], Meta(min_length=1, max_length=32)]
    band: list[BandSection] = []
    monitor: MonitorSection | None = None
    detect: DetectSection = DetectSection()
    scan: ScanSection = ScanSection()
    evidence: EvidenceSection = EvidenceSection()
    ledger: LedgerSection = LedgerSection()


@dataclass(frozen=True, slots=True)
class Site:
    """A checked configuration, with defaults filled in and paths made absolute.

    Attributes
    ----------
    file : SiteFile
    path : Path
        Of the file itself.
    data : Path
        Folder of outbox, ledger and evidence.
    baseline : Path or None
    bands : tuple of GuardBand
    sensor_ids : tuple of str
        One for each dongle, in the file's order: ``site/name``.
    """

    file: SiteFile
    path: Path
    data: Path
    baseline: Path | None
    bands: tuple[GuardBand, ...]
    sensor_ids: tuple[str, ...]


def load_site(path: Path, sources: tuple[str, ...] = ()) -> Site:
    """Read and check a site's configuration.

    Parameters
    ----------
    path : Path
    sources : tuple of str
        Replace the file's dongles one by one (``sensor --source``): the first replaces the first
        dongle and so on; further dongles of the file are left out.

    Raises
    ------
    UserError
        With the path of the key and what would be right.
    """
    file = load_toml(path, SiteFile)
    if sources:
        for source in sources:
            split_uri(source)
        file = _replace_sources(file, sources)
    folder = path.resolve().parent
    return Site(
        file=file,
        path=path.resolve(),
        data=folder / (file.site.data or f"var/{file.site.id}"),
        baseline=folder / file.site.baseline if file.site.baseline else None,
        bands=settle_bands(file.band, path),
        sensor_ids=_sensor_ids(file, path),
    )


def _replace_sources(file: SiteFile, sources: tuple[str, ...]) -> SiteFile:
    from msgspec.structs import replace

    template = file.dongle
    dongles = [
        replace(template[min(index, len(template) - 1)], source=source)
        if index < len(template)
        else replace(template[-1], source=source, name="")
        for index, source in enumerate(sources)
    ]
    return replace(file, dongle=dongles)


def _sensor_ids(file: SiteFile, path: Path) -> tuple[str, ...]:
    ids: list[str] = []
    for index, dongle in enumerate(file.dongle):
        name = dongle.name or dongle.position
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            name = f"d{index + 1}"
        sensor = f"{file.site.id}/{name}"
        if sensor in ids:
            if dongle.name:
                file_line = place_of(path, f"dongle[{index}].name")
                raise BadConfig("config.name_twice", file=file_line, name=dongle.name)
            sensor = f"{sensor}-{index + 1}"
        ids.append(sensor)
    return tuple(ids)
