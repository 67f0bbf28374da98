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

from sensors.messages import Note
from sensors.text import Lang, say
from sensors.toml import UserError


class LinkFault(UserError):
    """The monitor cannot be asked."""

    exit_code = 3


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


@click.command(epilog="Example: RFPROCTOR_TOKEN=... rfproctor link http://127.0.0.1:8470")
@click.argument("url", default="http://127.0.0.1:8470")
@click.option("--token", envvar="RFPROCTOR_TOKEN", help="API token; default RFPROCTOR_TOKEN.")
@click.option("--insecure-tls", is_flag=True, help="Accept a certificate that nobody vouches for.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line per site.")
@click.pass_obj
def link(lang: Lang, url: str, token: str | None, insecure_tls: bool, as_json: bool) -> None:
    """Show lag, backlog, round trip and clock of every site at the monitor at URL."""
    sites = fetch(url, token or "", insecure_tls)
    if not as_json:
        click.echo(say("link.header", lang))
    for site in sorted(sites, key=lambda each: (-each.age_s, each.site)):
        click.echo(json.dumps(_fields(site)) if as_json else _line(site, lang))


def fetch(url: str, token: str, insecure_tls: bool = False) -> list[SiteLink]:
    """Ask a monitor.

    Raises
    ------
    LinkFault
        Not reachable, not ours, or the token does not open it.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError("link.bad_url", url=url)
    request = urllib.request.Request(  # noqa: S310
        f"{url.rstrip('/')}/api/v1/sites", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context()
    if insecure_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    try:
        with urllib.request.urlopen(request, timeout=10.0, context=context) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read(64 << 20), type=list[SiteLink])
    except urllib.error.HTTPError as error:
        with error:
            refused = error.code in (401, 403)
        raise LinkFault("link.refused" if refused else "link.no_monitor", url=url) from None
    except (OSError, msgspec.DecodeError):
        raise LinkFault("link.no_monitor", url=url) from None


def _fields(site: SiteLink) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(site)
    return {"kind": "link", **fields}


def _line(site: SiteLink, lang: Lang) -> str:
    offset = "-" if site.clock_offset_ns is None else f"{site.clock_offset_ns / 1e6:+.1f}"
    notes = "; ".join(say(note.id, lang, **note.args) for note in site.link_notes)
    return (
        f"{site.site:<20} {site.age_s:>7.1f} {site.outbox_depth:>8} {site.outbox_oldest_s:>9.1f} "
        f"{site.round_trip_s * 1e3:>9.1f} {offset:>10}  {site.version:<10} {notes}"
    ).rstrip()
