"""Analyze one recording from its file to its findings; the same here and in any executor."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dsp.burst import BurstFinder
from dsp.iq import clipped_fraction
from dsp.signals import Emission
from dsp.tiles import frame_window
from dsp.values import SampleFormat
from sdr.recording import Recording, open_recording
from sdr.source import EndOfRecording
from sensors.acquainted import baseline_for, known_bins, recorded_gain_db
from sensors.text import Lang
from sensors.waterfall import Waterfall

CHUNK_BYTES = 8 << 20
"""Read at once: large enough for the disk, small against the memory budget."""


PRIME_S = 0.06
PRIME_PIECES = 16


@dataclass(frozen=True, slots=True)
class Job:
    """What to analyze and how; plain values, so that any executor can carry it.

    Attributes
    ----------
    path : str
    sample_format : SampleFormat or None
    sample_rate_hz, center_freq_hz : float or None
        None: as the recording or its name says.
    picture : str or None
        Where to draw the waterfall.
    lang : Lang
        Of the picture's words.
    baseline, sensor : str or None
        A survey's file and whose baseline in it, to tell what is new.
    """

    path: str
    sample_format: SampleFormat | None = None
    sample_rate_hz: float | None = None
    center_freq_hz: float | None = None
    picture: str | None = None
    lang: Lang = "en"
    baseline: str | None = None
    sensor: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The recording as a whole.

    Attributes
    ----------
    file : str
        As given.
    emissions, samples : int
    seconds : float
    noise_dbfs_per_hz : float
    clipped_fraction : float
    center_freq_hz, sample_rate_hz : float
    assumed_gain_db : float or None
        The baseline's, where the recording does not say with which gain it was made.
    """

    file: str
    emissions: int
    seconds: float
    samples: int
    noise_dbfs_per_hz: float
    clipped_fraction: float
    center_freq_hz: float
    sample_rate_hz: float
    assumed_gain_db: float | None = None


@dataclass(slots=True)
class Findings:
    """Everything found in one recording."""

    summary: Summary
    emissions: list[Emission] = field(default_factory=list)


Progress = Callable[[int, int], None]


def stream(job: Job, progress: Progress | None = None) -> Iterator[Emission | Summary]:
    """Yield each emission when it has ended, then the summary.

    Memory does not depend on the length of the recording.

    Parameters
    ----------
    job : Job
    progress : callable, optional
        Called with samples done and samples in all.

    Raises
    ------
    BadSource
        The recording cannot be read.
    BaselineFault
        It was made under other conditions than the baseline.
    """
    with open_recording(
        job.path, job.sample_format, job.sample_rate_hz, job.center_freq_hz
    ) as recording:
        rate, center = recording.sample_rate_hz, recording.center_freq_hz
        waterfall = Waterfall(rate, center, recording.num_samples) if job.picture else None
        known = assumed_gain_db = None
        if job.baseline is not None:
            baseline = baseline_for(job.baseline, job.sensor, recording)
            known = known_bins(baseline, recording, frame_window(rate).nfft)
            if recorded_gain_db(recording) is None:
                assumed_gain_db = baseline.identity.gain_db
        finder = BurstFinder(
            rate,
            center,
            sample_format=recording.sample_format,
            known=known,
            watch=waterfall.add if waterfall else None,
        )
        prime(finder, recording)
        chunk = max(1 << 16, CHUNK_BYTES // 8)
        done, clipped, count = 0, 0.0, 0
        boxes: list[Emission] = []

        def take(emissions: list[Emission]) -> list[Emission]:
            nonlocal count
            count += len(emissions)
            if waterfall is not None and len(boxes) < waterfall.most_boxes:
                boxes.extend(emissions)
            return emissions

        while True:
            try:
                block = recording.read(chunk)
            except EndOfRecording:
                break
            clipped += clipped_fraction(block.raw, block.sample_format) * block.num_samples
            yield from take(finder.feed(block.raw))
            done += block.num_samples
            if progress is not None:
                progress(done, recording.num_samples)
        yield from take(finder.finish())
        summary = Summary(
            file=job.path,
            emissions=count,
            seconds=done / rate,
            samples=done,
            noise_dbfs_per_hz=finder.noise_dbfs_per_hz,
            clipped_fraction=clipped / max(1, done),
            center_freq_hz=center,
            sample_rate_hz=rate,
            assumed_gain_db=assumed_gain_db,
        )
    if waterfall is not None and job.picture is not None:
        from sensors.picture import draw

        draw(waterfall, boxes, _printable(Path(job.path).name), Path(job.picture), job.lang)
    yield summary


def _printable(name: str) -> str:
    """A file name of another encoding than the system's, with `?` for what cannot be drawn."""
    return name.encode(errors="replace").decode()


def prime(finder: BurstFinder, recording: Recording) -> None:
    """Let the finder hear short pieces from all over the recording before its beginning."""
    length = round(PRIME_S * recording.sample_rate_hz)
    if recording.num_samples < 4 * length or length < finder.window.nfft:
        return
    count = min(PRIME_PIECES, recording.num_samples // length)
    for index in range(count):
        recording.seek((recording.num_samples - length) * index // (count - 1))
        block = recording.read(length)
        if block.num_samples == length:
            finder.prime(block.raw)
    recording.seek(0)


def collect(job: Job) -> Findings:
    """Analyze a whole recording at once: what an executor runs."""
    emissions: list[Emission] = []
    for item in stream(job):
        if isinstance(item, Summary):
            return Findings(item, emissions)
        emissions.append(item)
    raise AssertionError("a stream ends with its summary")


def emission_record(emission: Emission, file: str) -> dict[str, object]:
    """One JSON line of the contract; ``new`` only where a baseline was given."""
    record: dict[str, object] = {
        "kind": "emission",
        "file": file,
        "start_s": round(emission.start_s, 6),
        "stop_s": round(emission.stop_s, 6),
        "center_freq_hz": round(emission.center_freq_hz, 1),
        "bandwidth_hz": round(emission.bandwidth_hz, 1),
        "snr_db": round(emission.snr_db, 1),
        "peak_dbfs": round(emission.peak_dbfs, 1),
        "label": emission.label,
        "label_confidence": emission.label_confidence,
    }
    if emission.new is not None:
        record["new"] = emission.new
    return record


def summary_record(summary: Summary) -> dict[str, object]:
    """Last JSON line of a recording."""
    noise = summary.noise_dbfs_per_hz
    return {
        "kind": "summary",
        "file": summary.file,
        "emissions": summary.emissions,
        "seconds": round(summary.seconds, 6),
        "samples": summary.samples,
        "noise_dbfs_per_hz": round(noise, 1) if math.isfinite(noise) else None,
        "clipped_fraction": round(summary.clipped_fraction, 6),
    }
