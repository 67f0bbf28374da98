"""``rfproctor keys``: who may speak at a monitor, and how a new site gets there."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click

from dashboard.config import load_config
from dashboard.console import signers
from dashboard.key_files import is_site, key_file_of, open_keyring
from dashboard.keyring import Entry
from dashboard.keys_rotate_command import origins, pin, rotate
from dashboard.qr import qr_picture
from sdr.number import Finite
from sensors.address import can_be_dialled, is_id
from sensors.enrol import join as bring_keys
from sensors.enrol import read_token
from sensors.fingerprint import fingerprint_words
from sensors.keys import own_keys, read_keys
from sensors.text import Lang, say
from sensors.toml import UserError

MONITOR = click.argument("monitor_toml", type=click.Path(path_type=Path))


@click.group()
def keys() -> None:
    """Keys of monitor and sites: enrol, list, revoke, rotate."""


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
    with open_keyring(monitor_toml) as ring:
        config = load_config(monitor_toml)
        events = address or config.monitor.events
        if not can_be_dialled(events) or "//0.0.0.0:" in events:
            raise UserError("keys.address_needed", address=events)
        if not is_id(site):
            raise UserError("keys.bad_site", site=site)
        token = ring.token(site, events, signers(config, "enroll", lang), minutes, relay=relay)
        if as_json:
            click.echo(json.dumps({"kind": "token", "site": site, "token": token.text()}))
            return
        file = "MONITOR.toml" if relay else "SITE.toml"
        values = {"site": site, "minutes": f"{minutes:g}", "token": token.text(), "file": file}
        click.echo(say("keys.token", lang, **values))
        if picture := qr_picture(token.text(), sys.stdout):
            click.echo(picture)


@keys.command(epilog="Example: rfproctor keys join school-3.toml ABCDEFGH-...")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("token")
@click.pass_obj
def join(lang: Lang, file: Path, token: str) -> None:
    """Bring the keys of FILE (site.toml, monitor.toml) to the monitor that printed TOKEN."""
    own_id, key_file = key_file_of(file)
    read = read_token(token)
    if read.site != own_id:
        raise UserError("keys.token_of_another", site=read.site, own=own_id)
    own = own_keys(key_file)
    monitor = bring_keys(read, own)
    click.echo(
        say(
            "keys.joined",
            lang,
            monitor=monitor,
            key=own.key_id,
            words=fingerprint_words(own.verify_key),
            events=read.events,
            server_key=read.server_key.decode(),
            file=file,
            section="monitor" if is_site(file) else "upstream",
        )
    )


@keys.command("list", epilog="Example: rfproctor keys list monitor.toml")
@MONITOR
@click.option("--json", "as_json", is_flag=True, help="One JSON line per key.")
@click.pass_obj
def list_(lang: Lang, monitor_toml: Path, as_json: bool) -> None:
    """Show every key that was ever let in."""
    with open_keyring(monitor_toml) as ring:
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
    with open_keyring(monitor_toml) as ring:
        if not ring.known(what):
            raise UserError("keys.nobody", what=what)
        revoked = ring.revoke(what, signers(load_config(monitor_toml), "revoke", lang))
    for entry in revoked:
        click.echo(say("keys.revoked", lang, site=entry.site, key=entry.key))


@keys.command(
    short_help="Print the public half of a key file.",
    epilog="Example: rfproctor keys show var/school-3/keys.json",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def show(lang: Lang, file: Path) -> None:
    """Print the public half of a key file, to compare over the telephone.

    Of a monitor.toml: the monitor's own, which signs bundles; of a site.toml: the site's.
    """
    if file.suffix != ".toml":
        own = read_keys(file)
    elif is_site(file):
        own = read_keys(key_file_of(file)[1])
    else:
        with open_keyring(file) as ring:
            own = ring.keys
    click.echo(
        say(
            "keys.public",
            lang,
            key=own.key_id,
            words=fingerprint_words(own.verify_key),
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
@click.option("--relay", is_flag=True, help="SITE is a monitor that brings its sites' events.")
@click.pass_obj
def allow(
    lang: Lang, monitor_toml: Path, site: str, curve: str, verify: str, days: float, relay: bool
) -> None:
    """Let in the public keys that `keys show` printed at a site."""
    try:
        key = bytes.fromhex(verify)
        if len(key) != 32 or len(curve) != 40:
            raise ValueError
    except ValueError:
        raise UserError("keys.not_public") from None
    with open_keyring(monitor_toml) as ring:
        by = signers(load_config(monitor_toml), "enroll", lang)
        entry = ring.allow(site, curve.encode(), key, by, days, relay=relay)
    click.echo(_line(entry, time.time_ns(), lang))


for command in (rotate, origins, pin):
    keys.add_command(command)


def _date(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _line(entry: Entry, now_ns: int, lang: Lang) -> str:
    state = say(f"keys.state_{entry.state(now_ns)}", lang)
    words = fingerprint_words(bytes.fromhex(entry.verify))
    return f"{entry.site:<24} {entry.key}  {state:<10} {_date(entry.added_ns)}  {words}"


def _json(entry: Entry, now_ns: int) -> str:
    fields = {
        "kind": "key",
        "site": entry.site,
        "key": entry.key,
        "words": fingerprint_words(bytes.fromhex(entry.verify)),
        "follows": entry.follows,
        "state": entry.state(now_ns),
        "curve": entry.curve,
        "verify": entry.verify,
        "added_ns": entry.added_ns,
        "expires_ns": entry.expires_ns,
        "revoked_ns": entry.revoked_ns,
        "replaced_ns": entry.replaced_ns,
    }
    return json.dumps(fields)
