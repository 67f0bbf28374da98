"""The centre's commands."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from dashboard.demo import demo as demo
from sensors.text import Lang, say


@click.command(epilog="Example: rfproctor monitor monitor.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; instead of the file's.")
@click.option("--admin-link", is_flag=True, help="Print a link for who forgot the password.")
@click.pass_obj
def monitor(lang: Lang, file: Path, port: int | None, admin_link: bool) -> None:
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
