"""``rfproctor sweep``: levels over a band, once or for a while, as a table or rtl_power's CSV."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import click
import numpy as np

from dsp.dwell import Resolution, look
from dsp.noise import local_floor, segments_of
from dsp.plan import Band, Hop, make_plan
from dsp.stitch import stitch
from dsp.units import db
from dsp.values import Dwell, Spectrum
from sdr.frequency import format_freq, parse_freq
from sdr.number import Finite
from sdr.source import BadSource, EndOfRecording, Source
from sdr.uri import open_source
from sensors.commands import stop_signal
from sensors.hops import fixed_plan
from sensors.text import Lang, say

DWELL_S = 0.04
SPIKE_BINS = 3
"""On either side of the tuned centre; the leakage of a strong DC spike reaches so far."""

NFFT = (64, 1 << 16)
"""Fewer points and the DC spike fills the hop; more cost memory and show nothing more."""

PEAKS = 12
"""Lines of the table: what fits on a screen with its head."""


@click.command(epilog="Example: rfproctor sweep rtl: --band 167M:175M --bin 2.5k --csv > tv3.csv")
@click.argument("source_uri", metavar="SOURCE")
@click.option("--band", required=True, metavar="A:B", help="From A to B, for example 167M:175M.")
@click.option("--bin", "bin_width", default="2.4k", show_default=True, help="Widest bin.")
@click.option(
    "--seconds", type=Finite(min=0), default=0.0, help="Go on for so long; default one sweep."
)
@click.option(
    "--gain", "gain_db", type=Finite(-10, 100), default=40.2, show_default=True, help="dB."
)
@click.option("--csv", "as_csv", is_flag=True, help="One line per hop in rtl_power's columns.")
@click.pass_obj
def sweep(
    lang: Lang,
    source_uri: str,
    band: str,
    bin_width: str,
    seconds: float,
    gain_db: float,
    as_csv: bool,
) -> None:
    """Sweep a band and say what is there."""
    low, _, high = band.partition(":")
    low_hz, high_hz = parse_freq(low), parse_freq(high)
    if not low_hz < high_hz:
        raise BadSource("sweep.band_order", band=band)
    stop = stop_signal()
    with open_source(source_uri) as source:
        settings = source.configure(gain_db=gain_db if source.info.gains_db else None)
        nfft = _nfft(settings.sample_rate_hz, bin_width)
        hops, resolution = _hops(source, low_hz, high_hz, nfft)
        began_s = time.monotonic()
        while not stop.is_set():
            dwells = list(_visit(source, hops, resolution))
            if len(dwells) < len(hops):
                break
            if as_csv:
                for dwell in dwells:
                    click.echo(_csv_line(dwell))
            else:
                click.echo(_table(stitch(dwells), dwells, lang))
            if time.monotonic() - began_s >= seconds:
                break


def _nfft(sample_rate_hz: float, bin_width: str) -> int:
    """Points of the transform whose bins are no wider than asked for."""
    width_hz = parse_freq(bin_width)
    low_hz, high_hz = sample_rate_hz / NFFT[1], sample_rate_hz / NFFT[0]
    if not low_hz <= width_hz <= high_hz:
        raise BadSource(
            "sweep.bin", bin=bin_width, low_hz=f"{low_hz:.0f}", high_khz=f"{high_hz / 1e3:.1f}"
        )
    return 1 << int(np.ceil(np.log2(sample_rate_hz / width_hz)))


def _hops(
    source: Source, low_hz: float, high_hz: float, nfft: int
) -> tuple[tuple[Hop, ...], Resolution]:
    info, rate_hz = source.info, source.settings.sample_rate_hz
    if not info.tunable:
        plan = fixed_plan(info, rate_hz, nfft)
        held_low_hz, held_high_hz = plan.hops[0].grid.low_hz, plan.hops[-1].grid.high_hz
        if high_hz <= held_low_hz or low_hz >= held_high_hz:
            raise BadSource(
                "sweep.not_recorded",
                band=f"{format_freq(low_hz)} - {format_freq(high_hz)}",
                held=f"{format_freq(held_low_hz)} - {format_freq(held_high_hz)}",
            )
        return plan.hops, Resolution(nfft=nfft)
    if low_hz < info.freq_low_hz or high_hz > info.freq_high_hz:
        raise BadSource(
            "sweep.outside_tuner",
            band=f"{format_freq(low_hz)} - {format_freq(high_hz)}",
            tuner=info.tuner,
            low_mhz=f"{info.freq_low_hz / 1e6:g}",
            high_mhz=f"{info.freq_high_hz / 1e6:g}",
        )
    plan = make_plan([Band("sweep", low_hz, high_hz, 1.0)], sample_rate_hz=rate_hz, nfft=nfft)
    return plan.hops, Resolution(nfft=nfft)


def _visit(source: Source, hops: tuple[Hop, ...], resolution: Resolution) -> Iterator[Dwell]:
    num_samples = max(round(DWELL_S * source.settings.sample_rate_hz), 8 * resolution.nfft)
    for hop in hops:
        source.tune(hop.center_freq_hz)
        try:
            block = source.read(num_samples)
        except EndOfRecording:
            return
        if block.num_samples < resolution.nfft:
            return
        dwell = look(block, hop, resolution)
        yield _without_spike(source, hop, dwell, num_samples, resolution)


def _without_spike(
    source: Source, hop: Hop, dwell: Dwell, num_samples: int, resolution: Resolution
) -> Dwell:
    """Take the bins around the tuned centre from a second look that is tuned a little higher.

    The receiver's DC spike stays at the tuned centre, a carrier stays where it is.  A site's
    baseline knows the spike; a single sweep does not.
    """
    if not source.info.tunable:
        return dwell
    grid = hop.grid
    center_freq_hz = hop.center_freq_hz + 4 * SPIKE_BINS * grid.bin_width_hz
    source.tune(center_freq_hz)
    block = source.read(num_samples)
    other = look(block, Hop(hop.index, center_freq_hz, grid, hop.band), resolution)
    middle = grid.index(hop.center_freq_hz)
    spike = slice(max(middle - SPIKE_BINS, 0), max(middle + SPIKE_BINS + 1, 0))
    mean, peak = dwell.mean.copy(), dwell.peak.copy()
    mean[spike], peak[spike] = other.mean[spike], other.peak[spike]
    return replace(dwell, mean=mean, peak=peak)


def _csv_line(dwell: Dwell) -> str:
    """Columns of rtl_power: date, time, Hz low, Hz high, Hz step, samples, dB, dB, ..."""
    when = datetime.fromtimestamp(dwell.time_ns / 1e9).astimezone()
    grid = dwell.grid
    levels = ", ".join(f"{level:.2f}" for level in db(dwell.mean))
    head = f"{when:%Y-%m-%d, %H:%M:%S}, {grid.low_hz:.0f}, {grid.high_hz:.0f}"
    return f"{head}, {grid.bin_width_hz:.2f}, {dwell.num_segments}, {levels}"


def _table(spectrum: Spectrum, dwells: list[Dwell], lang: Lang) -> str:
    """The strongest lines and how far they stand out of their neighbourhood."""
    over = stitch(
        [replace(d, mean=d.mean / local_floor(d.mean, segments_of(d).k_mean)) for d in dwells]
    )
    excess_db = db(np.nan_to_num(over.mean, nan=0.0))
    inner = excess_db[1:-1]
    tops = 1 + np.flatnonzero((inner >= excess_db[:-2]) & (inner > excess_db[2:]) & (inner > 3))
    tops = tops[np.argsort(-excess_db[tops])][:PEAKS]
    level_db = db(np.nan_to_num(spectrum.mean, nan=0.0))
    lines = [say("sweep.head", lang, floor=f"{np.nanmedian(level_db):.1f}", peaks=len(tops))]
    freqs_hz = spectrum.grid.freqs_hz()
    lines += [
        f"{freqs_hz[top] / 1e6:12.4f} MHz {level_db[top]:8.1f} dBFS {excess_db[top]:+7.1f} dB"
        for top in sorted(tops)
    ]
    return "\n".join(lines)
