from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import reference_table, schema
from dashboard.access import Identity
from dashboard.answers import Call, Monitor
from dashboard.exports import PowerQuery, get_rtl_power_file
from dashboard.picture import Frame
from dashboard.pyramid import DAY_NS, SECOND, Codes
from dashboard.recorder import Recorder, in_use_since, references
from dashboard.reference_answers import ReferenceQuery, References, Signed, get_references
from dashboard.references import MOST_ENDED, Following, Reference, joined, under
from dashboard.state import Board, beat
from dashboard.store import Store
from dashboard.tiles import TileFiles
from sensors.messages import (
    BandWatch,
    Heartbeat,
    SensorHealth,
    SpectrumReference,
    SpectrumRow,
    Watch,
)

MIDNIGHT = 20_000 * DAY_NS
NOON = MIDNIGHT + DAY_NS // 2
MINUTE = 60 * SECOND
BINS = 5


def both(level: int, over: int = 20) -> Codes:
    return np.array([[level] * BINS, [level + over] * BINS], dtype=np.uint8)


def reference(level: int, baseline: str = "abc", first_s: int = 0, stop_s: int = 0) -> Reference:
    first_ns, stop_ns = NOON + first_s * SECOND, NOON + stop_s * SECOND
    if not stop_s:
        first_ns = stop_ns = 0
    return Reference("s/hall", 100e6, 1e3, baseline, first_ns, stop_ns, both(level))


def times(found: list[Reference]) -> list[tuple[str, int, int, int]]:
    """Name, level, first and last second after noon."""
    return [
        (
            one.baseline,
            int(one.codes[0, 0]),
            (one.first_ns - NOON) // SECOND,
            (one.stop_ns - NOON) // SECOND,
        )
        for one in found
    ]


def heard(following: Following, *seconds: int) -> None:
    for second in seconds:
        assert following.row(NOON + second * SECOND, NOON + (second + 1) * SECOND) == 0


def test_only_what_changes_is_kept_with_its_times() -> None:
    following = Following()
    heard(following, 0)
    for _ in range(3):
        following.refer(reference(50))
    assert following.known() == []
    heard(following, 1, 2, 3)
    following.refer(reference(50))
    heard(following, 4)
    following.refer(reference(60, "def"))
    heard(following, 5, 6)
    following.refer(None)
    heard(following, 7)
    assert times(following.known()) == [("abc", 50, 1, 5), ("def", 60, 5, 7)]


def test_a_name_that_comes_after_its_levels_names_them() -> None:
    following = Following()
    following.refer(reference(50, "old"))
    heard(following, *range(30))
    following.refer(reference(60, "old"))  # the next heartbeat brings the name
    heard(following, 30, 31)
    following.refer(reference(60, "new"))
    heard(following, 32)
    assert times(following.known()) == [("old", 50, 0, 30), ("new", 60, 30, 33)]


def test_a_silence_and_a_clock_set_back_begin_anew() -> None:
    following = Following()
    following.refer(reference(50))
    heard(following, 0, 1, 500, 501, 20)
    assert times(following.known()) == [
        ("abc", 50, 0, 2),
        ("abc", 50, 500, 502),
        ("abc", 50, 20, 21),
    ]


def test_what_changes_with_every_row_is_bounded_and_counted() -> None:
    following, lost = Following(), 0
    for second in range(40):
        lost += following.refer(reference(second + 1))
        heard(following, second)
    assert len(following.known()) == MOST_ENDED + 1
    assert lost == 40 - MOST_ENDED - 1
    following.written(following.known())
    assert times(following.known()) == [("abc", 40, 39, 40)]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 90)), min_size=1, max_size=20))
