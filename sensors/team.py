"""The dongles of one place: they share its bands, and stand in for one that is lost."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from dsp.division import Division, divide
from dsp.plan import Band, Plan, make_plan
from sensors.bands import GuardBand
from sensors.calibration import calibrations
from sensors.config import DongleSection, Site
from sensors.coverage import Coverage
from sensors.reasons import CASES_HZ

TUNE_S, SETTLE_S = 0.02, 0.01
"""A retune and what is discarded after it, before `rfproctor doctor` has measured this dongle."""

OVERHEAD_S = 0.0005
"""What the computer itself takes: the next retune begins when a dwell has been on the air."""


@dataclass(slots=True)
class Team:
    """Dongles at one position with one sample rate.

    Attributes
    ----------
    sensors : tuple of str
    plan : Plan
        Of the position: the same for all, so that each has learnt every hop and can take it over.
    hop_s : dict
        Sensor id -> seconds for one hop: expected, then measured.
    coverage : Coverage
        What was really visited, by whomever.
    """

    sensors: tuple[str, ...]
    plan: Plan
    hop_s: dict[str, float]
    coverage: Coverage = field(init=False)

    def __post_init__(self) -> None:
        spans = [(hop.grid.low_hz, hop.grid.high_hz) for hop in self.plan.hops]
        self.coverage = Coverage(self.plan.bands, spans)

    def divide(self, present: Collection[str] | None = None) -> tuple[tuple[str, ...], Division]:
        """Divide the hops among those that are present (default: all); in the file's order."""
        members = tuple(s for s in self.sensors if present is None or s in present)
        return members, divide(self.plan, [self.hop_s[sensor] for sensor in members])


def teams_of(site: Site) -> list[Team]:
    """Make the teams of a site; recordings are in none, they hold what they hold."""
    groups: dict[tuple[str, float], list[int]] = {}
    for index, dongle in enumerate(site.file.dongle):
        if is_tunable(dongle.source):
            groups.setdefault((dongle.position, dongle.sample_rate_hz), []).append(index)
    return [
        Team(
            sensors=tuple(site.sensor_ids[i] for i in members),
            plan=nominal_plan(site.bands, rate_hz, site.file.scan.nfft),
            hop_s={site.sensor_ids[i]: expected_hop_s(site, site.file.dongle[i]) for i in members},
        )
        for (_, rate_hz), members in groups.items()
    ]


def is_tunable(source: str) -> bool:
    """Whether a source of this URI goes where it is sent, known before it is open."""
    return not source.startswith("file:")


def nominal_plan(bands: tuple[GuardBand, ...], sample_rate_hz: float, nfft: int) -> Plan:
    """Make the plan of guard bands for one sample rate."""
    wanted = [
        Band(b.name, b.start_hz, b.stop_hz, b.max_revisit_s, b.mode, b.priority) for b in bands
    ]
    return make_plan(wanted, sample_rate_hz=sample_rate_hz, nfft=nfft, watched_hz=CASES_HZ)


def expected_hop_s(site: Site, dongle: DongleSection) -> float:
    """Seconds for one hop: as ``doctor`` measured this dongle, else as most of them are."""
    tune_s, settle_s = hop_overhead(site.data, dongle.source.partition(":")[2].partition("?")[0])
    return tune_s + settle_s + site.file.scan.dwell_s + OVERHEAD_S


def hop_overhead(data: Path, serial: str) -> tuple[float, float]:
    """Retune and settling time of a dongle; the only known one where there is no serial."""
    known = calibrations(data)
    found = known.get(serial)
    if found is None and not serial and len(known) == 1:
        [found] = known.values()
    if found is None:
        return TUNE_S, SETTLE_S
    return (
        TUNE_S if found.tune_s is None else found.tune_s,
        SETTLE_S if found.discard_s is None else found.discard_s,
    )
