"""TOML files as frozen Structs: a mistake is answered with file, line, path and a suggestion."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from sdr.source import UserError as UserError
from sensors.mistake import BadConfig as BadConfig
from sensors.mistake import explain

T = TypeVar("T")


def load_toml(path: str | Path, kind: type[T]) -> T:
    """Read a configuration file into a Struct.

    Parameters
    ----------
    path : str or Path
    kind : type
        A frozen Struct with ``forbid_unknown_fields=True``.  A field of type ``Path`` may be
        relative: it then counts from the file's folder, never from where the program was started.
        A ``__post_init__`` that raises ``ValueError("key: config.some_id")`` is answered with that
        text of the catalogue, at that key (without ``key:`` at the table).

    Returns
    -------
    kind
        The checked configuration.

    Raises
    ------
    BadConfig
        No such file, not TOML, an unknown or missing key, a wrong type or an impossible value.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editor begins files with a mark
    except FileNotFoundError:
        raise BadConfig("config.file_missing", file=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadConfig("config.not_utf8", file=f"{path}:{line}") from None
    except OSError as error:
        raise BadConfig("config.unreadable", file=str(path), why=str(error)) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig("config.syntax", file=str(path), why=str(error)) from None

    folder = path.absolute().parent

    def from_plain(wanted: type, value: Any) -> Any:
        if wanted is Path and isinstance(value, str):
            return folder / Path(value).expanduser()
        raise ValueError("config.path_expected")

    try:
        return msgspec.convert(document, kind, dec_hook=from_plain)
    except msgspec.ValidationError as error:
        raise explain(str(error), kind, path, text, document) from None
