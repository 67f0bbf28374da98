"""``rfproctor analyze``: find every emission in recordings."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

import click

from dsp.signals import Emission
from dsp.values import SampleFormat
from sdr.frequency import format_freq, parse_freq
from sdr.source import UserError
from sensors.findings import (
    Findings,
    Job,
    Summary,
    collect,
    emission_record,
    stream,
    summary_record,
)
from sensors.text import Lang, default_lang, say

BAR = 24
PICTURES = (".png", ".pdf", ".svg")
CLUSTER_TIMEOUT_S = 6


class ClusterLost(UserError):
    """A Dask cluster does not answer."""

    exit_code = 3


@click.command(epilog="Example: rfproctor analyze night/*.sigmf-meta --json --jobs 4")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--baseline", type=click.Path(dir_okay=False), help="Tell what is new against it.")
@click.option("--sensor", metavar="ID", help="Whose baseline, where the file holds several.")
@click.option(
    "--sample-format",
    type=click.Choice(get_args(SampleFormat)),
    help="Of a headerless file.",
)
@click.option("--sample-rate", type=parse_freq, metavar="R", help="Of a headerless file: 2.4M.")
@click.option("--center-freq", type=parse_freq, metavar="F", help="For example 169.5M.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines on stdout.")
@click.option("--picture", type=click.Path(), metavar="PNG", help="Draw the waterfall.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes for several files.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler, tcp://HOST:PORT.")
@click.pass_context
def analyze(
    ctx: click.Context,
    files: tuple[str, ...],
    baseline: str | None,
    sensor: str | None,
    sample_format: SampleFormat | None,
    sample_rate: float | None,
    center_freq: float | None,
    as_json: bool,
    picture: str | None,
    jobs: int | None,
    cluster: str | None,
) -> None:
    """Find every emission in recordings: start, stop, frequency, width, level, kind."""
    lang: Lang = ctx.obj or default_lang()
    if sensor is not None and baseline is None:
        raise click.UsageError(say("analyze.sensor_alone", lang))
    if picture is not None:
        _drawable(Path(picture))
    asked = [
        Job(
            path=path,
            sample_format=sample_format,
            sample_rate_hz=sample_rate,
            center_freq_hz=center_freq,
            picture=_picture_name(picture, path, len(files)),
            lang=lang,
            baseline=baseline,
            sensor=sensor,
        )
        for path in files
    ]
    shown = _json_lines if as_json else _Table(lang).print

    def printer(item: Emission | Summary, file: str) -> None:
        shown(item, file)
        if isinstance(item, Summary) and item.assumed_gain_db is not None:
            gain = f"{item.assumed_gain_db:g}"
            click.echo(say("analyze.gain_unknown", lang, path=file, gain=gain), err=True)

    if len(asked) == 1 and cluster is None:
        with _bar(lang, Path(asked[0].path).name) as progress:
            for item in stream(asked[0], progress):
                printer(item, asked[0].path)
        return
    with _executor(jobs, cluster) as executor:
        sent = asked if cluster is None else [_absolute(job) for job in asked]
        futures: list[Future[Findings]] = [executor.submit(collect, job) for job in sent]
        with _bar(lang, f"{len(asked)}") as progress:
            for number, future in enumerate(futures, start=1):
                try:
                    findings = future.result()
                except BaseException as error:
                    for other in futures:
                        other.cancel()
                    if isinstance(error, CancelledError):
                        raise ClusterLost("analyze.cluster_lost", address=cluster) from None
                    raise
                progress(number, len(futures))
                file = asked[number - 1].path
                for emission in findings.emissions:
                    printer(emission, file)
                printer(replace(findings.summary, file=file), file)


def _absolute(job: Job) -> Job:
    """With paths that mean the same on a worker, which was started in another folder."""
    path = str(Path(job.path).absolute())
    picture = job.picture and str(Path(job.picture).absolute())
    baseline = job.baseline and str(Path(job.baseline).absolute())
    return replace(job, path=path, picture=picture, baseline=baseline)


def _drawable(picture: Path) -> None:
    """Refuse a picture that could not be written, before a long recording rather than after it."""
    if picture.suffix.lower() not in PICTURES:
        raise UserError("picture.format", path=picture, known=" ".join(PICTURES))
    if not os.access(picture.parent, os.W_OK):
        raise UserError("picture.folder", folder=picture.parent)


def _picture_name(picture: str | None, path: str, count: int) -> str | None:
    """The given name; with several files each picture carries its recording's name too."""
    if picture is None or count == 1:
        return picture
    base = Path(picture)
    return str(base.with_name(f"{base.stem}-{Path(path).stem}{base.suffix or '.png'}"))


