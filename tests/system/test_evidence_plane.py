"""Files from site to monitor: whole, resumed, checked, never in the way of names or quotas."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest
import structlog

from dashboard.collect import ACTIVE, PART_DAYS, Collector
from dashboard.receiver import Receiver
from dashboard.store import Store
from sensors.clips import OFFERED, Clips
from sensors.keys import own_keys
from sensors.link import Link
from sensors.messages import BLOCK_BYTES, Block, Kept, Offer, Want
from sensors.outbox import Outbox
from sensors.wire import EVIDENCE_UP, Refused, encode

pytestmark = pytest.mark.system
BODY = random.Random(7).randbytes(5 * BLOCK_BYTES + 777)
SHA = hashlib.sha256(BODY).digest()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.sigmf-data"
    path.write_bytes(BODY)
    return path


def collector(tmp_path: Path, **more: Any) -> tuple[Collector, list[tuple[str, Path]]]:
    got: list[tuple[str, Path]] = []
    return Collector(tmp_path / "in", lambda *file: got.append(file), **more), got


def offer(**changes: Any) -> Offer:
    values: dict[str, Any] = {"site": "s", "name": "clip", "size": len(BODY), "sha256": SHA}
    return Offer(**(values | changes))


def block(offset: int, body: bytes = BODY) -> Block:
    return Block("clip", SHA, offset, body[offset : offset + BLOCK_BYTES])


def test_a_file_travels_and_the_site_is_told(
    tmp_path: Path, clip: Path, store: Store, address: str
) -> None:
    async def story() -> None:
        got: list[Any] = []
        keys = own_keys(tmp_path / "k")
        outbox = Outbox(tmp_path / "o.db", keys)
        async with Receiver(
            address, store, evidence=tmp_path / "in", on_file=lambda *file: got.append(file)
        ):
            with Link(outbox, keys, "school-3", ("school-3/hall",), events=address) as link:
                link.clips.offer(clip)
                began = time.monotonic()
                while link.clips.waiting:
                    assert time.monotonic() - began < 4.0  # not only when it is offered again
                    await asyncio.sleep(0.01)
                assert link.counters()["files_kept"] == 1
        outbox.close()
        assert got == [("school-3", tmp_path / "in" / "school-3" / clip.name)]
        assert got[0][1].read_bytes() == BODY

    asyncio.run(asyncio.wait_for(story(), 60))


def test_blocks_in_order_and_two_in_flight(tmp_path: Path) -> None:
    collect, got = collector(tmp_path)
    asked = [want.offset for _, want in collect.offered(offer(), b"r", 0.0)]
    assert asked == [0, BLOCK_BYTES]
    for number in range(6):
        replies = collect.arrived("s", block(number * BLOCK_BYTES), b"r", 0.0)
    assert [reply.intact for _, reply in replies] == [True]
    assert got[0][1].read_bytes() == BODY
    again = collect.offered(offer(), b"r", 1.0)
    assert again == [(b"r", Kept("clip", SHA, True))]


def test_a_break_is_resumed_where_the_part_ends(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    collect.offered(offer(), b"r", 0.0)
    collect.arrived("s", block(0), b"r", 0.0)
    collect, got = collector(tmp_path)  # the monitor restarts
    replies = collect.offered(offer(), b"r2", 0.0)
    assert replies[0] == (b"r2", Want("clip", SHA, BLOCK_BYTES))
    for number in range(1, 6):
        collect.arrived("s", block(number * BLOCK_BYTES), b"r2", 0.0)
    assert got[0][1].read_bytes() == BODY


def test_a_lost_block_is_asked_for_again(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    collect.offered(offer(), b"r", 0.0)
    assert collect.due(1.0) == []
    assert [want.offset for _, want in collect.due(6.0)] == [0, BLOCK_BYTES]


def test_repeated_and_early_blocks_change_nothing(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    collect.offered(offer(), b"r", 0.0)
    collect.arrived("s", block(0), b"r", 0.0)
    assert collect.arrived("s", block(0), b"r", 0.0) == []
    assert collect.arrived("s", block(3 * BLOCK_BYTES), b"r", 0.0) == []
    assert collect.counts["repeated"] == 2


def test_a_file_that_is_not_what_was_offered_is_never_kept(tmp_path: Path) -> None:
    collect, got = collector(tmp_path)
    spoiled = bytearray(BODY)
    spoiled[40_000] ^= 1
    collect.offered(offer(), b"r", 0.0)
    for number in range(6):
        replies = collect.arrived("s", block(number * BLOCK_BYTES, bytes(spoiled)), b"r", 0.0)
    assert (replies, got, collect.counts["damaged"]) == ([], [], 1)
    assert list((tmp_path / "in").rglob("*")) == [tmp_path / "in" / "s"]
    assert collect.offered(offer(), b"r", 1.0)[0][1].offset == 0  # from the start


def test_another_file_of_that_name_is_refused(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    (tmp_path / "in" / "s").mkdir(parents=True)
    (tmp_path / "in" / "s" / "clip").write_bytes(b"older")
    assert collect.offered(offer(), b"r", 0.0) == [(b"r", Kept("clip", SHA, False))]
    assert (tmp_path / "in" / "s" / "clip").read_bytes() == b"older"


def test_blocks_that_nobody_asked_for(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    with pytest.raises(Refused, match="unknown"):
        collect.arrived("s", block(0), b"r", 0.0)


def test_parts_that_will_never_be_whole_are_cleared_away(tmp_path: Path) -> None:
    gone = {("s", "gone")}
    collect, _ = collector(tmp_path)
    collect.offered(offer(), b"r", 0.0)
    collect.arrived("s", block(0), b"r", 0.0)
    folder = tmp_path / "in" / "s"
    for name in ("gone", "old", "fresh", "whole"):
        (folder / f"{name}.{'0' * 16}.part").write_bytes(b"x" * len(BODY))
    (folder / "whole").write_bytes(BODY)
    (folder / "no part of ours.part").touch()
    now_s = time.time()
    os.utime(folder / f"old.{'0' * 16}.part", (0, now_s - (PART_DAYS + 1) * 86_400))
    collect, _ = collector(tmp_path, is_gone=lambda *clip: clip in gone, quota_bytes=4 * len(BODY))
    assert collect.offered(offer(), b"r", 0.0) == []  # all is used up
    with structlog.testing.capture_logs() as logs:
        collect.clear_away(now_s)
    left = sorted(path.name for path in folder.iterdir())
    mine = f"clip.{SHA.hex()[:16]}.part"
    assert left == [mine, f"fresh.{'0' * 16}.part", "no part of ours.part", "whole"]
    assert collect.counts["part_gone"] == collect.counts["part_old"] == 1
    assert collect.counts["part_whole"] == 1
    assert {(line["event"], line["file"]) for line in logs} == {
        ("part_gone", "gone"),
        ("part_old", "old"),
        ("part_whole", "whole"),
    }
    assert collect.offered(offer(), b"r", 0.0) != []  # there is room again
    collect.clear_away(now_s + (PART_DAYS + 1) * 86_400)
    left = sorted(path.name for path in folder.iterdir())
    assert left == [mine, "no part of ours.part", "whole"]  # the first is being received


def test_quota_and_empty_files(tmp_path: Path) -> None:
    collect, got = collector(tmp_path, quota_bytes=1000)
    assert collect.offered(offer(), b"r", 0.0) == []
    assert collect.counts["full"] == 1
    empty = offer(size=0, sha256=hashlib.sha256(b"").digest())
    assert collect.offered(empty, b"r", 0.0)[0][1].intact
    assert got[0][1].read_bytes() == b""


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a" * 129, "a\\b", "a\0"])
def test_names_that_are_paths_are_not_even_decoded(name: str) -> None:
    with pytest.raises(Refused, match="malformed"):
        EVIDENCE_UP.decode(encode(offer(name=name)))


def test_the_site_offers_a_few_at_a_time_and_answers_only_for_its_own(tmp_path: Path) -> None:
    clips = Clips("s")
    for number in range(20):
        path = tmp_path / f"f{number}"
        path.write_bytes(bytes([number]) * 100)
        clips.offer(path)
    offers = []
    while (message := clips.take(0.0)) is not None:
        offers.append(message)
    assert len(offers) == OFFERED
    assert clips.take(4.0) is None
    assert isinstance(clips.take(5.0), Offer)
    first = offers[0]
    assert isinstance(first, Offer)
    clips.receive(Want("passwd", first.sha256, 0))
    clips.receive(Want(first.name, bytes(32), 0))
    clips.receive(Want(first.name, first.sha256, 60))
    answer = clips.take(5.0)
    assert answer == Block("f0", first.sha256, 60, bytes(40))
    clips.receive(Kept(first.name, first.sha256, True))
    assert clips.waiting == 19
    late = clips.take(5.0)
    assert isinstance(late, Offer)
    clips.unsent(late)  # the socket was full
    assert clips.take(5.0) == late
    clips.unsent(answer)  # of a file that the centre has by now
    assert clips.take(5.0) != answer
    (tmp_path / "f1").unlink()  # the archive made room
    clips.receive(Want("f1", hashlib.sha256(b"\1" * 100).digest(), 0))
    assert isinstance(clips.take(20.0), Offer)
    assert clips.counts["unreadable"] == 1


def test_a_file_of_the_past_gives_way_to_one_of_now_and_goes_on_after_it(tmp_path: Path) -> None:
    collect, got = collector(tmp_path)
    past, now = (
        offer(late=True),
        offer(name="now", size=10, sha256=hashlib.sha256(b"n" * 10).digest()),
    )
    collect.offered(past, b"r", 0.0)
    collect.arrived("s", block(0), b"r", 0.0)
    replies = collect.offered(now, b"r", 0.1)
    assert [(want.name, want.offset) for _, want in replies] == [("now", 0)]
    assert collect.arrived("s", block(BLOCK_BYTES), b"r", 0.2) == []  # it was under way
    replies = collect.arrived("s", Block("now", now.sha256, 0, b"n" * 10), b"r", 0.3)
    assert replies[0] == (b"r", Kept("now", now.sha256, True))
    assert [(want.name, want.offset) for _, want in replies[1:]] == [
        ("clip", BLOCK_BYTES),
        ("clip", 2 * BLOCK_BYTES),
    ]
    for number in range(1, 6):
        collect.arrived("s", block(number * BLOCK_BYTES), b"r", 0.4)
    assert [path.name for _, path in got] == ["now", "clip"]
    assert got[1][1].read_bytes() == BODY
    assert collect.counts["damaged"] == 0


def test_what_a_person_asked_for_goes_before_alarms_and_the_past(tmp_path: Path) -> None:
    clips = Clips("s")
    for number in range(20):
        path = tmp_path / f"f{number:02}"
        path.write_bytes(bytes([number]) * 100)
        clips.offer(path, late=number < 5)
    clips.offer(tmp_path / "f03", asked=True)  # it waited already, as one of the past
    clips.offer(tmp_path / "f19", asked=True)
    names = []
    while (message := clips.take(0.0)) is not None:
        names.append(message.name)
    assert names == ["f03", "f19", *(f"f{number:02}" for number in range(5, 11))]

    collect, got = collector(tmp_path)
    collect.offered(offer(), b"r", 0.0)
    collect.offered(offer(name="alarm"), b"r", 0.0)
    wanted = offer(name="asked", size=10, sha256=hashlib.sha256(b"n" * 10).digest(), asked=True)
    replies = collect.offered(wanted, b"r", 0.1)
    assert [(want.name, want.offset) for _, want in replies] == [("asked", 0)]
    replies = collect.arrived("s", Block("asked", wanted.sha256, 0, b"n" * 10), b"r", 0.2)
    assert [reply.name for _, reply in replies] == ["asked", "alarm", "alarm"]
    assert [path.name for _, path in got] == ["asked"]


def test_what_a_person_asked_for_finds_room_though_all_sites_send_alarms(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    for number in range(ACTIVE):
        assert collect.offered(offer(site=f"s{number}"), b"r", 0.0)
    assert collect.offered(offer(site="s98"), b"r", 0.0) == []
    assert collect.offered(offer(site="s99", asked=True), b"r", 0.0)
    assert collect.offered(offer(site="s98", asked=True), b"r", 0.0)


def test_files_of_the_past_leave_room_for_a_site_that_has_news(tmp_path: Path) -> None:
    collect, _ = collector(tmp_path)
    for number in range(ACTIVE):
        assert collect.offered(offer(site=f"s{number}", late=True), b"r", 0.0)
    assert collect.offered(offer(site="s99", late=True), b"r", 0.0) == []
    assert collect.offered(offer(site="s98"), b"r", 0.0)
    for number in range(1, ACTIVE):
        assert collect.offered(offer(site=f"n{number}"), b"r", 0.0)
    assert collect.offered(offer(site="s97"), b"r", 0.0) == []  # all of them are news now


def test_a_site_that_began_anew_does_not_wait_for_what_it_was_sending(tmp_path: Path) -> None:
    collect, got = collector(tmp_path)
    collect.offered(offer(), b"before", 0.0)
    collect.arrived("s", block(0), b"before", 0.0)
    other = offer(name="other", late=True)
    assert [want.name for _, want in collect.offered(other, b"after", 0.1)] == ["other"] * 2
    for number in range(6):
        replies = collect.arrived(
            "s",
            Block("other", SHA, number * BLOCK_BYTES, block(number * BLOCK_BYTES).data),
            b"after",
            0.2,
        )
    assert replies[1] == (b"after", Want("clip", SHA, BLOCK_BYTES))
    collect.offered(offer(late=True), b"after", 0.3)  # the same file, of the past by now
    for number in range(1, 6):
        collect.arrived("s", block(number * BLOCK_BYTES), b"after", 0.4)
    assert [path.name for _, path in got] == ["other", "clip"]
    assert got[1][1].read_bytes() == BODY
