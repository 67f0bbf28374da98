"""``rfproctor doctor``: one minute, one line for each check, GO or NO-GO."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from sdr.number import Finite
from sdr.uri import open_source, split_uri
from sensors.bands import GuardBand, settle_bands
from sensors.calibration import remember
from sensors.columns import cells
from sensors.doctor import Finding, Patient, examine, is_go
from sensors.text import Lang, say

SIGNS = {"ok": "✓", "warn": "!", "fail": "✗", "skip": "–"}
COLOURS = {"ok": "green", "warn": "yellow", "fail": "red", "skip": None}
NAME_CELLS = 14
MOST_CENTERS = 64
"""Frequencies tried for each dongle: all of the default bands, a sample of a larger plan."""

LETTERS = {
    "G": ("█▀▀▀", "█ ▀█", "▀▀▀▀"),
    "O": ("█▀▀█", "█  █", "▀▀▀▀"),
    "N": ("█▄ █", "█ ▀█", "▀  ▀"),
    "-": ("    ", "▀▀▀▀", "    "),
}


@click.command(epilog="Example: rfproctor doctor rtl:00000001")
@click.argument("source", required=False)
@click.option(
    "--gain", "gain_db", type=Finite(-10, 100), default=40.2, show_default=True, help="dB, to use."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each check.")
@click.pass_obj
def doctor(lang: Lang, source: str | None, gain_db: float, as_json: bool) -> None:
    """Test the computer and its dongles; GO or NO-GO with the remedy for each fault.

    SOURCE is one receiver (rtl:SERIAL, rtl_tcp://HOST:PORT, scene:NAME, file:PATH) or a site's
    TOML file, whose dongles are then examined with their own gains and bands.  Without it every
    dongle that is plugged in is examined.
    """
    started_s = time.monotonic()
    patients, usual, data = plan(source, gain_db)
    findings: list[Finding] = []
    for finding in examine(patients, usual, data):
        findings.append(finding)
        if as_json:
            click.echo(json_line(finding, lang))
        else:
            click.echo(line(finding, lang, several=len(patients) != 1))
    if data is not None:
        remember(data, findings)
    go = is_go(findings)
    faults = sum(finding.verdict == "fail" for finding in findings)
    warnings = sum(finding.verdict == "warn" for finding in findings)
    seconds = time.monotonic() - started_s
    if as_json:
        summary = {
            "kind": "verdict",
            "go": go,
            "faults": faults,
            "warnings": warnings,
            "seconds": round(seconds, 1),
        }
        click.echo(msgspec.json.encode(summary).decode())
    else:
        click.echo(banner(go))
        message = "doctor.go" if go else "doctor.no_go"
        click.echo(say(message, lang, faults=faults, warnings=warnings, seconds=f"{seconds:.0f}"))
    raise SystemExit(0 if go else 1)


def plan(source: str | None, gain_db: float) -> tuple[list[Patient], Patient, Path | None]:
    """Receivers to examine, how an unnamed one is examined, and where the site writes."""
    from sensors.config import load_site

    if source is not None and source.endswith(".toml") and ":" not in source:
        site = load_site(Path(source))
        patients = [
            Patient(
                source=dongle.source,
                gain_db=dongle.gain_db,
                ppm=dongle.ppm,
                sample_rate_hz=dongle.sample_rate_hz,
                centers_hz=centers_of(site.bands, dongle.sample_rate_hz),
            )
            for dongle in site.file.dongle
        ]
        for patient in patients:
            _check_name(patient.source)
        return patients, patients[0], site.data
    if source is not None:
        _check_name(source)
    bands = settle_bands([], Path())
    usual = Patient(source="", gain_db=gain_db, centers_hz=centers_of(bands, 2.4e6))
    if source is None:
        return [], usual, None
    return [msgspec.structs.replace(usual, source=source)], usual, None


def _check_name(source: str) -> None:
    """Tell wrong usage before anything is tested: no source, no such scene or file.

    Raises
    ------
    BadSource
    """
    kind, _, _ = split_uri(source)
    if kind in {"scene", "file"}:
        open_source(source).close()


def centers_of(bands: Sequence[GuardBand], sample_rate_hz: float) -> tuple[float, ...]:
    """Frequencies to try: the bands' hops, at most `MOST_CENTERS` of them evenly chosen."""
    from sdr.calibrate import centers

    every = [hz for band in bands for hz in centers(band.start_hz, band.stop_hz, sample_rate_hz)]
    count = min(len(every), MOST_CENTERS)
    return tuple(every[round(n * (len(every) - 1) / max(1, count - 1))] for n in range(count))


def line(finding: Finding, lang: Lang, *, several: bool) -> str:
    """One check for people: sign, name, what was measured; below it what to do."""
    name = say(f"doctor.name_{finding.check}", lang)
    sign = click.style(SIGNS[finding.verdict], fg=COLOURS[finding.verdict], bold=True)
    where = f"{finding.source}  " if several and finding.source else ""
    text = say(finding.message, lang, **finding.fields)
    shown = f"{sign} {name}{' ' * max(0, NAME_CELLS - cells(name))} {where}{text}"
    if finding.remedy:
        shown += f"\n  → {say(finding.remedy, lang, **finding.fields)}"
    return shown


def json_line(finding: Finding, lang: Lang) -> str:
    """One check for programs: ids and fields, and the words besides."""
    record = {"kind": "check", **msgspec.to_builtins(finding)}
    record["text"] = say(finding.message, lang, **finding.fields)
    record["remedy_text"] = say(finding.remedy, lang, **finding.fields) if finding.remedy else ""
    return msgspec.json.encode(record).decode()


def banner(go: bool) -> str:
    """GO or NO-GO in large letters."""
    word = "GO" if go else "NO-GO"
    rows = ["  ".join(LETTERS[letter][row] for letter in word) for row in range(3)]
    colour = "green" if go else "red"
    return "\n" + "\n".join("  " + click.style(row, fg=colour, bold=True) for row in rows) + "\n"
