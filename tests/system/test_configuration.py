"""A configuration from the centre to the real daemon: one that works stays, another one goes."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.asking import Asking
from dashboard.configurations import pushed
from dashboard.keyring import Keyring
from dashboard.receiver import Receiver
from dashboard.store import Store
from sensors.keys import own_keys
from sensors.messages import Heartbeat, NoticeEvent

pytestmark = pytest.mark.system
SITE = """\
[site]
id = "school-3"
data = "site"
[monitor]
events = "{address}"
server_key = '{key}'
[[dongle]]
source = "scene:hall?sensor=hall&exam_s=9999"
position = "hall"
[[band]]
name = "low"
start_hz = 167.5e6
stop_hz = 170.5e6
max_revisit_s = 0.5
"""
BAND = """\
[[band]]
name = "high"
start_hz = 430e6
stop_hz = 433e6
max_revisit_s = 0.5
"""


async def until(true: Callable[[], Any], within_s: float = 30.0) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "did not happen in time"
        await asyncio.sleep(0.02)


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Keyring]:
    keyring = Keyring(tmp_path / "keys")
    site = own_keys(tmp_path / "site" / "keys.json")
    keyring.allow("school-3", site.curve_public, site.verify_key, "test")
    yield keyring
    keyring.close()


def test_one_that_fails_goes_and_one_that_works_stays(
    tmp_path: Path, address: str, ring: Keyring, store: Store
) -> None:
    file = tmp_path / "site.toml"
    old = SITE.format(address=address, key=ring.keys.curve_public.decode())
    file.write_text(old, encoding="utf-8")
    beats: list[Heartbeat] = []
    events: list[Any] = []

    def notices() -> list[str]:
        return [i.event.note.id for i in events if isinstance(i.event, NoticeEvent)]

    def bands() -> set[str]:
        return {band.name for band in beats[-1].sensors[0].bands} if beats else set()

    async def story() -> None:
        async with Receiver(
            address, store, keyring=ring, on_event=events.append, on_heartbeat=beats.append
        ) as centre:
            asking = Asking(store, centre, asyncio.get_running_loop(), ring, dict)
            site = subprocess.Popen(
                [sys.executable, "-m", "rfproctor", "sensor", file],
                cwd=tmp_path,
                stderr=subprocess.DEVNULL,
            )
            try:
                await until(lambda: bands() == {"low"})
                bad = old.replace("scene:hall?sensor=hall&", "scene:hall?sensor=nobody&")
                answer = await asyncio.to_thread(asking.configure, "school-3", bad, "ann")
                assert (answer.accepted, answer.note.id) == (True, "config.trying")
                await until(lambda: "config.taken_back" in notices())
                assert file.read_text(encoding="utf-8") == old
                beats.clear()
                await until(lambda: bands() == {"low"})

                good = old + BAND
                answer = await asyncio.to_thread(asking.configure, "school-3", good, "ann")
                assert answer.accepted
                await until(lambda: bands() == {"low", "high"})
                await until(lambda: "config.adopted" in notices())
                assert file.read_text(encoding="utf-8") == good
                rows = asking.history("school-3")[::-1]
                assert [row.act for row in rows] == ["site.order", "site.answer"] * 2
                assert rows[0].detail["version"] < rows[2].detail["version"]
                last, first = pushed(store.reader, "school-3")
                assert [(one.text, one.accepted) for one in (first, last)] == [
                    (bad, True),
                    (good, True),
                ]
                outcomes = [one.outcome.id for one in (first, last) if one.outcome is not None]
                assert outcomes == ["config.taken_back", "config.adopted"]
            finally:
                site.send_signal(signal.SIGTERM)
                await asyncio.to_thread(site.wait, 20)

    asyncio.run(asyncio.wait_for(story(), 100))
