"""The live WebSocket: everything now, then what changes; rows of the windows that a page looks at.

Each browser has a slot for the newest version of every alarm and site and for the newest row of
every view.  One task per browser empties them at that browser's speed.  A slow browser finds newer
things in its slots and is told how many rows it missed; it holds up nobody else, and its memory
here is bounded by what exists, not by how slow it is.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.frames import reference_frame, row_frame
from dashboard.watcher import Watcher
from sensors.messages import Freq, Id, SpectrumReference, SpectrumRow, Watch

MAX_VIEWS = 16
MAX_BROWSERS = 200
GO_AWAY = 4401
"""Close code: the session is over."""
GONE = (WebSocketDisconnect, RuntimeError)
"""What sending to a closed connection raises."""
TICK_S = 1.0
"""The line says something at least so often: a page that hears nothing for longer is cut off."""

ViewId = Annotated[str, Meta(min_length=1, max_length=32)]


class WatchRequest(Struct, tag_field="op", tag="watch", frozen=True):
    """Send rows of this window as view ``id``."""

    id: ViewId
    sensor: Id
    start_hz: Freq
    stop_hz: Freq
    bins: Annotated[int, Meta(ge=1, le=8192)]


class UnwatchRequest(Struct, tag_field="op", tag="unwatch", frozen=True):
    """Stop."""

    id: ViewId


class Browser:
    """Slots of one connection.

    Attributes
    ----------
    may_stay : callable
    leave : asyncio.Event
        Set when it may not.
    skipped : dict
        Rows that were overwritten before they could be sent, by view.
    """

    def __init__(self, may_stay: Callable[[], bool] = lambda: True) -> None:
        self.may_stay = may_stay
        self.leave = asyncio.Event()
        self.views: dict[str, Window] = {}
        self.skipped: dict[str, int] = {}
        self._texts: dict[tuple[str, str], bytes] = {}
        self._rows: dict[str, bytes] = {}
        self._references: dict[str, bytes] = {}
        self._ready = asyncio.Event()

    def tell(self, kind: str, key: str, text: bytes) -> None:
        """Put a message into its slot; a newer one of the same kind and key takes its place."""
        self._texts[kind, key] = text
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

    async def run(self, websocket: WebSocket) -> None:
        """Send what is in the slots, for ever, at the speed of this browser."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._texts:  # before rows: an alarm never waits for a picture
                await websocket.send_text(self._texts.pop(next(iter(self._texts))).decode())
            for view in list(self._references):
                await websocket.send_bytes(self._references.pop(view))
            for view in list(self._rows):
                if (row := self._rows.pop(view, None)) is not None:
                    await websocket.send_bytes(row)
                if (count := self.skipped.pop(view, 0)) > 0:
                    text = msgspec.json.encode({"kind": "skipped", "id": view, "rows": count})
                    await websocket.send_text(text.decode())


