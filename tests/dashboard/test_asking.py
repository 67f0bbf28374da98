"""Orders to the sites: on record before and after, whatever becomes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard import asking as module
from dashboard.asking import ANSWER, NO_ANSWER, ORDER, Answered, Args, Asking
from dashboard.errors import Refused
from dashboard.state import Board, Site
from dashboard.store import Store
from sensors.messages import Answer, Heartbeat, Note

SECOND = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    centre = Store(f"sqlite:///{tmp_path}/monitor.db")
    yield centre
    centre.close()


class Line:
    """A carrier whose site answers when it is let."""

    def __init__(self) -> None:
        self.sent = 0
        self.answers = asyncio.Event()

    async def command(
        self, site: str, name: str, args: Args | None, *, lease_s: float, within_s: float
    ) -> Answer:
        self.sent += 1
        await self.answers.wait()
        return Answer(1, True, Note("command.done"))

    async def configure(
        self, site: str, version: int, text: bytes, signature: bytes, *, within_s: float
    ) -> Answer:
        raise AssertionError("nobody pushes a configuration here")


def board(silent_for_s: float = 0.0) -> Callable[[], Board]:
    now_ns = time.time_ns()
    since_ns = now_ns - round(silent_for_s * SECOND) if silent_for_s else 0
    beat = Heartbeat("school-3", "School 3", now_ns, now_ns, [])
    return lambda: {"school-3": Site(beat, since_ns or now_ns, since_ns)}


def with_asking(
    store: Store, board: Callable[[], Board], story: Callable[[Asking, Line], Awaitable[None]]
) -> list[tuple[str, dict[str, Any]]]:
    """Run a story; returns what is on record then, the oldest first."""

    async def run() -> None:
        line = Line()
        await story(Asking(store, line, asyncio.get_running_loop(), None, board), line)

    asyncio.run(asyncio.wait_for(run(), 20))
    rows = Asking(store, None, None, None, board).history("school-3")  # type: ignore[arg-type]
    return [(row.act, row.detail) for row in reversed(rows)]


def drill(asking: Asking) -> Answered:
    return asking.ask("school-3", "drill", {"minutes": 1.0}, "ann")


def test_a_site_that_the_board_calls_silent_is_refused_at_once(store: Store) -> None:
    async def story(asking: Asking, line: Line) -> None:
        with pytest.raises(Refused) as refused:
            await asyncio.to_thread(drill, asking)
        assert refused.value.message_id == "command.silent"
        assert (refused.value.status, refused.value.fields) == (
            409,
            {"site": "school-3", "seconds": 90},
        )
        assert line.sent == 0

    rows = with_asking(store, board(90.0), story)
    assert [act for act, _ in rows] == [ORDER, NO_ANSWER]
    assert rows[1][1]["why"] == "command.silent"
    assert rows[1][1]["args"] == {"site": "school-3", "seconds": 90}


def test_a_loop_that_does_not_come_to_it_is_no_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_S", -4.9)

    async def story(asking: Asking, line: Line) -> None:
        with pytest.raises(Refused, match="no_answer"):
            await asyncio.to_thread(drill, asking)
        line.answers.set()

    rows = with_asking(store, board(), story)
    assert [act for act, _ in rows] == [ORDER, NO_ANSWER]
    assert rows[1][1] == {"order": "drill", "why": "command.no_answer"}


def test_what_is_under_way_when_the_centre_stops_is_on_record(store: Store) -> None:
    async def story(asking: Asking, line: Line) -> None:
        asked = [asyncio.create_task(asyncio.to_thread(drill, asking)) for _ in range(3)]
        while line.sent < 3:
            await asyncio.sleep(0.01)
        await asyncio.to_thread(asking.close)
        # What close() has waited for is in the store: nobody writes there any more.
        counted = [row.act for row in asking.history("school-3")]
        assert sorted(counted) == [NO_ANSWER] * 3 + [ORDER] * 3
        ends = await asyncio.gather(*asked, return_exceptions=True)
        assert [end.message_id for end in ends if isinstance(end, Refused)] == (
            ["command.no_answer"] * 3
        )
        with pytest.raises(Refused, match="no_answer"):
            await asyncio.to_thread(drill, asking)
        assert line.sent == 3

    rows = with_asking(store, board(), story)
    assert len(rows) == 8


def test_an_answer_is_on_record(store: Store) -> None:
    async def story(asking: Asking, line: Line) -> None:
        line.answers.set()
        answer = await asyncio.to_thread(drill, asking)
        assert answer == Answered("school-3", "drill", True, Note("command.done"))

    rows = with_asking(store, board(), story)
    assert [act for act, _ in rows] == [ORDER, ANSWER]
