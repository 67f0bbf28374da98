"""``rfproctor devices`` and ``rfproctor record``."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import click

from sdr.frequency import format_freq, parse_freq
from sdr.number import Finite
from sdr.source import DeviceNotFound, EndOfRecording, Source, UserError

if TYPE_CHECKING:
    from sdr.recorder import Recorder

BLOCK_S = 0.1


@click.command(epilog="Example: rfproctor devices --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per dongle.")
def devices(as_json: bool) -> None:
    """List the RTL-SDR dongles by serial."""
    from sdr.devices import list_dongles

    dongles = list_dongles()
    for dongle in dongles:
        if as_json:
            click.echo(json.dumps({"kind": "device", **asdict(dongle)}, ensure_ascii=False))
        else:
            mark = "" if dongle.unique else "  !"
            click.echo(f"{dongle.uri:<20} {dongle.manufacturer} {dongle.product}{mark}")
    if not dongles:
        raise DeviceNotFound("source.no_dongle")
    for dongle in dongles:
        if not dongle.unique:
            count = sum(other.serial == dongle.serial for other in dongles)
            raise UserError("source.duplicate_serial", serial=dongle.serial, count=count)


@click.command(
    epilog="Example: rfproctor record rtl: --center-freq 169.5M --seconds 10 --out text-169"
)
@click.argument("source")
@click.option("--center-freq", required=True, type=parse_freq, metavar="F", help="As 169.5M.")
@click.option("--seconds", required=True, type=Finite(min=0, min_open=True), help="How long.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Name of the pair.")
@click.option("--sample-rate", type=parse_freq, metavar="R", help="Default 2.4M.")
@click.option(
    "--gain", type=Finite(-10, 100), metavar="DB", help="The nearest step is used; default 40.2."
)
@click.option("--ppm", type=Finite(-300, 300), help="Correction of the crystal; default 0.")
@click.pass_context
def record(
    ctx: click.Context,
    source: str,
    center_freq: float,
    seconds: float,
    out: Path,
    sample_rate: float | None,
    gain: float | None,
    ppm: float | None,
) -> None:
    """Record IQ samples of SOURCE as a SigMF pair.

    Ctrl-C ends it early and leaves a valid, shorter recording.
    """
    from sdr.recorder import Recorder
    from sdr.uri import open_source

    with ExitStack() as opened:
        stopped = opened.enter_context(_until_stopped())
        receiver = opened.enter_context(open_source(source))
        if receiver.info.tunable:
            sample_rate = sample_rate or 2.4e6
            gain = 40.2 if gain is None else gain
        receiver.configure(sample_rate_hz=sample_rate, gain_db=gain, ppm=ppm)
        receiver.tune(center_freq)
        info, settings = receiver.info, receiver.settings
        gained = "" if settings.gain_db is None else f", {settings.gain_db:g} dB"
        recorder = opened.enter_context(
            Recorder(
                out,
                hardware=f"{info.tuner} {info.serial}{gained}, {settings.ppm:g} ppm",
                description=f"{source}, {format_freq(center_freq)}",
                gain_db=settings.gain_db,
            )
        )
        clipped = _copy(receiver, recorder, seconds, stopped)
    click.echo(
        ctx.meta["say"](
            "record.done",
            ctx.obj,
            path=recorder.meta_path,
            seconds=f"{recorder.num_samples / settings.sample_rate_hz:.3f}",
            samples=recorder.num_samples,
            dropped=recorder.dropped_samples,
            clipped=f"{100 * clipped:.2f} %",
        )
    )


def _copy(receiver: Source, recorder: Recorder, seconds: float, stopped: Event) -> float:
    """Copy so many seconds, less where the source ends or the user does; share clipped."""
    from dsp.iq import clipped_fraction

    rate_hz = receiver.settings.sample_rate_hz
    wanted = round(seconds * rate_hz)
    step = max(1, round(BLOCK_S * rate_hz))
    clipped = 0.0
    with click.progressbar(length=wanted, label=recorder.data_path.name, file=sys.stderr) as bar:
        while recorder.num_samples < wanted and not stopped.is_set():
            try:
                block = receiver.read(min(step, wanted - recorder.num_samples))
            except EndOfRecording:
                break
            recorder.write(block)
            clipped += clipped_fraction(block.raw, block.sample_format) * block.num_samples
            bar.update(block.num_samples)
    return clipped / max(recorder.num_samples, 1)


@contextmanager
def _until_stopped() -> Iterator[Event]:
    """Event that Ctrl-C or a polite kill sets.

    An exception out of nowhere could hit the moment in which the metadata are written, and people
    press Ctrl-C twice.
    """
    stopped = Event()
    before = {
        number: signal.signal(number, lambda *_: stopped.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
