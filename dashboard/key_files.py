"""Which key file belongs to a configuration file, for the commands about keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dashboard.config import load_config
from dashboard.keyring import Keyring
from sensors.config import load_site
from sensors.toml import UserError


def key_file_of(path: Path) -> tuple[str, Path]:
    """Id and key file of a site, or of a monitor towards the level above.

    Raises
    ------
    UserError
        It is no such file, or names no level above.
    """
    if is_site(path):
        site = load_site(path)
        if site.file.monitor is not None and site.file.monitor.insecure:
            raise UserError("keys.insecure", file=path)
        return site.file.site.id, site.data / "keys.json"
    config = load_config(path)
    if config.upstream is None:
        raise UserError("keys.no_upstream", file=path)
    assert config.history.folder is not None
    return config.monitor.id, config.history.folder.parent / RELAY


RELAY = "upstream.key"
"""A monitor's key file towards the level above, beside its history."""


def is_site(path: Path) -> bool:
    """Whether this is a ``site.toml``; a file that cannot be read is left to its own loader."""
    try:
        return "site" in tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False


@contextmanager
def open_keyring(monitor_toml: Path) -> Iterator[Keyring]:
    """The keyring of a monitor.

    Raises
    ------
    UserError
        It runs without keys.
    """
    folder = load_config(monitor_toml).monitor.keys
    if folder is None:
        raise UserError("keys.no_folder", file=monitor_toml)
    ring = Keyring(folder)
    try:
        yield ring
    finally:
        ring.close()
