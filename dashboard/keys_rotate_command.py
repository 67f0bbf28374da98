"""``rfproctor keys rotate``, ``origins``, ``pin``: keys follow keys; which ones are believed."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from dashboard.config import load_config
from dashboard.console import signers
from dashboard.key_files import is_site, key_file_of, open_keyring
from sensors.dial import next_port
from sensors.fingerprint import fingerprint_words
from sensors.keys import Keys
from sensors.renewal import prepare
from sensors.text import Lang, say
from sensors.toml import UserError

FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command(
    short_help="Change keys without an outage.",
    epilog="Example: rfproctor keys rotate school-3.toml",
)
@FILE
@click.option("--address", help="Monitor: where the second set of ports is; default 4 further on.")
@click.option("--finish", is_flag=True, help="Monitor: the announced key takes the usual ports.")
@click.option("--relay", is_flag=True, help="Monitor: its key towards the level above.")
@click.pass_obj
def rotate(lang: Lang, file: Path, address: str | None, finish: bool, relay: bool) -> None:
    """Change the keys of FILE (site.toml or monitor.toml) while it runs.

    A site (and --relay) makes new keys, the running daemon changes to them within seconds, and the
    monitor drops the old one with the first message under the new.  A monitor announces its next
    key, signed by the present one, at a second set of ports; sites move there within seconds.
    When all have (rfproctor link), --finish gives the next key the usual ports.
    """
    if is_site(file) or relay:
        if address or finish:
            raise UserError("keys.rotate_monitor_only")
        own_id, key_file = key_file_of(file)
        if not key_file.exists():
            raise UserError("keys.missing", file=key_file)
        click.echo(_said("keys.rotating", prepare(key_file), lang, site=own_id))
        return
    with open_keyring(file) as ring:
        if finish:
            known = ring.own.next_keys is not None
            if not known or not ring.own.finish(signers(load_config(file), "rotate", lang)):
                raise UserError("keys.nothing_to_finish", file=file)
            click.echo(_said("keys.rotated_monitor", ring.keys, lang))
            return
        port = next_port(load_config(file).monitor.events, 4).rpartition(":")[2]
        where = address or f"tcp://*:{port}"
        if not where.startswith("tcp://") or not where.rpartition(":")[2].isdigit():
            raise UserError("link.bad_address", address=where)
        keys = ring.own.rotate(where, signers(load_config(file), "rotate", lang))
        click.echo(_said("keys.rotating_monitor", keys, lang, at=where))


@click.command(epilog="Example: rfproctor keys origins province.toml")
@click.argument("monitor_toml", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON line per key.")
@click.pass_obj
def origins(lang: Lang, monitor_toml: Path, as_json: bool) -> None:
    """Show the keys of the sites that relays bring: pinned, or waiting for a person."""
    with open_keyring(monitor_toml) as ring:
        for origin in ring.origins.all():
            if as_json:
                fields = msgspec.to_builtins(origin)
                click.echo(json.dumps({"kind": "origin", **fields}))
                continue
            state = say(f"keys.origin_{origin.state}", lang)
            words = fingerprint_words(bytes.fromhex(origin.verify))
            click.echo(f"{origin.site:<24} {origin.key}  {state:<10} {origin.relay:<16} {words}")


@click.command(epilog="Example: rfproctor keys pin province.toml school-3 0123456789abcdef")
@click.argument("monitor_toml", type=click.Path(path_type=Path))
@click.argument("site")
@click.argument("key")
@click.pass_obj
def pin(lang: Lang, monitor_toml: Path, site: str, key: str) -> None:
    """Say that KEY is right for a SITE below: its events are taken from then on."""
    with open_keyring(monitor_toml) as ring:
        origin = ring.origins.pin(site, key, signers(load_config(monitor_toml), "enroll", lang))
    if origin is None:
        raise UserError("keys.nobody", what=f"{site} {key}")
    click.echo(say("keys.pinned", lang, site=site, key=key))


def _said(message_id: str, keys: Keys, lang: Lang, **more: str) -> str:
    words = fingerprint_words(keys.verify_key)
    return say(
        message_id, lang, key=keys.key_id, words=words, curve=keys.curve_public.decode(), **more
    )
