"""What one dongle's process is told before it starts, and what it may be told while it runs."""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct

from sensors.bandplan import PlanId
from sensors.bands import GuardBand
from sensors.config import Site
from sensors.team import Team, teams_of


class Task(Struct, frozen=True):
    """One worker's work.

    Attributes
    ----------
    sensor : str
    source : str
        Source URI.
    endpoint : str
        Where the supervisor takes reports (ZeroMQ PULL).
    bands : tuple of GuardBand
        What this dongle watches.
    sample_rate_hz, gain_db, ppm : float
        Requested; `sensors.reports.StartReport` says what became of them.
    dwell_s, nfft : float, int
    false_alarms, exam_s, on_db, off_db : float
        The detection rule: false alarms wanted in an exam of this length.
    antenna, position : str
        Part of a baseline's identity; for people.
    baseline : str
        Path of the frozen baseline; empty without one.
    survey : bool
        Learn all hops, its own most often, until a baseline is ordered.
    seed : int
        Of the jitter in the hop order.
    hops : dict
        Index in the plan of all bands -> seconds until it comes again: this dongle's part.  Empty:
        a recording, which has one hop.
    hop_s : float
        Expected for one hop, before it has been measured.
    place : tuple of int
        As in `TakeHops`.
    data : str
        The site's folder: what ``doctor`` measured of this dongle, and its evidence.
    evidence_s : float
        Samples kept from before a first sighting; 0 keeps none at all.
    evidence_bytes : int
        Quota of the site's evidence.
    hunt_share : float
        Share of the time that may be spent on staying where something new is.
    band_plan : PlanId
        Says who normally lives where.
    """

    sensor: str
    source: str
    endpoint: str
    bands: tuple[GuardBand, ...]
    sample_rate_hz: float
    gain_db: float
    ppm: float
    dwell_s: float
    nfft: int
    false_alarms: float
    exam_s: float
    on_db: float
    off_db: float
    antenna: str = ""
    position: str = ""
    baseline: str = ""
    survey: bool = False
    seed: int = 1
    hops: dict[int, float] = {}
    hop_s: float = 0.0
    place: tuple[int, int] = (0, 1)
    data: str = ""
    evidence_s: float = 0.0
    evidence_bytes: int = 0
    hunt_share: float = 0.3
    band_plan: PlanId = "cn"


class UseBaseline(Struct, frozen=True, tag="baseline"):
    """Detect against this frozen baseline from now on."""

    path: str


class TakeHops(Struct, frozen=True, tag="hops"):
    """Visit these hops from now on, so often: the dongles of the place were counted again.

    Attributes
    ----------
    hops, hop_s : dict, float
        As in `Task`.
    place : tuple of int
        Its number among the dongles of the place, and how many there are: in a survey each learns
        as many hops as the others.
    """

    hops: dict[int, float]
    hop_s: float
    place: tuple[int, int] = (0, 1)


class Shot(Struct, frozen=True):
    """One transmission of a drill."""

    number: int
    kind: str
    freq_hz: float
    on_ns: int
    off_ns: int


class Inject(Struct, frozen=True, tag="inject"):
    """Add these transmissions to the samples; none ends the drill."""

    shots: list[Shot]
    epoch_ns: int
    level_dbfs: float
    gain_db: float | None


class Stay(Struct, frozen=True, tag="stay"):
    """Visit only these hops for so long; then go on with the plan."""

    hops: list[int]
    seconds: float


class KeepSamples(Struct, frozen=True, tag="keep"):
    """Keep what was and is received around a frequency in this window of time."""

    number: int
    freq_hz: float
    start_ns: int
    stop_ns: int
    emitter: str


Order = UseBaseline | TakeHops | Inject | Stay | KeepSamples


def tasks_of(site: Site, endpoint: str, *, survey: bool) -> list[Task]:
    """Make the task of every dongle of a site.

    Every position watches all bands; the dongles at one position share their hops.
    """
    parts: dict[str, TakeHops] = {}
    for team in teams_of(site):
        parts |= parts_of_team(team)
    evidence = site.file.evidence
    return [
        Task(
            sensor=sensor,
            source=dongle.source,
            endpoint=endpoint,
            bands=site.bands,
            sample_rate_hz=dongle.sample_rate_hz,
            gain_db=dongle.gain_db,
            ppm=dongle.ppm,
            dwell_s=site.file.scan.dwell_s,
            nfft=site.file.scan.nfft,
            false_alarms=site.file.detect.false_alarms_per_exam / len(site.sensor_ids),
            exam_s=site.file.detect.exam_hours * 3600,
            on_db=site.file.detect.on_db,
            off_db=site.file.detect.off_db,
            antenna=dongle.antenna,
            position=dongle.position,
            baseline=str(site.baseline) if site.baseline is not None and not survey else "",
            survey=survey,
            seed=index + 1,
            hops=parts[sensor].hops if sensor in parts else {},
            hop_s=parts[sensor].hop_s if sensor in parts else 0.0,
            place=parts[sensor].place if sensor in parts else (0, 1),
            data=str(site.data),
            evidence_s=evidence.seconds if evidence.keep else 0.0,
            evidence_bytes=round(evidence.quota_gb * 1e9),
            hunt_share=site.file.scan.hunt_share,
            band_plan=site.file.site.band_plan,
        )
        for index, (sensor, dongle) in enumerate(
            zip(site.sensor_ids, site.file.dongle, strict=True)
        )
    ]


def parts_of_team(team: Team, present: Collection[str] | None = None) -> dict[str, TakeHops]:
    """What each dongle that is present visits."""
    members, division = team.divide(present)
    return {
        sensor: TakeHops(
            {i: division.revisit_s[i] for i in hops}, team.hop_s[sensor], (number, len(members))
        )
        for number, (sensor, hops) in enumerate(zip(members, division.hops, strict=True))
    }
