"""Words for people: one JSON catalogue per language, named placeholders, chosen at the edge."""

from __future__ import annotations

import json
import locale
import os
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


def say(message_id: str, lang: Lang, **fields: object) -> str:
    """Text of a message; an unknown id shows itself and its fields rather than nothing."""
    template = catalogue(lang).get(message_id)
    if template is None:
        return f"{message_id} " + ", ".join(f"{k}={v}" for k, v in fields.items())
    return template.format_map(fields)
