"""A key's fingerprint as eight words that two people can compare over a bad telephone line.

Words of the NATO spelling alphabet and digits, which radio people on every continent know; each
carries 5 bits: the letters A to Z and 4 to 9.
"""

from __future__ import annotations

import hashlib

_WORDS = (
    *("alfa", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india"),
    *("juliett", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo"),
    *("sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu"),
    *("4", "5", "6", "7", "8", "9"),
)
COUNT = 8
"""Words: 40 bits, one chance in a million million that a forged key reads the same."""


def fingerprint_words(verify_key: bytes) -> str:
    """Eight words that stand for a signing key.

    Examples
    --------
    >>> fingerprint_words(bytes(32))
    'mike zulu uniform hotel victor lima papa yankee'
    """
    number = int.from_bytes(hashlib.sha256(verify_key).digest()[:5], "big")
    return " ".join(_WORDS[number >> 5 * place & 31] for place in reversed(range(COUNT)))
