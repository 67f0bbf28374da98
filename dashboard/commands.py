"""The centre's commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from dashboard.demo import demo as demo
from sensors.text import Lang, say
from sensors.toml import BadConfig

if TYPE_CHECKING:
    from dashboard.config import MonitorFile


@click.command(epilog="Example: rfproctor monitor monitor.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; instead of the file's.")
@click.option("--admin-link", is_flag=True, help="Print a link for who forgot the password.")
@click.option(
    "--backup", type=click.Path(path_type=Path), help="Write the store into this file and end."
)
@click.option(
    "--restore", type=click.Path(path_type=Path), help="Put this copy in the store's place and end."
)
@click.pass_obj
def monitor(
    lang: Lang,
    file: Path,
    port: int | None,
    admin_link: bool,
    backup: Path | None,
    restore: Path | None,
) -> None:
    """Run the central monitor and its page, as FILE (monitor.toml) says.

    Prints a link that opens the page as administrator while nobody has an account.  On loopback
    (insecure = true) the token in RFPROCTOR_TOKEN opens everything, for scripts too.
    """
    import asyncio

    from dashboard.app import run
    from dashboard.config import load_config
    from sensors.log import set_up_log

    set_up_log()
    config = load_config(file)
    if backup or restore:
        click.echo(keep(config, backup, restore, lang))
        return
    if port is not None:
        http = f"{config.monitor.http_host}:{port}"
        config = msgspec.structs.replace(
            config, monitor=msgspec.structs.replace(config.monitor, http=http)
        )

    def announce(url: str, token: str) -> None:
        link = f"{url}login?token={token}" if token else url
        click.echo(say("monitor.ready", lang, url=link))

    token = os.environ.get("RFPROCTOR_TOKEN", "")
    asyncio.run(run(config, token, announce, admin_link=admin_link))


def keep(config: MonitorFile, backup: Path | None, restore: Path | None, lang: Lang) -> str:
    """Write a copy of the store or put one back; returns what to say.

    Raises
    ------
    UserError
        It cannot be done; the store is as it was.
    """
    from dashboard import backup as copies
    from dashboard.console import accounts_before, signers

    store = config.monitor.store
    if backup and restore:
        raise BadConfig("backup.both")
    if backup:
        found = copies.back_up(store, backup)
        return say("backup.done", lang, file=backup, **msgspec.structs.asdict(found))
    assert restore is not None and config.history.folder is not None
    by = signers(config, "restore", lang, lambda: accounts_before(store, restore))
    found, kept = copies.restore(store, restore, config.history.folder.parent / "backup", by)
    told = say("restore.done", lang, file=restore, **msgspec.structs.asdict(found))
    return told if kept is None else f"{told}\n{say('restore.kept', lang, file=kept)}"
