"""Answers that a browser saves as a file: a text, or one of the sites' recordings."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from starlette.responses import Response, StreamingResponse

PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class TextFile:
    """A text.

    Attributes
    ----------
    name : str
        For saving; ASCII.
    text : str
    media : str
        A CSV file begins with the byte order mark that makes Excel read Chinese.
    """

    name: str
    text: str
    media: str = "text/csv"

    def response(self) -> Response:
        """Answer with it."""
        coding = "utf-8-sig" if self.media == "text/csv" else "utf-8"
        return Response(
            self.text.encode(coding), media_type=self.media, headers=_save_as(self.name)
        )


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that is open for reading, from its first byte.

    Attributes
    ----------
    name : str
    file : BinaryIO
    num_bytes : int
    sha256 : bytes
    media : str
    """

    name: str
    file: BinaryIO
    num_bytes: int
    sha256: bytes
    media: str = "application/octet-stream"

    def response(self) -> Response:
        """Answer with it, in pieces; its hash travels along."""
        headers = {
            **_save_as(self.name),
            "Content-Length": str(self.num_bytes),
            "Repr-Digest": f"sha-256=:{base64.b64encode(self.sha256).decode()}:",
        }
        return StreamingResponse(self._pieces(), media_type=self.media, headers=headers)

    def _pieces(self) -> Iterator[bytes]:
        with self.file:
            while piece := self.file.read(PIECE):
                yield piece


Saved = TextFile | OpenFile


def _save_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
