"""What is wrong in a configuration file: file, line, key and what would be right, in one sentence.

msgspec says it in the words of a programmer; here it becomes a message id and its fields.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any

from msgspec import inspect

from sdr.source import UserError

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<key>.*?)`")
_MISSING = re.compile(r"Object missing required field `(?P<key>.*?)`")
_OURS = re.compile(r"(?:(?P<key>[\w.\[\]]+): )?(?P<id>[a-z]+\.[a-z_]+)")
_PLACE = re.compile(r"^(?P<text>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_STEP = re.compile(r"[A-Za-z0-9_-]+|\[[^\]]*\]")
_HEADER = re.compile(r"^\s*(?P<open>\[\[?)\s*(?P<name>[^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*["']?(?P<name>[A-Za-z0-9_.-]+)["']?\s*=""")
SHOWN = 60
"""Characters of a wrong value that are shown."""


class BadConfig(UserError):
    """A configuration file cannot be used as it is; the text says where and what would do."""


def explain(message: str, kind: type, path: Path, text: str, document: Any) -> BadConfig:
    """Turn msgspec's message into one of ours, with the line and what was probably meant.

    Parameters
    ----------
    message : str
        Of a ``msgspec.ValidationError``.  ``key: config.some_id`` is a ``__post_init__``'s own.
    kind : type
        What the file should have been.
    path, text, document : Path, str, dict
        The file, what is in it, and that as TOML.
    """
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
        key = inside(match["key"])
        wanted = _bare(_type_at(kind, key))
        if isinstance(wanted, inspect.ListType | inspect.StructType):
            table = f"[[{key}]]" if isinstance(wanted, inspect.ListType) else f"[{key}]"
            return refuse("config.missing_table", key, table=table)
        return refuse("config.missing_key", key)
    if match := _OURS.fullmatch(why):
        at = inside(match["key"]) if match["key"] else inner
        return refuse(match["id"], at, got=_shown(_value_at(document, at)))
    value = _value_at(document, inner)
    wanted = _type_at(kind, inner)
    if choices := _choices(wanted):
        if isinstance(value, str) and (close := _closest(value, choices)):
            return refuse("config.bad_choice_suggest", inner, value=_shown(value), suggestion=close)
        known_choices = ", ".join(choices)
        return refuse("config.bad_choice", inner, value=_shown(value), known=known_choices)
    message_id, fields = _wanted(wanted, value)
    return refuse(message_id, inner, got=_shown(value), **fields)


def place_of(path: Path, at: str) -> str:
    """File and line of a key, for a mistake that shows only when the whole file is understood."""
    line = _line_of(path.read_text(encoding="utf-8-sig"), at)
    return f"{path}:{line}" if line else str(path)


def _wanted(kind: inspect.Type, value: object) -> tuple[str, dict[str, object]]:
    """Say what a value should have been."""
    plain = _bare(kind)
    if isinstance(plain, inspect.FloatType | inspect.IntType):
        whole = isinstance(plain, inspect.IntType)
        return "config.want_whole" if whole else "config.want_number", {"limits": _limits(plain)}
    if isinstance(plain, inspect.BoolType):
        return "config.want_flag", {}
    if isinstance(plain, inspect.ListType | inspect.VarTupleType):
        if plain.min_length and not value:
            return "config.want_some", {}
        if isinstance(value, list) and plain.max_length and len(value) > plain.max_length:
            return "config.want_fewer", {"most": plain.max_length, "count": len(value)}
        return "config.want_list", {}
    if isinstance(plain, inspect.TupleType):
        return "config.want_so_many", {"count": len(plain.item_types)}
    if isinstance(plain, inspect.StructType | inspect.DictType):
        return "config.want_table", {}
    if isinstance(plain, inspect.CustomType):
        return "config.path_expected", {}
    if isinstance(plain, inspect.StrType) and isinstance(value, str):
        if plain.max_length is not None and len(value) > plain.max_length:
            return "config.want_shorter", {"most": plain.max_length, "count": len(value)}
        if example := _example(kind):
            return "config.want_form", {"example": example}
        if not value:
            return "config.want_filled", {}
    return "config.want_text", {}


