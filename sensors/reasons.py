"""Why an emitter deserves a look: reasons in words, each with its weight.

They come from time, frequency and signal.  Suspicion is their sum, 0-100; the centre adds what only
it can know (one site or many).
Weights are data: what a reason counts is read here and nowhere else, and travels with the event so
that an old alarm can be understood with the weights of its day.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsp.signals import Emitter
from sensors.bandplan import Service
from sensors.bands import GuardBand
from sensors.messages import Note

WEIGHTS = {
    "reason.new": 30,
    "reason.no_baseline": 10,
    "reason.case_band": 25,
    "reason.off_raster": 10,
    "reason.bursts": 15,
    "reason.rhythm": 15,
    "reason.voice": 10,
    "reason.strong": 10,
    "reason.wide": -10,
    "reason.brief": -5,
    "reason.lives_land": 0,
    "reason.lives_public": 0,
    "reason.lives_broadcast": 0,
    "reason.lives_case": 0,
    "reason.lives_amateur": 0,
    "reason.lives_data": 0,
    "reason.lives_cellular": 0,
    "reason.lives_science": 0,
    "reason.lives_safety": 0,
}
"""Message id -> points.  0-40: a record; 40-70: somebody should listen; above: act.

Who normally lives there counts nothing: it is said, so that a person can judge.
"""

CASES_HZ = (168.4e6, 169.0e6, 169.5e6, 210.3e6, 220.25e6, 491.2e6, 536e6)
"""Frequencies of the published cases of 2010-2018."""

NEAR_CASE_HZ = 600e3

STRONG_SNR_DB = 30.0
SHORT_S = 5.0
WIDE_HZ = 1e6
CHANNEL_WIDTH_HZ = 25e3


@dataclass(frozen=True, slots=True)
class Verdict:
    """Reasons and their sum.

    Attributes
    ----------
    suspicion : int
        0-100.
    reasons : tuple of Note
        Strongest first.
    """

    suspicion: int
    reasons: tuple[Note, ...]


def weigh(
    emitter: Emitter,
    band: GuardBand | None,
    *,
    has_baseline: bool,
    freq_error_hz: float,
    period_s: float | None = None,
    service: Service | None = None,
) -> Verdict:
    """Collect the reasons that a single site can give.

    Parameters
    ----------
    emitter : Emitter
    band : GuardBand or None
        The guard band that it lies in.
    has_baseline : bool
        Whether "new" means new against a learned baseline.
    freq_error_hz : float
        How far the frequency may be off; within it "off the raster" cannot be said.
    period_s : float, optional
        It repeats so often.
    service : Service, optional
        Who normally lives there.
    """
    notes: list[Note] = []

    def add(message_id: str, **args: str | float | int) -> None:
        notes.append(Note(id=message_id, args=args, weight=WEIGHTS[message_id]))

    add("reason.new" if has_baseline else "reason.no_baseline")
    mhz = round(emitter.center_freq_hz / 1e6, 4)
    if any(abs(emitter.center_freq_hz - case_hz) <= NEAR_CASE_HZ for case_hz in CASES_HZ):
        add("reason.case_band", freq_mhz=mhz)
    if band is not None and band.raster_hz and emitter.bandwidth_hz <= CHANNEL_WIDTH_HZ:
        off_hz = _off_raster_hz(emitter.center_freq_hz, band.raster_hz)
        if off_hz > freq_error_hz:
            add(
                "reason.off_raster", raster_khz=band.raster_hz / 1e3, off_khz=round(off_hz / 1e3, 1)
            )
    if emitter.bandwidth_hz >= WIDE_HZ:
        add("reason.wide", width_mhz=round(emitter.bandwidth_hz / 1e6, 1))
    mean_on_s = emitter.on_s / max(emitter.sightings, 1)
    if emitter.sightings >= 2 and mean_on_s <= SHORT_S:
        add("reason.bursts", count=emitter.sightings, on_s=round(mean_on_s, 1))
    elif emitter.on_s > SHORT_S and emitter.bandwidth_hz <= CHANNEL_WIDTH_HZ:
        add("reason.voice", on_s=round(emitter.on_s))
    elif emitter.dwells == 1:
        add("reason.brief")
    if period_s is not None:
        add("reason.rhythm", period_s=round(period_s, 1))
    if emitter.snr_db >= STRONG_SNR_DB:
        add("reason.strong", snr_db=round(emitter.snr_db))
    if service is not None:
        low_mhz, high_mhz = service.start_hz / 1e6, service.stop_hz / 1e6
        add(f"reason.lives_{service.kind}", low_mhz=low_mhz, high_mhz=high_mhz)
    notes.sort(key=lambda note: -note.weight)
    total = sum(note.weight for note in notes)
    return Verdict(suspicion=min(max(total, 0), 100), reasons=tuple(notes))


def _off_raster_hz(freq_hz: float, raster_hz: float) -> float:
    """Distance to the nearest channel, counting channels and the points midway between them.

    Chinese 12.5 kHz plans have channels both at multiples of the raster and at odd halves of it.
    """
    half = raster_hz / 2
    return abs(freq_hz - round(freq_hz / half) * half)
