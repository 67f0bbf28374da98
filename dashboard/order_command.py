"""``rfproctor order``: what the page can ask of a site, from a terminal."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import click
import msgspec

from dashboard.asking import ANSWER, Answered, Asked
from dashboard.link_command import ask
from sdr.frequency import parse_freq
from sdr.number import Finite
from sensors.orders import LONGEST_STAY_S
from sensors.text import Lang, say
from sensors.toml import UserError


@click.group()
@click.option("--url", default="http://127.0.0.1:8470", show_default=True, help="The monitor.")
@click.option("--token", envvar="RFPROCTOR_TOKEN", help="API token; default RFPROCTOR_TOKEN.")
@click.option("--insecure-tls", is_flag=True, help="Accept a certificate that nobody vouches for.")
@click.option("--json", "as_json", is_flag=True, help="JSON lines.")
@click.pass_context
def order(
    context: click.Context, url: str, token: str | None, insecure_tls: bool, as_json: bool
) -> None:
    """Ask something of a site, through its monitor; every order is in the audit log."""
    context.obj = Desk(context.obj, url, token or "", insecure_tls, as_json)


class Desk:
    """Where orders are given: a monitor, and how its answers are shown."""

    def __init__(self, lang: Lang, url: str, token: str, insecure_tls: bool, as_json: bool) -> None:
        self.lang = lang
        self._url = url
        self._token = token
        self._insecure_tls = insecure_tls
        self._as_json = as_json

    def give(self, name: str, site: str, body: Mapping[str, object]) -> None:
        """Give an order; exit 1 when the site says no."""
        path = f"/api/v1/orders/{name}/{quote(site)}"
        answer = msgspec.json.decode(
            ask(self._url, path, self._token, self._insecure_tls, json.dumps(body).encode()),
            type=Answered,
        )
        if self._as_json:
            click.echo(json.dumps({"kind": "answer", **msgspec.to_builtins(answer)}))
        else:
            click.echo(say(answer.note.id, self.lang, **answer.note.args))
        if not answer.accepted:
            raise SystemExit(1)

    def history(self, site: str) -> None:
        """Show what was asked of a site, the newest first."""
        body = ask(self._url, f"/api/v1/orders/of/{quote(site)}", self._token, self._insecure_tls)
        for asked in msgspec.json.decode(body, type=list[Asked]):
            if self._as_json:
                click.echo(json.dumps({"kind": "order", **msgspec.to_builtins(asked)}))
                continue
            when = datetime.fromtimestamp(asked.time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
            what = asked.detail.get("order", "")
            if asked.act == ANSWER:
                note = asked.detail["note"]
                what = f"{what}: {say(note['id'], self.lang, **note['args'])}"
            click.echo(f"{when}  {asked.actor:<16} {asked.act:<14} {what}")


SITE = click.argument("site")


@order.command(epilog="Example: rfproctor order retask school-3 school-3/hall 169M 170M")
@SITE
@click.argument("sensor")
@click.argument("start", type=parse_freq)
@click.argument("stop", type=parse_freq)
@click.option("--seconds", type=Finite(0.1, LONGEST_STAY_S), default=LONGEST_STAY_S)
@click.option("--cost", is_flag=True, help="Only say what would not be watched.")
@click.pass_obj
def retask(
    desk: Desk, site: str, sensor: str, start: float, stop: float, seconds: float, cost: bool
) -> None:
    """Let SENSOR stay between START and STOP for at most 30 s; says what is not watched then."""
    body = {"sensor": sensor, "start_hz": start, "stop_hz": stop, "seconds": seconds}
    desk.give("cost" if cost else "retask", site, body)


@order.command(epilog="Example: rfproctor order record school-3 school-3/hall 169.5M --before 5")
@SITE
@click.argument("sensor")
@click.argument("freq", type=parse_freq)
@click.option("--before", type=Finite(0, 30), default=5.0, help="Seconds from the ring.")
@click.option("--after", type=Finite(0, 30), default=2.0, help="Seconds that are still to come.")
@click.pass_obj
def record(desk: Desk, site: str, sensor: str, freq: float, before: float, after: float) -> None:
    """Keep the samples that SENSOR has and will have around FREQ, and send them."""
    now = time.time_ns()
    desk.give(
        "record",
        site,
        {
            "sensor": sensor,
            "freq_hz": freq,
            "start_ns": now - round(before * 1e9),
            "stop_ns": now + round(after * 1e9),
        },
    )


@order.command(epilog="Example: rfproctor order fetch school-3 20260607T090812.250Z_169.5000M_e1")
@SITE
@click.argument("file")
@click.pass_obj
def fetch(desk: Desk, site: str, file: str) -> None:
    """Send a recording that lies at the site."""
    desk.give("fetch", site, {"file": file})


@order.command(epilog="Example: rfproctor order configure school-3 school-3.toml")
@SITE
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def configure(desk: Desk, site: str, file: Path) -> None:
    """Let the site run with FILE; it goes back by itself where its dongles do not work with it."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("config.unreadable", file=file, why=str(error)) from None
    desk.give("configure", site, {"text": text})


@order.command("list", epilog="Example: rfproctor order list school-3")
@SITE
@click.pass_obj
def list_(desk: Desk, site: str) -> None:
    """Show what was asked of a site and what it answered, the newest first."""
    desk.history(site)