def _limits(kind: inspect.FloatType | inspect.IntType) -> str:
    """Limits as everybody writes them; empty without any."""
    low, high = (kind.ge, kind.gt), (kind.le, kind.lt)
    if low != (None, None) and high != (None, None):
        left = f"{kind.ge:g} …" if kind.ge is not None else f"> {kind.gt:g} …"
        right = f"{kind.le:g}" if kind.le is not None else f"< {kind.lt:g}"
        return f" ({left} {right})"
    signs = ((">", kind.gt), ("≥", kind.ge), ("<", kind.lt), ("≤", kind.le))
    words = [f"{sign} {limit:g}" for sign, limit in signs if limit is not None]
    return f" ({' '.join(words)})" if words else ""


def _shown(value: object) -> str:
    """A wrong value as it stands in the file, on one line and not too long."""
    if isinstance(value, bool):
        return str(value).lower()
    text = repr(value) if isinstance(value, str) else " ".join(str(value).split())
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def _closest(word: str, known: list[str]) -> str | None:
    """Find the known word that was meant; units at the end of a key are easily forgotten."""
    stems = {name.rsplit("_", 1)[0]: name for name in known}
    for candidates in (known, list(stems)):
        if found := difflib.get_close_matches(word.lower(), candidates, n=1, cutoff=0.6):
            return stems.get(found[0], found[0]) if found[0] not in known else found[0]
    return None


def _value_at(document: Any, path: str) -> Any:
    """The value at ``band[0].mode``; None where there is none."""
    found = document
    for step in _STEP.findall(path):
        if step == "[...]":  # of a table whose keys are free: which one is not told
            return found
        try:
            found = found[int(step[1:-1])] if step.startswith("[") else found[step]
        except (LookupError, TypeError, ValueError):
            return None
    return found


def _type_at(kind: type, path: str) -> inspect.Type:
    """Type of the value at ``band[0].mode``; `inspect.AnyType` where the path leads nowhere."""
    found = inspect.type_info(kind)
    for step in _STEP.findall(path):
        found = _step(found, step)
    return found


def _step(kind: inspect.Type, step: str) -> inspect.Type:
    """One step into a table, a list or the one member of a union that has it."""
    for member in _members(kind):
        if step.startswith("["):
            if isinstance(member, inspect.ListType | inspect.VarTupleType):
                return member.item_type
            if isinstance(member, inspect.TupleType):
                return member.item_types[int(step[1:-1])]
            if isinstance(member, inspect.DictType):
                return member.value_type
        elif isinstance(member, inspect.StructType):
            for field in member.fields:
                if field.encode_name == step:
                    return field.type
    return inspect.AnyType()


def _members(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    """What a value may be, without remarks and without "not given"."""
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    return tuple(one for one in members if not isinstance(one, inspect.NoneType))


def _bare(kind: inspect.Type) -> inspect.Type:
    """The one thing that a value may be."""
    return next(iter(_members(kind)), kind)


def _example(kind: inspect.Type) -> str:
    """How a text of a certain form looks: ``Meta(examples=[...])``."""
    members = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
    for member in members:
        if isinstance(member, inspect.Metadata):
            for example in (member.extra_json_schema or {}).get("examples", []):
                return str(example)
    return ""


def _keys(kind: inspect.Type) -> list[str]:
    """Keys that a table may have."""
    return [
        field.encode_name
        for member in _members(kind)
        if isinstance(member, inspect.StructType)
        for field in member.fields
    ]


def _choices(kind: inspect.Type) -> list[str]:
    """Values of a choice."""
    return [
        str(value)
        for member in _members(kind)
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