@contextmanager
def _executor(jobs: int | None, cluster: str | None) -> Iterator[Executor]:
    """Processes of this machine, or a Dask cluster."""
    if cluster is None:
        with ProcessPoolExecutor(jobs) as pool:
            yield pool
        return
    try:
        from distributed import Client
    except ImportError:
        raise UserError("analyze.no_cluster") from None
    # Its tracebacks about a lost connection say nothing that our one line does not.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        client = Client(cluster, timeout=CLUSTER_TIMEOUT_S)
    except ValueError as error:
        raise UserError("analyze.cluster_refused", address=cluster, why=str(error)) from None
    except OSError as error:
        raise ClusterLost("analyze.cluster_refused", address=cluster, why=str(error)) from None
    with client:
        yield client.get_executor()


def _json_lines(item: Emission | Summary, file: str) -> None:
    """One JSON line on stdout."""
    record = emission_record(item, file) if isinstance(item, Emission) else summary_record(item)
    sys.stdout.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")


class _Table:
    """Rows for people, with a heading before the first."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        self.headed: str | None = None

    def print(self, item: Emission | Summary, file: str) -> None:
        """Print an emission as a row, or the summary as a sentence."""
        if isinstance(item, Emission):
            if self.headed != file:
                click.echo(say("analyze.heading", self.lang))
                self.headed = file
            label = say(f"label.{item.label}", self.lang)
            news = {None: "", True: "analyze.new", False: "analyze.known"}[item.new]
            if news:
                label = f"{say(news, self.lang):6} {label}"
            click.echo(
                f"{item.start_s:10.4f} {item.stop_s:10.4f} {item.center_freq_hz / 1e6:12.4f} "
                f"{item.bandwidth_hz / 1e3:10.1f} {item.snr_db:7.1f} {item.peak_dbfs:7.1f}  "
                f"{label} ({item.label_confidence:.0%})"
            )
            return
        noise = f"{item.noise_dbfs_per_hz:.1f}"
        click.echo(
            say(
                "analyze.summary",
                self.lang,
                file=item.file,
                emissions=item.emissions,
                seconds=f"{item.seconds:.3f}",
                rate=format_freq(item.sample_rate_hz),
                center=format_freq(item.center_freq_hz),
                noise=noise,
                clipped=f"{item.clipped_fraction:.2%}",
            )
        )


@contextmanager
def _bar(lang: Lang, name: str) -> Iterator[_Progress]:
    """A bar on stderr with the time left, only at a terminal."""
    bar = _Progress(lang, name, sys.stderr.isatty())
    try:
        yield bar
    finally:
        bar.clear()


class _Progress:
    """Draws itself at most five times a second."""

    def __init__(self, lang: Lang, name: str, shown: bool) -> None:
        self.lang, self.name, self.shown = lang, name, shown
        self.begun = self.drawn = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is."""
        now = time.monotonic()
        if not self.shown or now - self.drawn < 0.2:
            return
        self.drawn = now
        share = done / max(1, total)
        left = (now - self.begun) * (1.0 - share) / max(share, 1e-9)
        full = round(BAR * share)
        text = say(
            "analyze.left", self.lang, minutes=f"{left // 60:.0f}", seconds=f"{left % 60:02.0f}"
        )
        sys.stderr.write(f"\r{self.name} [{'#' * full}{'.' * (BAR - full)}] {share:4.0%}  {text} ")
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave a clean line for what follows."""
        if self.shown and self.drawn > self.begun:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
