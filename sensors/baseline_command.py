"""``rfproctor baseline``: what a survey heard, what changed since another, what is not accepted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from dsp.compare import differences, survey_emitters
from dsp.identity import BaselineMismatch
from sdr.frequency import format_freq, parse_freq
from sdr.source import UserError
from sensors.heard import heard_notes
from sensors.survey import BaselineFault, Survey, load_survey, save_survey
from sensors.text import Lang, say

FILE = click.Path(path_type=Path)


@click.group()
def baseline() -> None:
    """Read, compare and correct a baseline before two people sign it."""


@baseline.command(
    short_help="What came and went during a survey.",
    epilog="Example: rfproctor baseline show 2026-06-06.npz",
)
@click.argument("file", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
@click.pass_obj
def show(lang: Lang, file: Path, as_json: bool) -> None:
    """List what was on the air for a part of the survey: somebody has to judge it."""
    survey = load_survey(file)
    for line in survey_lines(survey, lang, as_json=as_json):
        click.echo(line)


@baseline.command(
    short_help="What is new, gone, stronger or weaker.",
    epilog="Example: rfproctor baseline diff day1.npz day2.npz",
)
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
@click.pass_obj
def diff(lang: Lang, old: Path, new: Path, as_json: bool) -> None:
    """List what is new, gone, stronger or weaker; exit 1 when anything is."""
    before, after = load_survey(old), load_survey(new)
    changed = False
    for sensor in before.baselines.keys() | after.baselines.keys():
        if sensor not in before.baselines or sensor not in after.baselines:
            only = old if sensor in before.baselines else new
            raise BaselineFault(
                "baseline.other_sensor",
                file=new if only == old else old,
                sensor=sensor,
                known=", ".join((after if only == old else before).baselines),
            )
        try:
            found = differences(before.baselines[sensor], after.baselines[sensor])
        except BaselineMismatch as mismatch:
            raise BaselineFault(
                "baseline.mismatch",
                file=old,
                sensor=sensor,
                field=mismatch.field,
                learned=mismatch.learnt,
                now=mismatch.offered,
            ) from None
        changed = changed or bool(found)
        for one in found:
            if as_json:
                figures = asdict(one)
                change = figures.pop("kind")
                head = {"kind": "difference", "sensor": sensor, "change": change}
                click.echo(json.dumps(head | figures))
            else:
                click.echo(
                    say(
                        f"baseline.{one.kind}",
                        lang,
                        sensor=sensor,
                        low_mhz=f"{one.low_hz / 1e6:.4f}",
                        high_mhz=f"{one.high_hz / 1e6:.4f}",
                        old=f"{one.old_dbfs:.1f}",
                        new=f"{one.new_dbfs:.1f}",
                    )
                )
    if not changed and not as_json:
        click.echo(say("baseline.same", lang))
    raise SystemExit(1 if changed else 0)


@baseline.command(
    short_help="A copy that does not excuse these emitters.",
    epilog="Example: rfproctor baseline refuse day1.npz --band 210.2M:210.4M --out a.npz",
)
@click.argument("file", type=FILE)
@click.option(
    "--band",
    "bands",
    multiple=True,
    required=True,
    metavar="A:B",
    help="For example 210.2M:210.4M.",
)
@click.option("--out", type=FILE, required=True, help="Never overwritten.")
@click.pass_obj
def refuse(lang: Lang, file: Path, bands: tuple[str, ...], out: Path) -> None:
    """Write a copy in which these emitters of the survey are not excused: they will alarm."""
    edges: list[tuple[float, float]] = []
    for band in bands:
        low, _, high = band.partition(":")
        low_hz, high_hz = parse_freq(low), parse_freq(high)
        if not low_hz < high_hz:
            raise UserError("sweep.band_order", band=band)
        edges.append((low_hz, high_hz))
    survey = load_survey(file)
    for low_hz, high_hz in edges:
        _must_have_looked(survey, low_hz, high_hz)
        for line in _nothing_heard(survey, low_hz, high_hz, lang):
            click.echo(line, err=True)
    refused = {sensor: one.refuse(edges) for sensor, one in survey.baselines.items()}
    save_survey(out, Survey(survey.site, survey.start_ns, survey.stop_ns, refused))
    click.echo(say("survey.done", lang, file=out))


def _must_have_looked(survey: Survey, low_hz: float, high_hz: float) -> None:
    """Refuse a band of which no dongle saw anything."""
    grids = [counts.grid for one in survey.baselines.values() for counts in one.counts]
    if any(grid.low_hz < high_hz and grid.high_hz > low_hz for grid in grids):
        return
    low, high = min(g.low_hz for g in grids), max(g.high_hz for g in grids)
    raise BaselineFault(
        "baseline.refuse_unseen",
        band=f"{format_freq(low_hz)}-{format_freq(high_hz)}",
        covered=f"{format_freq(low)}-{format_freq(high)}",
    )


def _nothing_heard(survey: Survey, low_hz: float, high_hz: float, lang: Lang) -> list[str]:
    """One line for each dongle that heard nothing come and go there: nothing is refused."""
    return [
        say(
            "baseline.refuse_nothing",
            lang,
            sensor=sensor,
            low_mhz=f"{low_hz / 1e6:g}",
            high_mhz=f"{high_hz / 1e6:g}",
        )
        for sensor, one in survey.baselines.items()
        if not any(e.low_hz < high_hz and e.high_hz > low_hz for e in survey_emitters(one))
    ]


def survey_lines(survey: Survey, lang: Lang, *, as_json: bool = False) -> list[str]:
    """One line for each sensor and for each emitter that came and went while it learned."""
    lines: list[str] = []
    for sensor, one in survey.baselines.items():
        heard = survey_emitters(one)
        if as_json:
            head = {"kind": "baseline", "sensor": sensor, "hash": one.hash, "scans": one.scans}
            lines.append(json.dumps(head))
            lines += [
                json.dumps({"kind": "heard", "sensor": sensor} | asdict(emitter))
                for emitter in heard
            ]
            continue
        lines.append(
            say("survey.learned", lang, sensor=sensor, scans=one.scans, hash=one.hash[:12])
        )
        lines += ["  " + say(note.id, lang, **note.args) for note, _, _ in heard_notes(heard)]
    return lines
