"""Words for people: one JSON catalogue per language, named placeholders, chosen at the edge."""

from __future__ import annotations

import json
import locale
import os
import unicodedata
from functools import cache
from importlib import resources
from typing import Literal

Lang = Literal["en", "zh"]
LANGS: tuple[Lang, ...] = ("en", "zh")


@cache
def catalogue(lang: Lang) -> dict[str, str]:
    """All texts of a language by message id."""
    path = resources.files("sensors") / "locale" / f"{lang}.json"
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def default_lang() -> Lang:
    """Chinese where the user's locale is Chinese, else English."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"


def say(message_id: str, lang: Lang, /, **fields: object) -> str:
    """Text of a message; one that cannot be filled in shows its id and fields rather than nothing.

    Ids and fields may come from a site of another version, or of somebody else's making.
    """
    said = {
        name: plain(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    try:
        return catalogue(lang)[message_id].format_map(said)
    except (LookupError, ValueError, TypeError):
        return plain(f"{message_id} " + ", ".join(f"{k}={v}" for k, v in said.items()))


def plain(text: str) -> str:
    r"""Text without what moves a terminal's cursor, begins a line or turns the reading direction.

    Examples
    --------
    >>> plain("a\x1b[2J\n\u202eb　中")
    'a [2J  b　中'
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(" " if unicodedata.category(one)[0] == "C" else one for one in text)
