"""The web server: uvicorn, ended by the program, that does not wait for who never asks.

A client that sends its request a letter a minute costs a connection; thousands of them would take
every file that the process may open, those of the sites and of the store too.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

import uvicorn

ASK_WITHIN_S = 20.0
"""For a whole request line with its headers, from the connection or the answer before on."""
MOST_WAITING = 500
"""Connections without a request; above that the longest waiting are closed at once."""


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the program decides how it ends."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._waiting: WeakKeyDictionary[Any, tuple[object, float]] = WeakKeyDictionary()
        self._swept_s = 0.0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def on_tick(self, counter: int) -> bool:
        """Do what uvicorn does ten times a second, and sweep."""
        now_s = time.monotonic()
        if now_s - self._swept_s >= 1.0 or len(self.server_state.connections) > MOST_WAITING:
            self._swept_s = now_s
            self._sweep(now_s)
        return await super().on_tick(counter)

    def _sweep(self, now_s: float) -> None:
        """Close connections that have waited too long for their next request, or are too many."""
        waits: list[tuple[float, Any]] = []
        for connection in self.server_state.connections:
            request = getattr(connection, "cycle", connection)  # a WebSocket has none
            if request is not None and not getattr(request, "response_complete", False):
                self._waiting.pop(connection, None)
                continue
            known = self._waiting.get(connection)
            since_s = known[1] if known is not None and known[0] is request else now_s
            self._waiting[connection] = (request, since_s)
            waits.append((since_s, connection))
        waits.sort(key=lambda wait: wait[0])
        spare = len(waits) - MOST_WAITING
        for number, (since_s, connection) in enumerate(waits):
            if number < spare or now_s - since_s > ASK_WITHIN_S:
                connection.transport.close()
