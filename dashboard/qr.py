"""A text as a QR code of half blocks, for a terminal: also over ssh, where it speaks UTF-8."""

from __future__ import annotations

from typing import TextIO

import segno

_HALVES = {(0, 0): "\u2588", (0, 1): "\u2580", (1, 0): "\u2584", (1, 1): " "}
"""Two modules above each other; light is drawn, so that it reads on a dark terminal."""
BORDER = 2
"""Modules of silence around the code."""


def qr_picture(text: str, out: TextIO) -> str:
    """Lines to print, or an empty text where the terminal cannot show them."""
    if not out.isatty():
        return ""
    code = segno.make(text, error="l", micro=False)
    try:
        picture = draw(code)
        picture.encode(out.encoding or "ascii")
    except UnicodeEncodeError:
        return ""
    return picture


def draw(code: segno.QRCode) -> str:
    """Draw with half blocks: one character is two modules high."""
    rows = [[int(module) for module in row] for row in code.matrix_iter(border=BORDER)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    return "\n".join(
        "".join(_HALVES[upper, lower] for upper, lower in zip(above, below, strict=True))
        for above, below in zip(rows[::2], rows[1::2], strict=True)
    )
