"""What the centre lacks is found again after a start, the newest first, behind what is fresh."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sensors.backlog import RECEIPTS, SUFFIXES, Backlog, kept_of, note_settled
from sensors.clips import Clips
from sensors.messages import Kept, Offer

OLD, NEW = "20260606T090000.000Z_169.5000M_e1", "20260607T090000.000Z_169.5000M_e2"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two whole recordings, one without samples and one that is still written."""
    for base, suffixes in (
        (OLD, SUFFIXES),
        (NEW, SUFFIXES),
        ("20260607T080000.000Z_169.5000M_e3", SUFFIXES[-1:]),
        ("20260607T100000.000Z_169.5000M_e4", SUFFIXES[1:2]),
    ):
        day = tmp_path / "evidence" / f"{base[:4]}-{base[4:6]}-{base[6:8]}"
        day.mkdir(parents=True, exist_ok=True)
        for suffix in suffixes:
            (day / (base + suffix)).write_bytes((base + suffix).encode())
    return tmp_path / "evidence"


def offers(clips: Clips, now_s: float, count: int) -> list[Offer]:
    found: list[Offer] = []
    limit = time.monotonic() + 10.0
    while len(found) < count:
        assert time.monotonic() < limit, f"only {found}"
        if isinstance(message := clips.take(now_s), Offer):
            found.append(message)
        else:
            time.sleep(0.01)
    return found


def test_what_is_not_confirmed_is_offered_the_newest_first_one_recording_at_a_time(
    archive: Path,
) -> None:
    clips = Clips("s")
    note_settled(archive / "2026-06-07" / (NEW + SUFFIXES[0]), True)
    with Backlog(archive, clips):
        first = offers(clips, 0.0, 3)
        assert [one.name for one in first] == [
            NEW + SUFFIXES[1],
            NEW + SUFFIXES[2],
            OLD + SUFFIXES[0],
        ]
        assert all(one.late for one in first)
        time.sleep(0.7)
        assert clips.waiting == 3
        for one in first:
            clips.receive(Kept(one.name, one.sha256, True))
        rest = offers(clips, 0.0, 2)
        clips.receive(Kept(rest[0].name, rest[0].sha256, True))
        clips.receive(Kept(rest[1].name, rest[1].sha256, False))  # there is another of that name
    assert kept_of(archive / "2026-06-07") == {NEW + suffix for suffix in SUFFIXES}
    assert kept_of(archive / "2026-06-06") == {OLD + SUFFIXES[0], OLD + SUFFIXES[1]}
    assert list(Backlog(archive, clips).owed()) == [archive / "2026-06-06" / (OLD + SUFFIXES[2])]


def test_what_happens_now_goes_first(archive: Path) -> None:
    clips = Clips("s")
    with Backlog(archive, clips):
        offers(clips, 0.0, 3)
        fresh = archive / "2026-06-07" / "fresh.sigmf-meta"
        fresh.write_bytes(b"now")
        clips.offer(fresh)
        assert [one.name for one in offers(clips, 9.0, 2)] == [fresh.name, NEW + SUFFIXES[0]]


def test_a_torn_list_and_an_empty_archive_do_no_harm(archive: Path, tmp_path: Path) -> None:
    receipts = archive / "2026-06-07" / RECEIPTS
    receipts.write_text(f"{NEW}{SUFFIXES[0]}\n{NEW}.sig", encoding="utf-8")
    owed = [path.name for path in Backlog(archive, Clips("s")).owed()]
    assert owed[:2] == [NEW + SUFFIXES[1], NEW + SUFFIXES[2]]
    with Backlog(tmp_path / "nothing", clips := Clips("s")):
        time.sleep(0.05)
        assert clips.waiting == 0
