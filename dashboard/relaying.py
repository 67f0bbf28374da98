"""The relay that ``[upstream]`` of the configuration asks for, made and joined to the receiver."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from dashboard.config import MonitorFile
from dashboard.key_files import RELAY
from dashboard.keyring import Keyring
from dashboard.receiver import Receiver
from dashboard.upstream import Upstream
from sensors.address import is_loopback
from sensors.keys import Keys, own_keys, write_keys
from sensors.toml import UserError


def open_upstream(
    config: MonitorFile, keyring: Keyring | None, receiver: Receiver, reader: Engine
) -> Upstream:
    """Make the relay that ``[upstream]`` asks for, and let it hear the receiver.

    Raises
    ------
    UserError
        Its outbox or keys cannot be used.
    """
    section, folder = config.upstream, config.history.folder
    assert section is not None
    assert folder is not None
    if not section.server_key and not is_loopback(section.events):
        raise UserError("config.upstream_key", events=section.events)
    home = folder.parent
    upstream = Upstream(
        home,
        _relay_keys(home / RELAY, keyring),
        config.monitor.id,
        section.events,
        section.server_key.encode() or None,
        reader,
        receiver.signers_of,
    )
    receiver.relay = upstream
    return upstream


def _relay_keys(file: Path, keyring: Keyring | None) -> Keys:
    """Our keys towards the level above, in a file of their own: both change at their own times.

    A monitor of an older version was enrolled above with its own keys: it goes on with them.
    """
    if keyring is not None and not file.exists():
        write_keys(file, keyring.keys)
    return own_keys(file)
