"""What somebody reads first who opens a bundle."""

from __future__ import annotations

from datetime import UTC, datetime

from sensors.fingerprint import fingerprint_words
from sensors.keys import Keys
from sensors.text import Lang, say


def readme(lang: Lang, monitor: str, alarm: str, site: str, keys: Keys, now_ns: int) -> str:
    """The text of ``README``: what is in it, and how it is checked."""
    return say(
        "bundle.readme",
        lang,
        monitor=monitor,
        alarm=alarm,
        site=site,
        made=datetime.fromtimestamp(now_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        key=keys.key_id,
        words=fingerprint_words(keys.verify_key),
    )
