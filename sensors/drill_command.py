"""``rfproctor drill``: whether this site hears today what it is there for."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path

import click

from sdr.number import Finite
from sdr.source import UserError
from sensors.commands import DRAIN_S, open_link, stop_signal
from sensors.config import load_site
from sensors.drill_result import lines_of, table
from sensors.log import set_up_log
from sensors.rehearsal import MOST_MINUTES
from sensors.station import Station
from sensors.text import Lang, say

ENOUGH = 0.99
"""Share of the 2 s messages that must be heard: what a site with enough dongles is built for."""


@click.command(epilog="Example: rfproctor drill school-3.toml --minutes 2")
@click.argument("site_toml", type=click.Path(path_type=Path))
@click.option("--minutes", type=Finite(0.1, MOST_MINUTES), default=2.0, show_default=True)
@click.option("--source", "sources", multiple=True, help="Instead of the file's dongles.")
@click.option("--survey", "survey_s", type=Finite(0), default=0.0, metavar="SECONDS")
@click.option("--json", "as_json", is_flag=True, help="One JSON line for each band.")
@click.pass_obj
def drill(
    lang: Lang,
    site_toml: Path,
    minutes: float,
    sources: tuple[str, ...],
    survey_s: float,
    as_json: bool,
) -> None:
    """Add synthetic transmissions to the site's own samples and count who is heard, and when.

    No radio is sent. For every band: how many of the 2 s messages were heard, how long after their
    first sample, and when the centre had them. Kept in data/drills.jsonl. Exit code 1 where a band
    heard less than 99 %. For a site that runs already: `rfproctor sensor --drill`.
    """
    site = load_site(site_toml, sources)
    set_up_log()
    link = open_link(site)
    stop = stop_signal()
    ended_s = float("inf")
    try:
        with link:
            station = Station(site, link, survey_s=survey_s, version=version("rfproctor"))
            station.errands.rehearsal.ask(minutes)

            def stopped() -> bool:
                nonlocal ended_s
                if station.errands.rehearsal.last is not None:
                    ended_s = min(ended_s, time.monotonic())
                return stop.is_set() or time.monotonic() > ended_s + 1.0

            station.run(stopped)
            link.drained(DRAIN_S)
    finally:
        link.outbox.close()
    result = station.errands.rehearsal.last
    if result is None:
        raise UserError("drill.interrupted")
    bands = table(result.results)
    if as_json:
        for line in bands:
            click.echo(json.dumps({"kind": "drill", "site": site.file.site.id, **line}))
    else:
        click.echo("\n".join(lines_of(result.results, lang)))
    enough = {line["band"] for line in bands if float(line["share"] or 0.0) >= ENOUGH}
    missed = [band.name for band in site.bands if band.name not in enough]
    if not as_json:
        verdict = "drill.missed" if missed else "drill.passed"
        click.echo(say(verdict, lang, bands=", ".join(missed)))
    raise SystemExit(1 if missed else 0)
