"""``rfproctor keys``: who may speak at a monitor, and how a new site gets there."""

from __future__ import annotations

import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from dashboard.config import load_config
from dashboard.keyring import Entry, Keyring
from sdr.number import Finite
from sensors.config import load_site
from sensors.enrol import join as bring_keys
from sensors.enrol import read_token
from sensors.keys import own_keys, read_keys
from sensors.text import Lang, say
from sensors.toml import UserError

MONITOR = click.argument("monitor_toml", type=click.Path(path_type=Path))


def _author() -> str:
    """Who did it, for the list; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


@click.group()
def keys() -> None:
    """Keys of monitor and sites: enrol, list, revoke."""


@keys.command(epilog="Example: rfproctor keys enroll monitor.toml school-3")
@MONITOR
@click.argument("site")
@click.option(
    "--minutes",
    type=Finite(1, 1440),
    default=30.0,
    show_default=True,
    help="Until it expires.",
)
@click.option("--relay", is_flag=True, help="SITE is a monitor that brings its sites' events.")
@click.option("--address", help="How the site reaches the monitor; default as in the file.")
@click.option("--json", "as_json", is_flag=True, help="One JSON line.")
@click.pass_obj
def enroll(
    lang: Lang,
    monitor_toml: Path,
    site: str,
    minutes: float,
    relay: bool,
    address: str | None,
    as_json: bool,
) -> None:
    """Print a one-time token by which SITE can bring its keys."""
    with _keyring(monitor_toml) as ring:
        events = address or load_config(monitor_toml).monitor.events
        token = ring.token(site, events, _author(), minutes, relay=relay)
        if as_json:
            click.echo(json.dumps({"kind": "token", "site": site, "token": token.text()}))
            return
        click.echo(say("keys.token", lang, site=site, minutes=f"{minutes:g}", token=token.text()))


@keys.command(epilog="Example: rfproctor keys join school-3.toml ABCDEFGH-...")
@click.argument("site_toml", type=click.Path(path_type=Path))
@click.argument("token")
@click.pass_obj
def join(lang: Lang, site_toml: Path, token: str) -> None:
    """Bring this site's keys to the monitor that printed TOKEN."""
    site = load_site(site_toml)
    read = read_token(token)
    if read.site != site.file.site.id:
        raise UserError("keys.token_of_another", site=read.site, own=site.file.site.id)
    own = own_keys(site.data / "keys.json")
    monitor = bring_keys(read, own)
    click.echo(
        say(
            "keys.joined",
            lang,
            monitor=monitor,
            key=own.key_id,
            events=read.events,
            server_key=read.server_key.decode(),
        )
    )


@keys.command("list", epilog="Example: rfproctor keys list monitor.toml")
@MONITOR
@click.option("--json", "as_json", is_flag=True, help="One JSON line per key.")
@click.pass_obj
def list_(lang: Lang, monitor_toml: Path, as_json: bool) -> None:
    """Show every key that was ever let in."""
    with _keyring(monitor_toml) as ring:
        now = time.time_ns()
        if not as_json:
            click.echo(say("keys.own", lang, key=ring.keys.curve_public.decode()))
        for entry in ring.entries():
            click.echo(_json(entry, now) if as_json else _line(entry, now, lang))


@keys.command(epilog="Example: rfproctor keys revoke monitor.toml school-3")
@MONITOR
@click.argument("what", metavar="SITE_OR_KEY")
@click.pass_obj
def revoke(lang: Lang, monitor_toml: Path, what: str) -> None:
    """Refuse a site, or one of its keys, from now on."""
    with _keyring(monitor_toml) as ring:
        revoked = ring.revoke(what, _author())
    if not revoked:
        raise UserError("keys.nobody", what=what)
    for entry in revoked:
        click.echo(say("keys.revoked", lang, site=entry.site, key=entry.key))


@keys.command(
    short_help="Print the public half of a key file.",
    epilog="Example: rfproctor keys show var/school-3/keys.json",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def show(lang: Lang, file: Path) -> None:
    """Print the public half of a key file, to compare over the telephone."""
    own = read_keys(file)
    click.echo(
        say(
            "keys.public",
            lang,
            key=own.key_id,
            curve=own.curve_public.decode(),
            verify=own.verify_key.hex(),
        )
    )


@keys.command(epilog="Example: rfproctor keys allow monitor.toml school-3 CURVE VERIFY")
@MONITOR
@click.argument("site")
@click.argument("curve")
@click.argument("verify")
@click.option("--days", type=Finite(0), default=0.0, help="0: until revoked.")
@click.pass_obj
def allow(lang: Lang, monitor_toml: Path, site: str, curve: str, verify: str, days: float) -> None:
    """Let in the public keys that `keys show` printed at a site."""
    try:
        key = bytes.fromhex(verify)
        if len(key) != 32 or len(curve) != 40:
            raise ValueError
    except ValueError:
        raise UserError("keys.not_public") from None
    with _keyring(monitor_toml) as ring:
        entry = ring.allow(site, curve.encode(), key, _author(), days)
    click.echo(_line(entry, time.time_ns(), lang))


@contextmanager
def _keyring(monitor_toml: Path) -> Iterator[Keyring]:
    folder = load_config(monitor_toml).monitor.keys
    if folder is None:
        raise UserError("keys.no_folder", file=monitor_toml)
    ring = Keyring(folder)
    try:
        yield ring
    finally:
        ring.close()


def _date(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _line(entry: Entry, now_ns: int, lang: Lang) -> str:
    state = say(f"keys.state_{entry.state(now_ns)}", lang)
    return f"{entry.site:<24} {entry.key}  {state:<10} {_date(entry.added_ns)}"


def _json(entry: Entry, now_ns: int) -> str:
    fields = {
        "kind": "key",
        "site": entry.site,
        "key": entry.key,
        "state": entry.state(now_ns),
        "curve": entry.curve,
        "verify": entry.verify,
        "added_ns": entry.added_ns,
        "expires_ns": entry.expires_ns,
        "revoked_ns": entry.revoked_ns,
    }
    return json.dumps(fields)
