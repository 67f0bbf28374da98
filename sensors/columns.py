"""Text in columns for a terminal, where a Chinese character is two cells wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def cells(text: str) -> int:
    """Width of a text in terminal cells.

    Examples
    --------
    >>> cells("MHz"), cells("频段")
    (3, 4)
    """
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - sum(unicodedata.combining(character) != 0 for character in text)


def columns(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Lay out rows, the first ``left`` columns to the left and the others to the right.

    Examples
    --------
    >>> print(columns([("band", "P"), ("频段", "0.5")]))
    band    P
    频段  0.5
    """
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        parts = []
        for index, (text, width) in enumerate(zip(row, widths, strict=True)):
            pad = " " * (width - cells(text))
            parts.append(text + pad if index < left else pad + text)
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)