def test_every_row_is_under_the_reference_of_its_time_however_it_was_written(
    steps: list[tuple[int, int]],
) -> None:
    following, written, second = Following(), dict[int, Reference](), 0
    true: dict[int, int] = {}
    for level, rows in steps:
        following.refer(reference(level))
        for _ in range(rows):
            following.row(NOON + second * SECOND, NOON + (second + 1) * SECOND)
            true[second] = level
            second += 1
        known = following.known()
        written.update({one.first_ns: one for one in known})
        following.written(known)
    found = joined(written.values())
    told = {
        at: int(one.codes[0, 0])
        for one in found
        for at in range((one.first_ns - NOON) // SECOND, (one.stop_ns - NOON) // SECOND)
    }
    assert told == true
    changes = sum(a != b for (a, _), (b, _) in itertools.pairwise(steps))
    assert len(found) == changes + 1


def test_a_baseline_of_days_ago_is_told_since_it_began(recorder: Recorder) -> None:
    """It knows the hours, so that its levels change, and another one was there before it."""
    following = Following()
    following.refer(reference(40, "old"))
    for minute in range(3 * 24 * 60):
        if minute >= 100 and minute % 60 == 40:
            following.refer(reference(50 + minute // 60 % 3, "abc"))
        at_ns = MIDNIGHT + minute * MINUTE
        following.row(at_ns, at_ns + MINUTE)
        if minute % 10 == 0:
            recorder.files.write([], following.known())
            following.written(following.known())
    recorder.files.write([], following.known())
    stop_ns = MIDNIGHT + 3 * DAY_NS
    (found,) = references(recorder, "s/hall", stop_ns - SECOND, stop_ns, 0.0, 1e9)
    assert (found.first_ns, found.stop_ns) == (stop_ns - 20 * MINUTE, stop_ns)
    assert in_use_since(recorder, found) == MIDNIGHT + 100 * MINUTE
    recorder.close()


def test_a_day_keeps_its_own_and_takes_them_along(tmp_path: Path) -> None:
    files = TileFiles(tmp_path)
    following = Following()
    following.refer(reference(50))
    for hour in (22, 23, 24, 25):
        for second in range(3):
            start_ns = MIDNIGHT + hour * 3600 * SECOND + second * SECOND
            following.row(start_ns, start_ns + SECOND)
        files.write([], following.known())
        following.written(following.known())
    window = (MIDNIGHT, MIDNIGHT + 2 * DAY_NS, 100e6, 100.005e6)
    assert [p.name for p in sorted(tmp_path.glob("*.db"))] == ["2024-10-04.db", "2024-10-05.db"]
    assert len(list(files.references("s/hall", *window))) == 4
    assert list(files.references("s/yard", *window)) == []
    assert list(files.references("s/hall", *window[:2], 100.005e6, 101e6)) == []
    files.expire(MIDNIGHT + 2 * DAY_NS, 1)
    (one, other) = files.references("s/hall", *window)
    assert one.first_ns == MIDNIGHT + DAY_NS and other.same_as(one)
    assert one.codes.tolist() == both(50).tolist()
    files.close()


def test_equal_levels_are_stored_once_and_a_day_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reference_table, "MOST_A_DAY", 4)
    files = TileFiles(tmp_path)
    for at in range(6):
        files.write([], [reference(50 + at % 2, first_s=100 * at, stop_s=100 * at + 1)])
    files.write([], [reference(50, first_s=0, stop_s=60)])  # goes on
    assert files.references_lost == 2
    found = list(files.references("s/hall", NOON, NOON + DAY_NS // 4, 0, 1e9))
    assert times(found) == [
        ("abc", 50, 0, 60),
        ("abc", 51, 100, 101),
        ("abc", 50, 200, 201),
        ("abc", 51, 300, 301),
    ]
    (writer,) = files._writers.values()
    assert writer.execute("SELECT count(*) FROM reference").fetchone() == (2,)
    files.close()


def test_a_day_from_before_they_were_kept_has_none(tmp_path: Path) -> None:
    files = TileFiles(tmp_path)
    files.write([], [reference(50, first_s=0, stop_s=1)])
    (writer,) = files._writers.values()
    with writer:
        writer.execute("DROP TABLE reference")
    assert list(files.references("s/hall", NOON, NOON + SECOND, 0, 1e9)) == []
    files.close()


def test_each_row_of_a_picture_has_the_baseline_of_its_time() -> None:
    known = [reference(50, first_s=0, stop_s=10), reference(60, first_s=15, stop_s=30)]
    frame = Frame(NOON, NOON + 30 * SECOND, 100e6, 100.01e6, 10, 6)
    rows = np.stack(list(under(frame, known)))
    assert rows[:, 0].tolist() == [50, 50, 0, 60, 60, 60]
    assert rows[0].tolist() == [50] * BINS + [0] * 5


class Site:
    def __init__(self) -> None:
        self.watches: list[Watch] = []

    def watch(self, watch: Watch) -> int:
        self.watches.append(watch)
        return len(self.watches)

    def unwatch(self, number: int) -> None: ...


def board(baseline: str) -> Board:
    band = BandWatch("b", 100e6, 100.01e6, 0.5, 0.9)
    health = SensorHealth("s/hall", "hall", "x", "go", bands=[band], baseline=baseline)
    return beat({}, Heartbeat("s", "", 1, 1, [health]), 1)


def site_says(recorder: Recorder, level: int, first_s: int, stop_s: int) -> None:
    """References and rows as they come from a site, both in steps of 1 dB."""
    scale: dict[str, Any] = {"offset_db": -140.0, "step_db": 1.0, "watch": 1}
    for second in range(first_s, stop_s):
        codes = bytes([level // 2] * BINS), bytes([level // 2 + 10] * BINS)
        recorder.row(SpectrumReference("s/hall", 100e6, 2e3, *codes, **scale))
        time_ns = NOON + second * SECOND + SECOND // 2
        levels = bytes([level // 2 + 3] * BINS)
        recorder.row(SpectrumRow("s/hall", second, time_ns, 1.0, 100e6, 2e3, levels, **scale))


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    recorder = Recorder(TileFiles(tmp_path / "history"), 1000)
    recorder.watcher = Site()
    return recorder


def test_the_recorder_keeps_what_a_site_compares_with(recorder: Recorder) -> None:
    recorder.follow(board(""))
    assert isinstance(recorder.watcher, Site)
    assert [watch.reference for watch in recorder.watcher.watches] == [True]
    site_says(recorder, 40, 0, 5)  # moves with the noise: not a baseline
    recorder.follow(board("abc"))
    site_says(recorder, 50, 5, 70)
    window = ("s/hall", NOON, NOON + 100 * SECOND, 0.0, 1e9)
    assert times(references(recorder, *window)) == [("abc", 50, 5, 70)]
    asyncio.run(recorder.write(recorder.over(NOON)))
    site_says(recorder, 50, 70, 80)
    recorder.follow(board("def"))
    site_says(recorder, 60, 80, 90)
    assert times(references(recorder, *window)) == [("abc", 50, 5, 80), ("def", 60, 80, 90)]
    assert times(references(recorder, "s/hall", NOON, NOON + 79 * SECOND, 0.0, 1e9)) == [
        ("abc", 50, 5, 80)
    ]
    recorder.close()
    assert times(references(recorder, *window)) == [("abc", 50, 5, 80), ("def", 60, 80, 90)]
    assert recorder.counters()["history_references_lost"] == 0


@dataclass
class Desk:
    """The part of the monitor that answers from the history."""

    recorder: Recorder
    store: Store
    now_ns: int = NOON + 100 * SECOND

    def board(self) -> Board:
        return board("abc")

    def clock_ns(self) -> int:
        return self.now_ns


def ask(desk: Desk, query: Any) -> Call:
    return Call(cast(Monitor, desk), Identity("li", "radio"), {"sensor": "s/hall"}, query)


def sign(store: Store, session: str, who: str, state: str, baselines: dict[str, str]) -> None:
    what = msgspec.json.encode({"session": session, "baselines": baselines}).decode()
    row = {
        **{"act": "baseline", "subject": "1", "what": what, "hash": "", "wanted_by": who},
        **{"wanted_ns": 1, "until_ns": 2, "state": state, "decided_by": "zhao", "decided_ns": 9},
        "note": "",
    }
    with store.writing() as connection:
        connection.execute(schema.approvals.insert().values(row))


def test_a_page_gets_each_level_once_and_a_file_is_over_it(
    recorder: Recorder, tmp_path: Path
) -> None:
    desk = Desk(recorder, Store(f"sqlite:///{tmp_path / 'monitor.db'}"))
    recorder.follow(board("abc"))
    site_says(recorder, 50, 10, 20)
    site_says(recorder, 60, 20, 30)
    site_says(recorder, 50, 30, 40)
    sign(desk.store, "June", "li", "approved", {"s/hall": "abc"})
    sign(desk.store, "May", "wang", "refused", {"s/hall": "abc"})
    sign(desk.store, "July", "li", "approved", {"s/yard": "abc"})
    query = ReferenceQuery(start_ns=NOON, stop_ns=NOON + 60 * SECOND, width=10)
    answer = get_references(ask(desk, query))
    assert [(one.baseline, one.levels) for one in answer.references] == [
        ("abc", 0),
        ("abc", 1),
        ("abc", 0),
    ]
    assert [one.signed for one in answer.references] == [[Signed("June", "li", "zhao", 9)]] * 3
    assert [(level.baseline, level.threshold) for level in answer.levels] == [
        (bytes([50] * 10), bytes([70] * 10)),
        (bytes([60] * 10), bytes([80] * 10)),
    ]
    assert answer.since_ns == {"abc": NOON + 10 * SECOND}
    assert msgspec.json.decode(msgspec.json.encode(answer), type=References) == answer
    power = PowerQuery(
        start_ns=NOON, stop_ns=NOON + 60 * SECOND, width=2, height=60, over="baseline"
    )
    lines = get_rtl_power_file(ask(desk, power)).text.splitlines()
    assert len(lines) == 30  # without a baseline there is nothing to be over
    assert {line.split(", ", 6)[6] for line in lines} == {"3.00, 3.00"}
    desk.store.close()


def test_frames_differ_only_where_they_should() -> None:
    one = reference(50, first_s=0, stop_s=1)
    assert one.same_as(replace(one, first_ns=1, stop_ns=2))
    for other in (
        replace(one, baseline="x"),
        replace(one, start_hz=1.0),
        replace(one, codes=both(51)),
        replace(one, codes=one.codes[:, :3]),
    ):
        assert not one.same_as(other)
