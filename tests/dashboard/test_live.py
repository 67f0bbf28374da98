from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dashboard import live as live_module
from dashboard.browser import FRAME_BYTES, Browser
from dashboard.frames import split
from dashboard.live import MAX_VIEWS, Live
from sensors.messages import SpectrumReference, SpectrumRow, Watch


class Sites:
    """Remembers what is watched."""

    def __init__(self) -> None:
        self.watches: dict[int, Watch] = {}
        self.count = 0

    def watch(self, watch: Watch) -> int:
        self.count += 1
        self.watches[self.count] = watch
        return self.count

    def unwatch(self, number: int) -> None:
        del self.watches[number]


class Line:
    """A connection whose other end takes messages when the test says so."""

    def __init__(self) -> None:
        self.taken: list[str | bytes] = []
        self.may_send = asyncio.Event()
        self.may_send.set()
        self.requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.closed_with: int | None = None

    async def _send(self, message: str | bytes) -> None:
        await self.may_send.wait()
        self.taken.append(message)

    send_text = send_bytes = _send

    async def receive(self) -> dict[str, Any]:
        return await self.requests.get()

    async def close(self, code: int) -> None:
        self.closed_with = code

    def ask(self, **request: Any) -> None:
        self.requests.put_nowait({"type": "websocket.receive", "text": json.dumps(request)})

    def leave(self) -> None:
        self.requests.put_nowait({"type": "websocket.disconnect"})

    def texts(self, kind: str) -> list[dict[str, Any]]:
        found = [
            json.loads(line) for m in self.taken if isinstance(m, str) for line in m.split("\n")
        ]
        return [message for message in found if message["kind"] == kind]

    def rows(self) -> list[dict[str, Any]]:
        return [split(m)[0] for m in self.taken if isinstance(m, bytes)]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "GATHER_S", 0.0)


def run(
    scene: Callable[[Live, Sites, Callable[[], Line]], Awaitable[None]], *, lines: bool = False
) -> None:
    """Run a scene with a live room and browsers that come when called."""

    async def main() -> None:
        live, sites = Live(lambda: b'{"kind":"snapshot"}', lambda: 5), Sites()
        live.watcher = sites
        tasks = []

        def browser() -> Line:
            line = Line()
            tasks.append(asyncio.create_task(live.serve(line, lines=lines)))  # type: ignore[arg-type]
            return line

        await scene(live, sites, browser)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert live.browsers == set()
        assert sites.watches == {}

    asyncio.run(main())


WINDOW = {"op": "watch", "sensor": "s/hall", "start_hz": 1e6, "stop_hz": 2e6, "bins": 10}


def row(number: int, seq: int) -> SpectrumRow:
    return SpectrumRow(
        sensor="s/hall",
        seq=seq,
        time_ns=seq,
        duration_s=0.1,
        start_hz=1e6,
        bin_width_hz=1e5,
        levels=bytes(10),
        watch=number,
    )


def test_a_slow_browser_skips_rows_is_told_and_slows_nobody() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        slow, fast = browser(), browser()
        slow.ask(id="a", **WINDOW)
        fast.ask(id="a", **WINDOW)
        await settle()
        slow.may_send.clear()
        for seq in range(100):
            live.row(row(1, seq))
            live.tell("alarm", "x", {"id": "x", "version": seq})
            await settle()
        assert [r["seq"] for r in fast.rows()] == list(range(100))
        assert slow.rows() == []
        slow.may_send.set()
        await settle()
        seqs = [r["seq"] for r in slow.rows()]
        assert seqs[-1] == 99 and len(seqs) <= 2
        told = sum(message["rows"] for message in slow.texts("skipped"))
        assert told == live.rows_skipped == 100 - len(seqs)
        versions = [message["alarm"]["version"] for message in slow.texts("alarm")]
        assert versions[-1] == 99 and len(versions) <= 2

    run(scene)


