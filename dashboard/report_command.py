"""``rfproctor report``: the record of one exam session, for the file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dashboard.errors import StoreError
from sensors.text import Lang, say
from sensors.toml import UserError

if TYPE_CHECKING:
    from sqlalchemy import Engine


class NoSession(UserError):
    """The timetable has no such session."""


@click.command(epilog="Example: rfproctor report 3 --config monitor.toml --out exam-3.html")
@click.argument("session")
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("monitor.toml"),
    show_default=True,
    help="The monitor's file.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Read this copy instead of the monitor's store.",
)
@click.option("--lang", "language", type=click.Choice(["zh", "en"]), help="Of the record.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: session-NUMBER.html here.")
@click.option("--json", "as_json", is_flag=True, help="Print the record as one JSON line instead.")
@click.pass_obj
def report(
    lang: Lang,
    session: str,
    file: Path,
    store: Path | None,
    language: Lang | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Write the record of exam SESSION (its number or name) as one HTML file to print.

    Who was answerable, what was watched and how deep, gaps, alarms with what was decided, reviews,
    drills, orders, evidence, messages, and the hash of the audit log.  Reads only; the monitor may
    run meanwhile.
    """
    from dashboard import reading
    from dashboard.config import load_config
    from dashboard.report import as_json as line_of
    from dashboard.report import report_of
    from dashboard.report_sheet import sheet
    from dashboard.tiles import TileFiles

    lang = language or lang
    config = load_config(file)
    url = config.monitor.store if store is None else f"sqlite:///{store.absolute()}"
    assert config.history.folder is not None
    reader = reading.store_at(url)
    with reading.told(url):
        number = _number(reader, session, lang)
        found = report_of(reader, TileFiles(config.history.folder), config, number, time.time_ns())
    if as_json:
        click.echo(line_of(found))
    if out or not as_json:
        target = out or Path(f"session-{number}.html")
        write(target, sheet(found, lang))
        click.echo(say("report.written", lang, file=target, head=found.acts.head.hash), err=as_json)


def write(target: Path, text: str) -> None:
    """Write a record whole or not at all; what is there is never overwritten.

    Raises
    ------
    StoreError
        The file is there already, or cannot be written.
    """
    if target.exists():
        raise StoreError("backup.exists", file=target)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(target)
    except OSError as error:
        part.unlink(missing_ok=True)
        why = error.strerror or str(error)
        raise StoreError("report.unwritable", file=target, why=why) from None


def _number(reader: Engine, wanted: str, lang: Lang) -> int:
    """Number of the session that was asked for, by number or by its whole name.

    Raises
    ------
    NoSession
        Naming those that exist.
    """
    from dashboard.report_sheet import day_of
    from dashboard.timetable import latest_first, sessions_of

    with reader.connect() as connection:
        sessions = latest_first(sessions_of(connection))
    found = [one.id for one in sessions if wanted in (str(one.id), one.name)]
    if len(found) == 1:
        return found[0]
    if not sessions:
        raise NoSession("report.no_sessions")
    there = ", ".join(f"{one.id} ({one.name}, {day_of(one.start_ns)})" for one in sessions[:20])
    more = say("report.more", lang, count=len(sessions) - 20) if len(sessions) > 20 else ""
    raise NoSession("report.unknown", session=wanted, sessions=there + more)
