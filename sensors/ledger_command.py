"""``rfproctor ledger``: prove afterwards what a site watched, or ask about one moment."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from sdr.frequency import parse_freq
from sdr.number import Finite
from sdr.source import UserError
from sensors.columns import columns
from sensors.config import load_site
from sensors.ledger_answers import BandCoverage, SensorCoverage, Watched, WatchedVisit
from sensors.ledger_reader import MESSAGES_S, LedgerReader
from sensors.text import Lang, say
from sensors.visit import Gap

LEDGER_NAME = "ledger.db"
DAY_NS = 86_400_000_000_000
MANY_GAPS = 30
"""Shown to people; ``--json`` gives all."""


class BadTime(UserError):
    """A time that cannot be understood."""


@click.command(epilog="Example: rfproctor ledger school-3.toml --at 10:05:12 --freq 169.5M")
@click.argument("site", type=click.Path(path_type=Path))
@click.option("--from", "start", metavar="TIME", help="From when on (default: 24 h of data).")
@click.option("--to", "stop", metavar="TIME", help="Until when (default: the last visit).")
@click.option("--at", metavar="TIME", help="One moment, for example 10:05:12; with --freq.")
@click.option(
    "--freq", type=parse_freq, metavar="F", help="Frequency asked about, as 169.5M; with --at."
)
@click.option(
    "--span",
    "span_s",
    type=Finite(0.001, 86400),
    default=1.0,
    show_default=True,
    help="Seconds from --at on.",
)
@click.option("--sensor", help="One dongle only (default: heard by any of them).")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
@click.pass_obj
def ledger(
    lang: Lang,
    site: Path,
    start: str | None,
    stop: str | None,
    at: str | None,
    freq: float | None,
    span_s: float,
    sensor: str | None,
    as_json: bool,
) -> None:
    """What was watched when, how deep, and every gap.

    TIME is 10:05:12 (local time, on the last day of the ledger) or 2026-06-07T10:05:12.  With --at
    and --freq the exit code is 0 if the frequency was watched then and 1 if not.
    """
    if (at is None) != (freq is None):
        raise UserError("usage.together", first="--at", second="--freq")
    config = load_site(site)
    with LedgerReader(config.data / LEDGER_NAME) as reader:
        span = reader.span_ns()
        if span is None:
            raise UserError("ledger.empty", path=str(config.data / LEDGER_NAME))
        if at is not None and freq is not None:
            when = parse_time(at, span[1])
            watched = reader.watched(freq, when, span_s)
            if as_json:
                print_json("watched", asdict(watched), watched=bool(watched.visits))
            else:
                click.echo(watched_text(watched, lang))
            raise SystemExit(0 if watched.visits else 1)
        stop_ns = parse_time(stop, span[1]) if stop else span[1]
        start_ns = parse_time(start, span[1]) if start else max(span[0], stop_ns - DAY_NS)
        if stop_ns <= start_ns:
            raise BadTime("ledger.window", start=clock(start_ns), stop=clock(stop_ns))
        bands = reader.coverage(config.bands, start_ns, stop_ns, sensor)
        sensors = [s for s in reader.sensors(start_ns, stop_ns) if sensor in (None, s.sensor)]
        gaps = [g for g in reader.gaps(start_ns, stop_ns) if sensor in (None, g.sensor)]
    if not as_json:
        click.echo(say("ledger.title", lang, start=clock(start_ns), stop=clock(stop_ns)))
        click.echo("\n" + band_table(bands, lang))
        click.echo("\n" + sensor_table(sensors, lang))
        click.echo("\n" + gap_table(gaps, lang))
        return
    for band in bands:
        record = asdict(band) | {"heard": {f"{s:g}": p for s, p in band.heard.items()}}
        print_json("coverage", record, start_ns=start_ns, stop_ns=stop_ns)
    for one in sensors:
        print_json("sensor", asdict(one))
    for gap in gaps:
        print_json("gap", asdict(gap), duration_s=gap.duration_s)


def parse_time(text: str, day_ns: int) -> int:
    """Read a time of day on the given day, or a full ISO time; without a zone it is local.

    Parameters
    ----------
    text : str
    day_ns : int
        UTC nanoseconds; which day a bare time of day belongs to.

    Raises
    ------
    BadTime
    """
    full = text
    if "-" not in text:
        full = f"{datetime.fromtimestamp(day_ns / 1e9).date().isoformat()}T{text}"
    try:
        moment = datetime.fromisoformat(full)
        return round(moment.astimezone().timestamp() * 1e6) * 1000
    except (ValueError, OverflowError, OSError):
        raise BadTime("ledger.bad_time", text=text) from None


def clock(time_ns: int, digits: int = 0) -> str:
    """Local date and time with the zone's offset, for people."""
    moment = datetime.fromtimestamp(time_ns / 1e9).astimezone()
    fraction = f"{time_ns % 1_000_000_000 / 1e9:.{digits}f}"[1:] if digits else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {moment:%z}"


def print_json(kind: str, record: dict[str, object], **more: object) -> None:
    """One JSON line on stdout."""
    click.echo(json.dumps({"kind": kind, **record, **more}, ensure_ascii=False))


def watched_text(watched: Watched, lang: Lang) -> str:
    """Answer in words: yes with depth and share, or no with the nearest visits and the reason."""
    asked = {
        "freq_mhz": f"{watched.freq_hz / 1e6:g}",
        "time": clock(watched.start_ns),
        "span_s": f"{(watched.stop_ns - watched.start_ns) / 1e9:g}",
    }
    lines: list[str] = []
    if watched.visits:
        lines.append(
            say(
                "ledger.watched",
                lang,
                **asked,
                visits=len(watched.visits),
                on_air_s=f"{watched.on_air_s:.3f}",
                threshold=_level(watched.threshold_dbfs),
            )
        )
        lines += [_visit_line(visit, lang) for visit in watched.visits[:MANY_GAPS]]
    else:
        lines.append(say("ledger.not_watched", lang, **asked))
        if watched.before:
            away_s = (watched.start_ns - watched.before.stop_ns) / 1e9
            lines.append(say("ledger.before", lang, away_s=f"{away_s:.3f}"))
            lines.append(_visit_line(watched.before, lang))
        if watched.after:
            away_s = (watched.after.start_ns - watched.stop_ns) / 1e9
            lines.append(say("ledger.after", lang, away_s=f"{away_s:.3f}"))
            lines.append(_visit_line(watched.after, lang))
        if not watched.before and not watched.after:
            lines.append(say("ledger.never_near", lang))
    lines += [_gap_line(gap, lang) for gap in watched.gaps]
    return "\n".join(lines)


def band_table(bands: list[BandCoverage], lang: Lang) -> str:
    """One line per band: truth about revisit, depth and intercept probability."""
    heads = ["band", "mhz", "visits", "width", "on_air", "revisit", "threshold"]
    rows = [[say(f"ledger.head_{head}", lang) for head in heads]]
    rows[0] += [f"P({message_s:g} s)" for message_s in MESSAGES_S]
    rows += [
        [
            band.name,
            f"{band.start_hz / 1e6:g}-{band.stop_hz / 1e6:g}",
            f"{band.visits}",
            f"{band.watched_fraction:.0%}",
            f"{band.on_air_fraction:.1%}",
            f"{band.revisit_s:.2f} s" if band.visits else "-",
            _level(band.threshold_dbfs),
            *(f"{p:.3f}" for p in band.heard.values()),
        ]
        for band in bands
    ]
    return columns(rows)


def sensor_table(sensors: list[SensorCoverage], lang: Lang) -> str:
    """One line per dongle: samples expected, received, lost; seconds without any."""
    heads = ["sensor", "visits", "expected", "received", "dropped", "clipped", "silent"]
    rows = [[say(f"ledger.head_{head}", lang) for head in heads]]
    rows += [
        [
            one.sensor,
            f"{one.visits}",
            f"{one.expected}",
            f"{one.received}",
            f"{one.dropped}",
            f"{one.clipped_fraction:.4%}",
            f"{one.silent_seconds} / {one.seconds} s",
        ]
        for one in sensors
    ]
    return columns(rows)


def gap_table(gaps: list[Gap], lang: Lang) -> str:
    """Every silence with its length and cause."""
    if not gaps:
        return say("ledger.no_gaps", lang)
    total_s = sum(gap.duration_s for gap in gaps)
    lines = [say("ledger.gaps", lang, count=len(gaps), total_s=f"{total_s:.1f}")]
    lines += [_gap_line(gap, lang) for gap in gaps[:MANY_GAPS]]
    if len(gaps) > MANY_GAPS:
        lines.append(say("ledger.more_gaps", lang, count=len(gaps) - MANY_GAPS))
    return "\n".join(lines)


def _gap_line(gap: Gap, lang: Lang) -> str:
    return say(
        "ledger.gap_line",
        lang,
        start=clock(gap.start_ns, 1),
        duration_s=f"{gap.duration_s:.1f}",
        sensor=gap.sensor,
        cause=_cause(gap, lang),
    )


def _cause(gap: Gap, lang: Lang) -> str:
    try:
        return say(gap.cause, lang, **gap.fields)
    except KeyError:  # written by another version, whose text had other fields
        return f"{gap.cause} {gap.fields}"


def _visit_line(visit: WatchedVisit, lang: Lang) -> str:
    return say(
        "ledger.visit_line",
        lang,
        start=clock(visit.start_ns, 3),
        duration_ms=f"{(visit.stop_ns - visit.start_ns) / 1e6:.1f}",
        sensor=visit.sensor,
        low_mhz=f"{visit.low_hz / 1e6:.3f}",
        high_mhz=f"{visit.high_hz / 1e6:.3f}",
        threshold=_level(visit.threshold_dbfs),
        gain="-" if visit.gain_db is None else f"{visit.gain_db:g} dB",
        dropped=visit.dropped,
        baseline=visit.baseline[:8] or "-",
    )


def _level(threshold_dbfs: float | None) -> str:
    return "-" if threshold_dbfs is None else f"{threshold_dbfs:.1f} dBFS"
