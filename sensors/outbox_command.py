"""``rfproctor outbox``: what a site's outbox holds; begin a new one where a person must decide."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sdr.source import UserError
from sensors.config import load_site
from sensors.keys import own_keys
from sensors.outbox import Outbox
from sensors.outbox_damage import renew_outbox
from sensors.text import Lang, say


@click.command(epilog="Example: rfproctor outbox school-3.toml")
@click.argument("site_toml", type=click.Path(path_type=Path))
@click.option(
    "--new-epoch",
    is_flag=True,
    help="Set the old outbox aside and begin a new one: after a fork or rollback alarm.",
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def outbox(lang: Lang, site_toml: Path, new_epoch: bool, as_json: bool) -> None:
    """Show the outbox of a site whose daemon is stopped."""
    site = load_site(site_toml)
    path = site.data / "outbox.db"
    if not path.exists():
        raise UserError("outbox.missing", file=path)
    keys = own_keys(site.data / "keys.json")
    if new_epoch:
        Outbox(path, keys).close()  # refuses while the daemon runs
        box, old = renew_outbox(path, keys)
        click.echo(say("outbox.renewed", lang, file=old.path, saved=old.saved), err=as_json)
    else:
        box = Outbox(path, keys)
    fields = {
        "epoch": box.epoch.hex(),
        "key": keys.key_id,
        "first": box.first,
        "last": box.last,
        "acked": box.acked,
        "depth": box.depth,
        "oldest_s": round(box.oldest_unacked_s(), 1),
    }
    box.close()
    if as_json:
        click.echo(json.dumps({"kind": "outbox", **fields}))
    else:
        click.echo(say("outbox.state", lang, file=path, **fields))
