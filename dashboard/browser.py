"""One browser at the live WebSocket: what waits for it, sent at its own speed.

There is a slot for the newest version of every alarm and site and for the newest row of every view.
A slow browser finds newer things in its slots and is told how many rows it missed; it holds up
nobody else, and its memory here is bounded by what exists, not by how slow it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import islice

import msgspec
from starlette.websockets import WebSocket

from sensors.messages import Watch

Texts = dict[tuple[str, str], bytes]
"""Encoded messages by kind and key."""
FRAME_BYTES = 65_536
"""A text frame is full with so much: what else waits stays in its slots, where newer takes its
place, and is not held three times on its way to a slow browser."""


class Browser:
    """Slots of one connection.

    Parameters
    ----------
    may_stay : callable
        Asked once a second.
    lines : bool
        Its text frames may hold several messages, one a line.

    Attributes
    ----------
    leave : asyncio.Event
        Set when it may not stay.
    views : dict
        The window behind each view.
    skipped : dict
        Rows that were overwritten before they could be sent, by view.
    """

    def __init__(self, may_stay: Callable[[], bool] = lambda: True, *, lines: bool = False) -> None:
        self.may_stay = may_stay
        self.lines = lines
        self.leave = asyncio.Event()
        self.views: dict[str, Watch] = {}
        self.skipped: dict[str, int] = {}
        self._texts: Texts = {}
        self._rows: dict[str, bytes] = {}
        self._references: dict[str, bytes] = {}
        self._ready = asyncio.Event()

    def tell(self, texts: Texts) -> None:
        """Put messages into their slots; a newer one of the same kind and key takes its place."""
        self._texts.update(texts)
        self._ready.set()

    def show(self, view: str, row: bytes) -> bool:
        """Put a row into the slot of its view; True when it took the place of an unsent one."""
        skips = view in self._rows
        if skips:
            self.skipped[view] = self.skipped.get(view, 0) + 1
        self._rows[view] = row
        self._ready.set()
        return skips

    def refer(self, view: str, reference: bytes) -> None:
        """Put a reference into the slot of its view."""
        self._references[view] = reference
        self._ready.set()

    def forget(self, view: str) -> None:
        """Empty the slots of a view that is no longer wanted."""
        for slots in (self._rows, self._references, self.skipped):
            slots.pop(view, None)

    def _take_text(self) -> bytes:
        """Next text frame; what it holds leaves its slots."""
        parts: list[bytes] = []
        size = 0
        for text in self._texts.values():
            parts.append(text)
            size += len(text) + 1
            if size >= FRAME_BYTES or not self.lines:
                break
        for key in list(islice(self._texts, len(parts))):
            del self._texts[key]
        return b"\n".join(parts)

    async def run(self, websocket: WebSocket) -> None:
        """Send what is in the slots, for ever, at the speed of this browser."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._texts:  # before rows: an alarm never waits for a picture
                await websocket.send_text(self._take_text().decode())
            for view in list(self._references):
                await websocket.send_bytes(self._references.pop(view))
            for view in list(self._rows):
                if (row := self._rows.pop(view, None)) is not None:
                    await websocket.send_bytes(row)
                if (count := self.skipped.pop(view, 0)) > 0:
                    text = msgspec.json.encode({"kind": "skipped", "id": view, "rows": count})
                    await websocket.send_text(text.decode())
