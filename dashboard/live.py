"""The live WebSocket: everything now, then what changes; rows of the windows that a page looks at.

News are gathered for a moment and then put into the slots of all browsers at once
(`dashboard.browser`): in a storm of alarms a page that takes several messages in one frame gets
twenty frames a second, not two thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from starlette.websockets import WebSocket, WebSocketDisconnect

from dashboard.browser import Browser, Texts
from dashboard.errors import NOT_JSON
from dashboard.frames import reference_frame, row_frame
from dashboard.watcher import Watcher
from sensors.messages import Freq, Id, SpectrumReference, SpectrumRow, Watch

MAX_VIEWS = 64
MAX_BROWSERS = 200
GO_AWAY = 4401
"""Close code: the session is over."""
GONE = (WebSocketDisconnect, RuntimeError)
"""What sending to a closed connection raises."""
GATHER_S = 0.05
"""News wait so long for company."""
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


class Window:
    """One window of one sensor, with the views that look at it."""

    def __init__(self, number: int) -> None:
        self.number = number
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
        self._news: Texts = {}

    def tell(self, kind: str, key: str, message: object) -> None:
        """Tell every browser that something changed, soon; encoded once for all."""
        if not self.browsers:
            return
        if not self._news:
            asyncio.get_running_loop().call_later(GATHER_S, self._spread)
        self._news[kind, key] = msgspec.json.encode({"kind": kind, kind: message})

    def _spread(self) -> None:
        """Hand what was gathered to every browser."""
        news, self._news = self._news, {}
        for browser in self.browsers:
            browser.tell(news)

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
                browser.tell({("tick", ""): text})
                if not browser.may_stay():
                    browser.leave.set()
            await asyncio.sleep(TICK_S)

    async def serve(
        self,
        websocket: WebSocket,
        may_stay: Callable[[], bool] = lambda: True,
        *,
        lines: bool = False,
    ) -> None:
        """Serve one accepted connection until it ends.

        Parameters
        ----------
        websocket : WebSocket
        may_stay : callable
            Asked once a second: whoever signed out or lost the account hears nothing more.
        lines : bool
            Its text frames may hold several messages, one a line.
        """
        if len(self.browsers) >= MAX_BROWSERS:
            await websocket.close(1013)
            return
        browser = Browser(may_stay, lines=lines)
        browser.tell({("snapshot", ""): self._snapshot()})
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
        except NOT_JSON as error:
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
        browser.tell({("error", ""): msgspec.json.encode({"kind": "error", "why": why})})

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
            window = self._windows[wanted] = Window(self.watcher.watch(wanted))
            self._numbers[window.number] = window
        window.views.add((browser, request.id))
        browser.views[request.id] = wanted
        if window.reference is not None:
            browser.refer(request.id, reference_frame(request.id, window.reference))

    def _unwatch(self, browser: Browser, view: str) -> None:
        watch = browser.views.pop(view, None)
        if watch is None:
            return
        window = self._windows[watch]
        browser.forget(view)
        window.views.discard((browser, view))
        if not window.views:
            del self._windows[watch], self._numbers[window.number]
            self.watcher.unwatch(window.number)
