"""The centre's commands."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click
import msgspec

from dashboard.demo import demo as demo
from sensors.text import Lang, say


@click.command(epilog="Example: rfproctor monitor monitor.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--port", type=click.IntRange(0, 65535), help="Of the page; instead of the file's.")
@click.pass_obj
def monitor(lang: Lang, file: Path, port: int | None) -> None:
    """Run the central monitor and its page, as FILE (monitor.toml) says.

    Scripts use the API token in RFPROCTOR_TOKEN; without one a new token is made at every start.
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
    token = os.environ.get("RFPROCTOR_TOKEN") or secrets.token_urlsafe(24)

    def announce(url: str) -> None:
        click.echo(say("monitor.ready", lang, url=f"{url}login?token={token}"))

    asyncio.run(run(config, token, announce))
