"""What the level above asked for is promised over a restart of the level between."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dashboard import owed
from dashboard.asking import Answered, Args, Asking
from dashboard.clips import SUFFIXES
from dashboard.owed import PATIENCE_S, Owed
from dashboard.passing import Passing
from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import Answer, Command, Note
from sensors.outbox import Outbox

BASE = "20260607T090000.000Z_169.5000M_e1"


class Obliging(Asking):
    """Stands for the line to the sites: they agree to everything."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, site: str, name: str, args: Args, author: str, lease_s: float = 30.0) -> Answered:
        self.asked.append(name)
        return Answered(site, name, True, Note("command.done"))


@pytest.fixture
def evidence(tmp_path: Path) -> Path:
    (tmp_path / "evidence" / "school-3").mkdir(parents=True)
    return tmp_path / "evidence"


@contextmanager
def relay(tmp_path: Path) -> Iterator[tuple[Passing, Link, Obliging]]:
    """One life of the level between; nobody above is reached."""
    keys = own_keys(tmp_path / "keys.json")
    outbox = Outbox(tmp_path / "upstream.db", keys)
    with Link(outbox, keys, "county-1", ()) as link:
        asking = Obliging()
        yield Passing(link, tmp_path / "evidence", asking), link, asking
    outbox.close()


def arrive(evidence: Path) -> None:
    for suffix in SUFFIXES:
        (evidence / "school-3" / (BASE + suffix)).write_bytes(suffix.encode())


async def steps(passing: Passing) -> None:
    for _ in range(20):
        await passing.step()
        await asyncio.sleep(0.01)


def fetch(link: Link, number: int = 7) -> None:
    until_ns = time.time_ns() + 10**10
    args: Args = {"site": "school-3", "file": f"{BASE}.sigmf-data"}
    link.orders.arrived(Command(number, "fetch", args, 30.0, until_ns), time.time_ns())


def test_a_recording_that_was_promised_is_offered_after_a_restart(
    tmp_path: Path, evidence: Path
) -> None:
    with relay(tmp_path) as (passing, link, asking):
        fetch(link)
        asyncio.run(steps(passing))
        assert (asking.asked, link.clips.waiting) == (["fetch"], 0)
    arrive(evidence)
    with relay(tmp_path) as (passing, link, asking):
        asyncio.run(steps(passing))
        assert (asking.asked, link.clips.waiting) == ([], 3)
    with relay(tmp_path) as (passing, link, _):
        asyncio.run(steps(passing))
        assert link.clips.waiting == 3  # nobody above has said that it has them
        for suffix, intact in zip(SUFFIXES, (True, True, False), strict=True):
            link.clips.on_settled(evidence / "school-3" / (BASE + suffix), intact)
        asyncio.run(steps(passing))
        assert json.loads((tmp_path / "owed.json").read_text()) == []


def test_what_does_not_come_is_given_up_and_too_much_is_declined(
    tmp_path: Path, evidence: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owed, "MOST", 1)
    with relay(tmp_path) as (passing, link, asking):
        fetch(link)
        asyncio.run(steps(passing))
        fetch(link, 8)
        asyncio.run(steps(passing))
        answers = {}
        while (answer := link.orders.ready()) is not None:
            answers[answer.number] = answer
        assert answers[7].accepted
        assert answers[8] == Answer(8, False, Note("command.busy"))
        assert asking.asked == ["fetch"]
    debts = Owed(tmp_path / "owed.json", 0.0)
    assert debts.overdue(PATIENCE_S - 1.0) == []
    assert [one.base for one in debts.overdue(PATIENCE_S + 1.0)] == [BASE]
    assert json.loads((tmp_path / "owed.json").read_text()) == []