class Window:
    """One window of one sensor, with the views that look at it."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.number = 0
        self.views: set[tuple[Browser, str]] = set()
        self.reference: SpectrumReference | None = None


class Live:
    """All browsers, and the windows that they look at.

    Parameters
    ----------
    snapshot : callable
        The first message of a connection: everything now.
    clock_ns : callable

    Attributes
    ----------
    watcher : Watcher
        Set before the first browser comes.
    browsers : set of Browser
    rows_sent, rows_skipped : int
    """

    watcher: Watcher

    def __init__(self, snapshot: Callable[[], bytes], clock_ns: Callable[[], int]) -> None:
        self.browsers: set[Browser] = set()
        self.rows_sent = 0
        self.rows_skipped = 0
        self._snapshot = snapshot
        self._clock_ns = clock_ns
        self._windows: dict[Watch, Window] = {}
        self._numbers: dict[int, Window] = {}

    def tell(self, kind: str, key: str, message: object) -> None:
        """Tell every browser that something changed; encoded once for all."""
        if self.browsers:
            text = msgspec.json.encode({"kind": kind, kind: message})
            for browser in self.browsers:
                browser.tell(kind, key, text)

    def row(self, row: SpectrumRow | SpectrumReference) -> None:
        """Hand a row or reference to the views that asked for it."""
        window = self._numbers.get(row.watch)
        if window is None:
            return
        if isinstance(row, SpectrumReference):
            window.reference = row
            for browser, view in window.views:
                browser.refer(view, reference_frame(view, row))
            return
        frames = {view: row_frame(view, row) for view in {view for _, view in window.views}}
        for browser, view in window.views:
            self.rows_skipped += browser.show(view, frames[view])
            self.rows_sent += 1

    async def tick(self) -> None:
        """Say the time once a second, for ever."""
        while True:
            text = msgspec.json.encode({"kind": "tick", "time_ns": self._clock_ns()})
            for browser in list(self.browsers):
                browser.tell("tick", "", text)
                if not browser.may_stay():
                    browser.leave.set()
            await asyncio.sleep(TICK_S)

    async def serve(
        self, websocket: WebSocket, may_stay: Callable[[], bool] = lambda: True
    ) -> None:
        """Serve one accepted connection until it ends.

        Parameters
        ----------
        websocket : WebSocket
        may_stay : callable
            Asked once a second: whoever signed out or lost the account hears nothing more.
        """
        if len(self.browsers) >= MAX_BROWSERS:
            await websocket.close(1013)
            return
        browser = Browser(may_stay)
        browser.tell("snapshot", "", self._snapshot())
        self.browsers.add(browser)
        tasks = [
            asyncio.create_task(work)
            for work in (
                browser.run(websocket),
                self._listen(browser, websocket),
                browser.leave.wait(),
            )
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.browsers.discard(browser)
            for view in list(browser.views):
                self._unwatch(browser, view)
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            # A browser that vanished is normal; everything else is a bug and must be seen.
            if isinstance(error, Exception) and not isinstance(error, GONE):
                raise error
        if browser.leave.is_set():
            with contextlib.suppress(*GONE):
                await websocket.close(GO_AWAY)

    async def _listen(self, browser: Browser, websocket: WebSocket) -> None:
        """Hear what a page wants until it leaves."""
        while True:
            received = await websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            self._take(browser, received.get("text") or received.get("bytes") or "")

    def _take(self, browser: Browser, text: str | bytes) -> None:
        """One message of a page; a wrong one is answered and changes nothing."""
        try:
            request = msgspec.json.decode(text, type=WatchRequest | UnwatchRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            self._refuse(browser, str(error))
            return
        if isinstance(request, UnwatchRequest):
            self._unwatch(browser, request.id)
        elif request.stop_hz <= request.start_hz:
            self._refuse(browser, "stop_hz must be above start_hz")
        elif request.id not in browser.views and len(browser.views) >= MAX_VIEWS:
            self._refuse(browser, f"at most {MAX_VIEWS} views")
        else:
            self._watch(browser, request)

    def _refuse(self, browser: Browser, why: str) -> None:
        browser.tell("error", "", msgspec.json.encode({"kind": "error", "why": why}))

    def _watch(self, browser: Browser, request: WatchRequest) -> None:
        self._unwatch(browser, request.id)
        wanted = Watch(
            sensor=request.sensor,
            start_hz=request.start_hz,
            stop_hz=request.stop_hz,
            n_bins=request.bins,
            credit=0,
            reference=True,
        )
        window = self._windows.get(wanted)
        if window is None:
            window = self._windows[wanted] = Window(wanted)
            window.number = self.watcher.watch(wanted)
            self._numbers[window.number] = window
        window.views.add((browser, request.id))
        browser.views[request.id] = window
        if window.reference is not None:
            browser.refer(request.id, reference_frame(request.id, window.reference))

    def _unwatch(self, browser: Browser, view: str) -> None:
        window = browser.views.pop(view, None)
        if window is None:
            return
        browser.forget(view)
        window.views.discard((browser, view))
        if not window.views:
            del self._windows[window.watch], self._numbers[window.number]
            self.watcher.unwatch(window.number)