@pytest.mark.parametrize("lines", [False, True])
def test_what_happens_in_one_moment_is_one_frame_for_who_takes_lines(lines: bool) -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        line = browser()
        await settle()
        line.taken.clear()
        for version in range(3):
            for key in "abc":
                live.tell("alarm", key, {"id": key, "version": version})
        live.tell("notice", "n", {"site": "two\nlines"})
        await settle()
        told = [
            (alarm["id"], alarm["version"]) for m in line.texts("alarm") for alarm in [m["alarm"]]
        ]
        assert told == [("a", 2), ("b", 2), ("c", 2)]
        assert line.texts("notice")[0]["notice"] == {"site": "two\nlines"}
        assert len(line.taken) == (1 if lines else 4)

    run(scene, lines=lines)


def test_a_storm_is_told_in_frames_of_a_bounded_size_and_nothing_is_left_out() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        line = browser()
        await settle()
        line.taken.clear()
        for key in range(400):
            live.tell("alarm", str(key), {"id": str(key), "text": "x" * 1000})
        await settle()
        assert [m["alarm"]["id"] for m in line.texts("alarm")] == [str(key) for key in range(400)]
        assert max(len(frame) for frame in line.taken) < 1.1 * FRAME_BYTES

    run(scene, lines=True)


def test_alarms_go_before_rows() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        line = browser()
        line.ask(id="a", **WINDOW)
        await settle()
        line.taken.clear()
        line.may_send.clear()
        live.row(row(1, 1))
        await settle()
        live.row(row(1, 2))
        live.tell("alarm", "x", {"id": "x"})
        await settle()
        line.may_send.set()
        await settle()
        assert [isinstance(message, str) for message in line.taken] == [False, True, False]

    run(scene)


def test_equal_windows_are_asked_for_once_and_given_up_with_the_last() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        lines = [browser() for _ in range(5)]
        for index, line in enumerate(lines):
            line.ask(id=f"v{index}", **WINDOW)
        await settle()
        assert sites.count == 1
        reference = SpectrumReference(
            sensor="s/hall", start_hz=1e6, bin_width_hz=1e5, baseline=b"b", threshold=b"t", watch=1
        )
        live.row(reference)
        live.row(row(1, 7))
        late = browser()
        late.ask(id="late", **WINDOW)
        await settle()
        assert [r["id"] for line in lines for r in line.rows() if r["kind"] == "row"] == [
            f"v{i}" for i in range(5)
        ]
        assert [(r["kind"], r["id"]) for r in late.rows()] == [("reference", "late")]
        for line in [*lines[:-1], late]:
            line.leave()
        await settle()
        assert list(sites.watches) == [1]
        lines[-1].ask(op="unwatch", id="v4")
        await settle()
        assert sites.watches == {}

    run(scene)


def test_moving_a_window_forgets_the_old_one() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        line = browser()
        line.ask(id="a", **WINDOW)
        await settle()
        line.may_send.clear()
        line.ask(id="a", **{**WINDOW, "bins": 20})
        live.row(row(1, 1))
        await settle()
        live.row(row(1, 2))
        line.may_send.set()
        await settle()
        assert [w.n_bins for w in sites.watches.values()] == [20]
        assert 2 not in [r["seq"] for r in line.rows()]

    run(scene)


def test_a_page_cannot_ask_for_everything() -> None:
    async def scene(live: Live, sites: Sites, browser: Callable[[], Line]) -> None:
        line = browser()
        for index in range(MAX_VIEWS + 3):
            line.ask(id=f"v{index}", **{**WINDOW, "bins": index + 1})
            await settle()
        assert len(sites.watches) == MAX_VIEWS
        assert len(line.texts("error")) == 3

    run(scene)


@pytest.mark.parametrize("count", [1, 1000])
def test_memory_is_bounded_by_what_exists(count: int) -> None:
    async def main() -> None:
        browser = Browser()
        for version in range(3000):
            browser.tell({("alarm", str(version % count)): b"x"})
            browser.show("a", b"r")
        assert len(browser._texts) == count
        assert browser.skipped == {"a": 2999}

    asyncio.run(main())
