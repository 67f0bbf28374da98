"""What the centre asks of the real daemon over a simulated hall: done, with a lease, and told."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dashboard.receiver import Receiver
from dashboard.store import Store
from sdr.recording import open_recording
from sensors.messages import Heartbeat, NoticeEvent, SpectrumRow, Watch

pytestmark = pytest.mark.system
SENSOR = "school-3/hall"
NATIVE = round(1e6 * 1024 / 2.4e6)
"""Bins of the receiver in a window of 1 MHz."""
SITE = """\
[site]
id = "school-3"
data = "site"
[monitor]
events = "{address}"
insecure = true
[[dongle]]
source = "scene:hall?sensor=hall&exam_s=9999"
position = "hall"
[[band]]
name = "low"
start_hz = 167.5e6
stop_hz = 170.5e6
max_revisit_s = 0.5
[[band]]
name = "high"
start_hz = 430e6
stop_hz = 433e6
max_revisit_s = 0.5
"""


class Told:
    """What the centre of a test heard."""

    def __init__(self) -> None:
        self.beats: list[Heartbeat] = []
        self.events: list[Any] = []
        self.files: list[Path] = []
        self.rows: list[SpectrumRow] = []

    def notices(self, message_id: str) -> list[NoticeEvent]:
        events = [item.event for item in self.events]
        return [e for e in events if isinstance(e, NoticeEvent) and e.note.id == message_id]

    def notes(self) -> set[str]:
        return {note.id for sensor in self.beats[-1].sensors for note in sensor.notes}


async def until(true: Callable[[], Any], within_s: float = 30.0) -> None:
    limit = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < limit, "did not happen in time"
        await asyncio.sleep(0.02)


def with_a_site(
    tmp_path: Path, address: str, store: Store, story: Callable[[Receiver, Told], Awaitable[None]]
) -> None:
    told = Told()
    (tmp_path / "site.toml").write_text(SITE.format(address=address), encoding="utf-8")

    async def all_of_it() -> None:
        async with Receiver(
            address,
            store,
            on_event=told.events.append,
            on_heartbeat=told.beats.append,
            on_row=lambda row: told.rows.append(row) if isinstance(row, SpectrumRow) else None,
            evidence=tmp_path / "in",
            on_file=lambda _, path: told.files.append(path),
        ) as centre:
            site = subprocess.Popen(
                [sys.executable, "-m", "rfproctor", "--lang", "en", "sensor", "site.toml"],
                cwd=tmp_path,
                env={**os.environ, "NO_COLOR": "1"},
                stderr=subprocess.DEVNULL,
            )
            try:
                await until(lambda: told.beats and told.beats[-1].sensors[0].bands)
                await until(lambda: told.beats[-1].sensors[0].dwells_per_s > 0)
                await story(centre, told)
            finally:
                site.send_signal(signal.SIGTERM)
                await asyncio.to_thread(site.wait, 20)

    asyncio.run(asyncio.wait_for(all_of_it(), 90))


def revisits(told: Told) -> dict[str, float]:
    """Seconds since each band was visited, as the heartbeat tells."""
    return {band.name: band.revisit_s for band in told.beats[-1].sensors[0].bands}


def test_a_dongle_is_retasked_the_loss_is_shown_and_it_goes_back_by_itself(
    tmp_path: Path, address: str, store: Store
) -> None:
    async def story(centre: Receiver, told: Told) -> None:
        window = {"sensor": SENSOR, "start_hz": 168e6, "stop_hz": 169e6}
        would = await centre.command("school-3", "cost", window, lease_s=3.0)
        assert would.accepted and would.note.id == "retask.would"
        await asyncio.sleep(1.2)
        assert "retask.stays" not in told.notes()  # it only said so
        answer = await centre.command("school-3", "retask", window, lease_s=3.0)
        assert answer.accepted, answer
        assert answer.note.args == would.note.args
        assert answer.note.args["bands"] == "high"
        assert 0 < answer.note.args["lost"] < answer.note.args["hops"]
        await until(lambda: "retask.stays" in told.notes(), 3.0)
        assert told.beats[-1].sensors[0].state == "degraded"
        await until(lambda: revisits(told)["high"] > 2.0, 6.0)  # the truth, not the plan
        await until(lambda: told.notices("retask.stays"), 3.0)
        lost = told.notices("retask.stays")[0]
        assert (lost.level, lost.stop_ns - lost.start_ns) == ("warning", 3_000_000_000)
        await until(lambda: "retask.stays" not in told.notes(), 6.0)
        gap_s = revisits(told)["high"]
        await asyncio.sleep(2.0)
        assert revisits(told)["high"] < gap_s + 1.0  # visited again: the gap grows no longer

        for wrong, why in (
            ({"sensor": "school-3/x", "start_hz": 1.0, "stop_hz": 2.0}, "command.no_sensor"),
            ({"sensor": SENSOR, "start_hz": 900e6, "stop_hz": 901e6}, "retask.outside"),
            ({"sensor": SENSOR}, "command.wrong"),
            ({**window, "loud": 1}, "command.wrong"),
        ):
            answer = await centre.command("school-3", "retask", wrong)
            assert (answer.accepted, answer.note.id) == (False, why)
        answer = await centre.command("school-3", "dance")
        assert (answer.accepted, answer.note.id) == (False, "command.unknown")

    with_a_site(tmp_path, address, store, story)


def test_full_resolution_and_samples_of_a_window_with_the_hash_that_was_signed(
    tmp_path: Path, address: str, store: Store
) -> None:
    async def story(centre: Receiver, told: Told) -> None:
        number = centre.watch(Watch(SENSOR, 168e6, 169e6, NATIVE, 0))
        await until(lambda: len(told.rows) > 5)
        centre.unwatch(number)
        row = told.rows[-1]  # every bin that the receiver has, each with a level of its own
        assert (row.watch, row.bin_width_hz, len(row.levels)) == (number, 1e6 / NATIVE, NATIVE)
        assert 0 not in row.levels
        changes = [a != b for a, b in pairwise(row.levels)]
        assert min(sum(changes[::2]), sum(changes[1::2])) > NATIVE // 10

        await asyncio.sleep(2.0)
        now = time.time_ns()
        window = {
            "sensor": SENSOR,
            "freq_hz": 169e6,
            "start_ns": now - 2_000_000_000,
            "stop_ns": now + 1_000_000_000,
            "emitter": "e7",
        }
        answer = await centre.command("school-3", "record", window)
        assert answer.accepted, answer
        await until(
            lambda: [n for n in told.notices("evidence.kept") if n.note.args["emitter"] == "e7"]
        )
        kept = told.notices("evidence.kept")[-1]
        assert abs(kept.start_ns - window["start_ns"]) < 1_000_000_000
        assert abs(kept.stop_ns - window["stop_ns"]) < 1_000_000_000
        base = str(kept.note.args["file"]).removesuffix(".sigmf-meta")
        await until(lambda: len([p for p in told.files if p.name.startswith(base)]) == 3)
        folder = tmp_path / "in" / "school-3"
        digest = hashlib.sha256((folder / f"{base}.sha256").read_bytes()).hexdigest()
        assert digest == kept.note.args["sha256"]
        with open_recording(folder / f"{base}.sigmf-meta") as recording:
            assert abs(recording.center_freq_hz - 169e6) < 1.2e6
            assert recording.num_samples > 0

        # The centre loses it; an operator asks the site for it again.
        for path in folder.glob(f"{base}.*"):
            path.unlink()
        told.files.clear()
        answer = await centre.command("school-3", "fetch", {"file": f"{base}.sigmf-data"})
        assert (answer.accepted, answer.note.id) == (True, "fetch.offered")
        await until(lambda: len(told.files) == 3)
        answer = await centre.command("school-3", "fetch", {"file": "nothing"})
        assert (answer.accepted, answer.note.id) == (False, "fetch.unknown")

        for start_ns, stop_ns, why in (
            (now, now, "record.window"),
            (now, now + 40_000_000_000, "record.window"),
        ):
            wrong = {**window, "start_ns": start_ns, "stop_ns": stop_ns}
            answer = await centre.command("school-3", "record", wrong)
            assert (answer.accepted, answer.note.id) == (False, why)
        long_ago = {**window, "start_ns": 1, "stop_ns": 2_000_000_000}
        answer = await centre.command("school-3", "record", long_ago)
        await until(lambda: told.notices("record.nothing_held"))

    with_a_site(tmp_path, address, store, story)
