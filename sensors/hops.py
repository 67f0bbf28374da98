"""From a site's bands and what a source can do to the hops that one dongle visits."""

from __future__ import annotations

from dsp.dwell import Resolution
from dsp.identity import Identity
from dsp.plan import KEEP, Band, Hop, Plan, make_plan
from dsp.values import Grid
from sdr.source import BadSource, Settings, SourceInfo
from sensors.bands import GuardBand
from sensors.reasons import CASES_HZ

BIN_HZ = 2400.0
"""Wanted width of a bin where the rate is the recording's own: about that of 2.4 MS/s and 1024."""


def plan_for(
    bands: tuple[GuardBand, ...], info: SourceInfo, settings: Settings, nfft: int
) -> tuple[Plan, Resolution]:
    """Make the plan of one source.

    A tunable source gets hops over the bands; a recording has one centre and therefore one hop,
    whatever the bands say.

    Raises
    ------
    BadSource
        A band lies outside the tuner's range, or a recording does not say its centre.
    """
    rate_hz = settings.sample_rate_hz
    if not info.tunable:
        nfft = 1 << max(5, round(rate_hz / BIN_HZ - 1).bit_length())
        return fixed_plan(info, rate_hz, nfft), Resolution(nfft=nfft)
    for band in bands:
        if band.start_hz < info.freq_low_hz or band.stop_hz > info.freq_high_hz:
            raise BadSource(
                "plan.outside_tuner",
                band=band.name,
                start_mhz=f"{band.start_hz / 1e6:g}",
                stop_mhz=f"{band.stop_hz / 1e6:g}",
                tuner=info.tuner,
                low_mhz=f"{info.freq_low_hz / 1e6:g}",
                high_mhz=f"{info.freq_high_hz / 1e6:g}",
            )
    wanted = [
        Band(b.name, b.start_hz, b.stop_hz, b.max_revisit_s, b.mode, b.priority) for b in bands
    ]
    plan = make_plan(wanted, sample_rate_hz=rate_hz, nfft=nfft, watched_hz=CASES_HZ)
    return plan, Resolution(nfft=nfft)


def fixed_plan(info: SourceInfo, rate_hz: float, nfft: int) -> Plan:
    """Plan of a source that cannot be tuned: one hop at its own centre.

    Raises
    ------
    BadSource
        It does not say its centre.
    """
    center_hz = info.freq_low_hz
    width_hz = rate_hz / nfft
    half = int(KEEP * nfft / 2)
    if center_hz <= half * width_hz:
        raise BadSource("plan.center_unknown", uri=info.uri)
    grid = Grid(center_hz - half * width_hz, width_hz, 2 * half)
    band = Band(info.serial, grid.low_hz, grid.high_hz, 1.0, "stare")
    return Plan((band,), (Hop(0, center_hz, grid, 0),), rate_hz, nfft)


def identity_of(
    info: SourceInfo, settings: Settings, plan: Plan, resolution: Resolution, antenna: str
) -> Identity:
    """Conditions under which this dongle's levels mean something."""
    return Identity(
        serial=info.serial,
        antenna=antenna,
        gain_db=settings.gain_db,
        sample_rate_hz=settings.sample_rate_hz,
        nfft=resolution.nfft,
        window=resolution.window,
        overlap=resolution.overlap,
        plan=plan.digest,
        ppm=settings.ppm,
    )
