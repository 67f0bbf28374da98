"""TOML files as frozen Structs: a mistake is answered with file, line, path and a suggestion."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from sdr.source import UserError as UserError

T = TypeVar("T")

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>.*?)`")
_CHOICE = re.compile(r"Invalid enum value (?P<value>.*)")
_TYPE = re.compile(r"Expected (?P<expected>.*), got `(?P<got>.*)`")
_LIMIT = re.compile(r"Expected (?P<expected>.*)")
_PLACE = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_HEADER = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<name>[^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*["']?(?P<name>[A-Za-z0-9_.-]+)["']?\s*=""")


class BadConfig(UserError):
    """A configuration file cannot be used as it is; the text says where and what would do."""


def load_toml(path: str | Path, kind: type[T]) -> T:
    """Read a configuration file into a Struct.

    Parameters
    ----------
    path : str or Path
    kind : type
        A frozen Struct with ``forbid_unknown_fields=True``.  A field of type ``Path`` may be
        relative: it then counts from the file's folder, never from where the program was started.
        A ``__post_init__`` that raises ``ValueError("config.some_id")`` is answered with that text
        of the catalogue.

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
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadConfig("config.file_missing", file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
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
        raise _explain(str(error), kind, path, text) from None


def _explain(message: str, kind: type, path: Path, text: str) -> BadConfig:
    """Turn msgspec's message into one of ours, with the line and what was probably meant."""
    place = _PLACE.match(message)
    assert place is not None
    why, inner = place["text"], (place["path"] or "").lstrip(".")

    def refuse(message_id: str, at: str, **fields: object) -> BadConfig:
        line = _line_of(text, at)
        where = f"{path}:{line}" if line else str(path)
        return BadConfig(message_id, file=where, path=at or "-", **fields)

    def inside(key: str) -> str:
        return f"{inner}.{key}" if inner else key

    if match := _UNKNOWN.match(why):
        known = _keys(_type_at(kind, inner))
        if close := _closest(match["key"], known):
            return refuse("config.unknown_key_suggest", inside(match["key"]), suggestion=close)
        return refuse("config.unknown_key", inside(match["key"]), known=", ".join(known))
    if match := _MISSING.match(why):
        return refuse("config.missing_key", inside(match["key"]))
    if match := _CHOICE.match(why):
        known = _choices(_type_at(kind, inner))
        value = match["value"].strip("'\"")
        if close := _closest(value, known):
            return refuse("config.bad_choice_suggest", inner, value=value, suggestion=close)
        return refuse("config.bad_choice", inner, value=value, known=", ".join(known))
    if match := _TYPE.match(why):
        expected = match["expected"].replace("`", "")
        return refuse("config.wrong_type", inner, expected=expected, got=match["got"])
    if match := _LIMIT.match(why):
        return refuse("config.impossible", inner, expected=match["expected"].replace("`", ""))
    if re.fullmatch(r"[a-z]+\.[a-z_]+", why):
        return refuse(why, inner)
    return refuse("config.impossible_why", inner, why=why)


def _closest(word: str, known: list[str]) -> str | None:
    """Find the known word that was meant; units at the end of a key are easily forgotten."""
    stems = {name.rsplit("_", 1)[0]: name for name in known}
    for candidates in (known, list(stems)):
        if found := difflib.get_close_matches(word.lower(), candidates, n=1, cutoff=0.6):
            return stems.get(found[0], found[0]) if found[0] not in known else found[0]
    return None


def _type_at(kind: type, path: str) -> inspect.Type:
    """Type of the value at ``band[0].mode``; `inspect.AnyType` where the path leads nowhere."""
    found = inspect.type_info(kind)
    for step in re.findall(r"[A-Za-z0-9_-]+|\[[^\]]*\]", path):
        found = _step(found, step)
    return found


def _step(kind: inspect.Type, step: str) -> inspect.Type:
    """One step into a table, a list or the one member of a union that has it."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for member in members:
        if step.startswith("["):
            if isinstance(member, inspect.ListType | inspect.VarTupleType):
                return member.item_type
            if isinstance(member, inspect.DictType):
                return member.value_type
        elif isinstance(member, inspect.StructType):
            for field in member.fields:
                if field.encode_name == step:
                    return field.type
    return inspect.AnyType()


def _keys(kind: inspect.Type) -> list[str]:
    """Keys that a table may have."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [
        field.encode_name
        for member in members
        if isinstance(member, inspect.StructType)
        for field in member.fields
    ]


def _choices(kind: inspect.Type) -> list[str]:
    """Words that a value may be."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return [
        str(value)
        for member in members
        if isinstance(member, inspect.LiteralType)
        for value in member.values
    ]


def _line_of(text: str, path: str) -> int | None:
    """Line of ``dongle[1].gain_db`` in a file written one key a line; None where not found."""
    wanted, counts, table, best = path.replace("]", ""), dict[str, int](), "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header["name"]
            if header["open"] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = f"{table}[{counts[table]}"
            if wanted == table or wanted.startswith((f"{table}.", f"{table}[")):
                best = number
        elif key := _KEY.match(line):
            full = f"{table}.{key['name']}" if table else key["name"]
            if full == wanted or wanted.startswith((f"{full}[", f"{full}.")):
                return number
    return best
