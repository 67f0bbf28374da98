"""Storage that fails at every single operation: nothing confirmed is lost, and it recovers."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))

from wire_disk import Disk, DiskVFS, Operation

from sensors.keys import Keys, make_keys
from sensors.messages import Note, NoticeEvent
from sensors.outbox import Outbox, OutboxFault, OutboxFull

# SQLite goes on after some failures (a checkpoint, a close), and apsw says that it swallowed ours.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
FILE = Path("/disk/outbox.db")


@pytest.fixture(scope="module")
def keys() -> Keys:
    return make_keys()


@pytest.fixture
def vfs() -> Iterator[DiskVFS]:
    layer = DiskVFS("faulty", Disk())
    yield layer
    layer.unregister()


def notice(text: str) -> NoticeEvent:
    return NoticeEvent("s", "s/hall", "info", Note(text), 1)


def failing(number: int, error: type[Exception], for_ever: bool) -> Callable[[Operation], None]:
    count = [0]

    def fail(_: Operation) -> None:
        count[0] += 1
        if count[0] == number or (for_ever and count[0] > number):
            raise error("planned")

    return fail


def story(vfs: DiskVFS, keys: Keys, appends: int = 12) -> tuple[list[bytes], int]:
    """Append until something fails; what was confirmed, and how many faults there were."""
    confirmed: list[bytes] = []
    faults = 0
    try:
        outbox = Outbox(FILE, keys, vfs=vfs.name)
    except OutboxFault:
        return confirmed, 1
    for number in range(appends):
        try:
            outbox.append(notice(str(number)))
            confirmed.append(outbox.head)
            if number % 3 == 2:
                outbox.ack(outbox.last - 1)
        except OutboxFault:
            faults += 1
    try:
        outbox.close()
    except apsw.Error:
        faults += 1
    return confirmed, faults


def healthy(vfs: DiskVFS, keys: Keys, confirmed: list[bytes]) -> None:
    """Everything confirmed is there, and it goes on without anybody's help."""
    vfs.disk.fail = None
    outbox = Outbox(FILE, keys, vfs=vfs.name)
    hashes = [stored.hash for stored in outbox.after(0, 1000)]
    assert hashes[: len(confirmed)] == confirmed
    assert outbox.append(notice("after")) == len(hashes) + 1
    outbox.close()


def operations(vfs: DiskVFS, keys: Keys) -> int:
    log: list[Operation] = []
    vfs.disk = Disk(log=log)
    story(vfs, keys)
    return len(log)


@pytest.mark.parametrize("for_ever", [False, True])
@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_an_error_at_every_operation(
    vfs: DiskVFS, keys: Keys, error: type[Exception], for_ever: bool
) -> None:
    count = operations(vfs, keys)
    assert count > 80
    for number in range(1, count + 1):
        vfs.disk = Disk(fail=failing(number, error, for_ever))
        confirmed, _ = story(vfs, keys)
        if for_ever:
            assert len(confirmed) <= 12
        healthy(vfs, keys, confirmed)


def test_a_failed_write_is_never_taken_for_a_good_one(vfs: DiskVFS, keys: Keys) -> None:
    """After a fault nothing is accepted until the file was opened anew and read."""
    outbox = Outbox(FILE, keys, vfs=vfs.name)
    outbox.append(notice("good"))
    vfs.disk.fail = failing(1, apsw.IOError, False)
    with pytest.raises(OutboxFault, match=r"outbox\.failed"):
        outbox.append(notice("bad"))
    with pytest.raises(OutboxFault, match=r"outbox\.failed"):
        outbox.append(notice("too early"))
    outbox.reopen()
    assert outbox.append(notice("good again")) in (2, 3)
    outbox.close()


def test_a_disk_that_fails_on_closing_too_is_opened_again(vfs: DiskVFS, keys: Keys) -> None:
    outbox = Outbox(FILE, keys, vfs=vfs.name)
    outbox.append(notice("good"))
    vfs.disk.fail = failing(1, apsw.IOError, for_ever=True)
    for _ in range(2):
        with pytest.raises(OutboxFault):
            outbox.append(notice("bad"))
        with suppress(OutboxFault):  # to open it needs no write
            outbox.reopen()
    vfs.disk.fail = None
    outbox.reopen()
    assert outbox.append(notice("good again")) == outbox.last
    assert next(iter(outbox.after(0, 1))).seq == 1
    outbox.close()


def test_full_at_many_sizes(tmp_path: Path, keys: Keys) -> None:
    large = NoticeEvent(
        "s", "s/hall", "info", Note("x", {f"k{n}": "y" * 200 for n in range(16)}), 1
    )
    for pages in range(64, 120):
        path = tmp_path / f"{pages}.db"
        outbox = Outbox(path, keys, max_bytes=pages * 4096)
        confirmed = 0
        with pytest.raises(OutboxFull):
            while True:
                outbox.append(large)
                confirmed += 1
        outbox.close()
        outbox = Outbox(path, keys, max_bytes=2 * pages * 4096)
        assert outbox.last == confirmed == len(outbox.after(0, 100_000))
        assert outbox.append(notice("more")) == confirmed + 1
        outbox.close()


def test_read_only_is_said_and_nothing_is_confirmed(vfs: DiskVFS, keys: Keys) -> None:
    outbox = Outbox(FILE, keys, vfs=vfs.name)
    outbox.append(notice("good"))

    def read_only(_: Operation) -> None:
        raise apsw.ReadOnlyError("planned")

    vfs.disk.fail = read_only
    for _ in range(3):
        with pytest.raises(OutboxFault):
            outbox.append(notice("bad"))
    vfs.disk.fail = None
    outbox.reopen()
    assert next(s.seq for s in outbox.after(0, 10)) == 1
    outbox.close()


def test_many_threads_append(tmp_path: Path, keys: Keys) -> None:
    outbox = Outbox(tmp_path / "o.db", keys)
    seen: list[int] = []

    def work(_: Any) -> None:
        for number in range(50):
            seen.append(outbox.append(notice(str(number))))
            outbox.after(max(0, outbox.last - 5), 10)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(1, 201))
    outbox.close()
    again = Outbox(tmp_path / "o.db", keys)  # verifies the chain
    assert again.last == 200
    again.close()
