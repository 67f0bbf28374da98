"""Commands of a site: ``sensor`` and ``survey``."""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TextIO, cast

import click

from sdr.number import Finite
from sdr.source import UserError
from sensors.address import is_loopback
from sensors.adoption import Adoption, config_hash
from sensors.backlog import Backlog
from sensors.baseline_command import survey_lines
from sensors.config import Site, load_site
from sensors.forecast import tell
from sensors.keys import own_keys
from sensors.link import Link
from sensors.log import set_up_log
from sensors.outbox_damage import damage_notice, open_outbox
from sensors.renewal import Renewal
from sensors.station import Station
from sensors.status import status_block
from sensors.survey import load_survey, writable
from sensors.text import Lang, say

KEYS = "keys.json"
"""Name of a site's key file in its folder."""

DRAIN_S = 3.0
"""At the end the centre gets this long to take the last events; the outbox keeps the rest."""


@click.command(epilog="Example: rfproctor sensor school-3.toml")
@click.argument("site_toml", type=click.Path(path_type=Path))
@click.option("--source", "sources", multiple=True, help="Instead of the file's dongles.")
@click.option(
    "--survey",
    "survey_s",
    type=Finite(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Learn a baseline first, then watch against it.",
)
@click.option(
    "--drill",
    "drill_min",
    type=Finite(min=0),
    default=0.0,
    metavar="MINUTES",
    help="Begin with a drill: who hears synthetic transmissions?  No radio is sent.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Only tell how often each band is visited.")
@click.option("--json", "as_json", is_flag=True, help="The plan as JSON lines.")
@click.pass_obj
def sensor(
    lang: Lang,
    site_toml: Path,
    sources: tuple[str, ...],
    survey_s: float,
    drill_min: float,
    only_plan: bool,
    as_json: bool,
) -> None:
    """Run the daemon of an exam site: scan, detect, report to the centre.

    With --plan nothing is opened and no dongle is needed: for every band the revisit time that is
    wanted and reached and the chance to hear one message of 0.2, 0.5, 2 and 4 s, who is too late,
    and how many dongles would be enough.  Exit code 0, also where bands are too late.
    """
    site = load_site(site_toml, sources)
    if only_plan:
        tell(site, lang, as_json=as_json)
        return
    block = status_block(lang)
    set_up_log(cast(TextIO, block))
    adoption = Adoption(site, sources)
    station_link = open_link(adoption.site)
    stop = stop_signal()
    try:
        with station_link as link, Backlog(adoption.site.data / "evidence", link.clips):
            again = True
            while again and not stop.is_set():
                station = Station(
                    adoption.site,
                    link,
                    survey_s=survey_s,
                    version=version("rfproctor"),
                    show=block.show if block is not None else None,
                )
                if drill_min:
                    station.errands.rehearsal.ask(drill_min)
                again = _work(station, adoption, link, stop)
                survey_s = drill_min = 0.0
            link.drained(DRAIN_S)
    finally:
        station_link.outbox.close()


def _work(station: Station, adoption: Adoption, link: Link, stop: threading.Event) -> bool:
    """Let the station work; True when it ended to go on with another configuration."""
    another = False

    def stopped() -> bool:
        nonlocal another
        another = another or adoption.wanted(link, station.heartbeat)
        return another or stop.is_set()

    try:
        station.run(stopped)
    except UserError as fault:
        if not adoption.failed(fault):
            raise
        another = True
    if another:
        link.rows.sensors = adoption.site.sensor_ids
        link.sender.card = replace(link.sender.card, config=config_hash(adoption.site))
    return another


@click.command(epilog="Example: rfproctor survey school-3.toml --seconds 3600 --out 2026-06-06.npz")
@click.argument("site_toml", type=click.Path(path_type=Path))
@click.option("--seconds", type=Finite(min=1), default=3600.0, show_default=True, help="How long.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Never overwritten.")
@click.option("--source", "sources", multiple=True, help="Instead of the file's dongles.")
@click.pass_obj
def survey(
    lang: Lang, site_toml: Path, seconds: float, out: Path, sources: tuple[str, ...]
) -> None:
    """Learn a site's baseline on a quiet day and freeze it in a file.

    At the end it lists what came and went meanwhile: somebody has to judge that.
    """
    site = load_site(site_toml, sources)
    set_up_log()
    writable(out)
    stop = stop_signal()
    station = Station(site, None, survey_s=seconds, survey_path=out)
    with click.progressbar(
        length=round(seconds), label=say("survey.progress", lang), file=sys.stderr
    ) as bar:

        def stopped() -> bool:
            bar.update(max(0, round(seconds - station.survey_left_s) - bar.pos))
            return stop.is_set()

        station.run(stopped)
    if station.surveyed is None:
        raise UserError("survey.interrupted")
    for line in survey_lines(load_survey(station.surveyed), lang):
        click.echo(line)
    click.echo(say("survey.done", lang, file=station.surveyed))


def open_link(site: Site) -> Link:
    """Outbox, keys and sockets of a site.

    Raises
    ------
    UserError
        The keys or the outbox cannot be used, or the centre's key is missing.
    """
    monitor = site.file.monitor
    local = monitor is not None and monitor.insecure and is_loopback(monitor.events)
    if monitor is not None and not monitor.server_key and not local:
        raise UserError("config.server_key_missing", file=site.path)
    keys = own_keys(site.data / KEYS)
    outbox, damage = open_outbox(site.data / "outbox.db", keys)
    link = Link(
        outbox,
        keys,
        site.file.site.id,
        site.sensor_ids,
        events=monitor.events if monitor is not None else None,
        server_key=monitor.server_key.encode()
        if monitor is not None and monitor.server_key
        else None,
        local=site.file.site.local or None,
        software=version("rfproctor"),
        config=config_hash(site),
        pin_file=site.data / "centre.json",
        renewal=Renewal(site.data / KEYS, keys, outbox, site.file.site.id),
    )
    if damage is not None:
        link.publish(damage_notice(site.file.site.id, site.sensor_ids[0], damage))
    return link


def stop_signal() -> threading.Event:
    """Set by Ctrl-C or SIGTERM: finish what you do, lose nothing."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop
