"""``rfproctor link``: how every site is connected to a monitor, in one table."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from typing import Annotated

import click
import msgspec
from msgspec import Meta, Struct
from prometheus_client.parser import text_string_to_metric_families

from sensors.messages import Note
from sensors.text import Lang, plain, say
from sensors.toml import UserError


class LinkFault(UserError):
    """The monitor cannot be asked."""

    exit_code = 3


class SensorDrops(Struct):
    """The part of a sensor that counts what it lost."""

    dropped_samples: int = 0


class SiteLink(Struct):
    """The part of ``GET /api/v1/sites`` that is about the link."""

    site: str
    age_s: float = 0.0
    state: str = ""
    outbox_depth: int = 0
    outbox_oldest_s: float = 0.0
    clock_offset_ns: int | None = None
    round_trip_s: float = 0.0
    link_notes: Annotated[list[Note], Meta(max_length=64)] = []
    version: str = ""
    sensors: list[SensorDrops] = []

    @property
    def dropped_samples(self) -> int:
        """Samples that its dongles have lost since it started."""
        return sum(sensor.dropped_samples for sensor in self.sensors)


@click.command(epilog="Example: RFPROCTOR_TOKEN=... rfproctor link http://127.0.0.1:8470")
@click.argument("url", default="http://127.0.0.1:8470")
@click.option("--token", envvar="RFPROCTOR_TOKEN", help="API token; default RFPROCTOR_TOKEN.")
@click.option("--insecure-tls", is_flag=True, help="Accept a certificate that nobody vouches for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per site.")
@click.pass_obj
def link(lang: Lang, url: str, token: str | None, insecure_tls: bool, as_json: bool) -> None:
    """Show lag, backlog, round trip, losses and clock of every site at the monitor at URL.

    The last line is the monitor's own: sites with a link, messages that it did not take and why,
    and how many sites still come by a key that is being left (rfproctor keys rotate).
    """
    sites = fetch(url, token or "", insecure_tls)
    totals = Totals.of(ask(url, "/metrics", token or "", insecure_tls).decode())
    if not as_json:
        click.echo(say("link.header", lang))
    for site in sorted(sites, key=lambda each: (-each.age_s, each.site)):
        click.echo(json.dumps(_fields(site)) if as_json else _line(site, lang))
    if as_json:
        click.echo(json.dumps({"kind": "links", **msgspec.to_builtins(totals)}))
        return
    drops = ", ".join(f"{why} {count:g}" for why, count in totals.drops.items() if count)
    click.echo(
        say(
            "link.totals",
            lang,
            up=f"{totals.peers.get('up', 0):g}",
            silent=f"{totals.peers.get('silent', 0):g}",
            moving=f"{totals.sites_to_move:g}",
            drops=drops or "-",
        )
    )


class Totals(Struct):
    """What the monitor counts of its links, from ``GET /metrics``.

    Attributes
    ----------
    peers : dict
        Sites by link: up, silent.
    drops : dict
        Messages that were not taken, by why.
    sites_to_move : float
        That still come by a key which is being left.
    """

    peers: dict[str, float]
    drops: dict[str, float]
    sites_to_move: float

    @classmethod
    def of(cls, text: str) -> Totals:
        """Read the Prometheus text."""
        peers: dict[str, float] = {}
        drops: dict[str, float] = {}
        moving = 0.0
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == "rfproctor_link_peers":
                    peers[sample.labels["link"]] = sample.value
                elif sample.name == "rfproctor_link_drops_total":
                    drops[sample.labels["why"]] = sample.value
                elif sample.name == "rfproctor_link_sites_to_move":
                    moving = sample.value
        return cls(peers, drops, moving)


def fetch(url: str, token: str, insecure_tls: bool = False) -> list[SiteLink]:
    """Ask a monitor about its sites.

    Raises
    ------
    LinkFault
        As `ask`.
    """
    try:
        return msgspec.json.decode(
            ask(url, "/api/v1/sites", token, insecure_tls), type=list[SiteLink]
        )
    except msgspec.DecodeError:
        raise LinkFault("link.no_monitor", url=url) from None


def ask(
    url: str, path: str, token: str, insecure_tls: bool = False, body: bytes | None = None
) -> bytes:
    """Ask a monitor; with a body it is a POST of JSON.

    Raises
    ------
    LinkFault
        Not reachable, not ours, or the token does not open it; or what it says itself.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError("link.bad_url", url=url)
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    request = urllib.request.Request(  # noqa: S310
        f"{url.rstrip('/')}{path}", data=body, headers=headers
    )
    context = ssl.create_default_context()
    if insecure_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(request, timeout=10.0, context=context) as answer:  # noqa: S310
            return bytes(answer.read(64 << 20))
    except urllib.error.HTTPError as error:
        with error:
            if error.code not in (401, 403) and (said := _said(error.read(1 << 16))):
                raise LinkFault("link.says", text=said) from None
            refused = error.code in (401, 403)
        raise LinkFault("link.refused" if refused else "link.no_monitor", url=url) from None
    except OSError:
        raise LinkFault("link.no_monitor", url=url) from None


def _said(body: bytes) -> str:
    """The text of a monitor's own refusal; empty when it is none."""
    try:
        return str(msgspec.json.decode(body, type=dict[str, str])["text"])
    except (msgspec.DecodeError, KeyError):
        return ""


def _fields(site: SiteLink) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(site)
    del fields["sensors"]
    return {"kind": "link", **fields, "dropped_samples": site.dropped_samples}


def _line(site: SiteLink, lang: Lang) -> str:
    offset = "-" if site.clock_offset_ns is None else f"{site.clock_offset_ns / 1e6:+.1f}"
    notes = "; ".join(say(note.id, lang, **note.args) for note in site.link_notes)
    return (
        f"{site.site:<20} {site.age_s:>7.1f} {site.outbox_depth:>8} {site.outbox_oldest_s:>9.1f} "
        f"{site.round_trip_s * 1e3:>9.1f} {offset:>10} {site.dropped_samples:>10}  "
        f"{plain(site.version):<10} {notes}"
    ).rstrip()
