from __future__ import annotations

from collections.abc import Callable

import pytest

from dashboard.alarms import Alarm
from dashboard.errors import Refused
from dashboard.known import KnownEmitters, NewKnown
from dashboard.known_csv import read_csv, read_rows
from dashboard.store import Store
from tests.dashboard.conftest import SECOND, START_NS, Clock, Site, emitter_event

Open = Callable[..., Store]
TAXI = NewKnown(low_hz=169.49e6, high_hz=169.515e6, name="taxi base", reason="licence 2024-17")


def only(store: Store) -> Alarm:
    (alarm,) = store.desk.alarms.values()
    return alarm


def test_an_entry_does_not_dismiss_a_strong_alarm_that_was_there_before(
    open_store: Open, clock: Clock
) -> None:
    """Otherwise one person alone could make it disappear."""
    store, site = open_store(), Site()
    known = KnownEmitters(store, strong=70)

    def hear(*heard: tuple[str, float, int]) -> None:
        for name, freq_mhz, suspicion in heard:
            event = emitter_event(
                emitter=name, center_freq_hz=freq_mhz * 1e6, suspicion=suspicion, phase="update"
            )
            store.ingest([site.says(event)])

    before = ("weak", 160, 69), ("strong", 165, 70)
    hear(*before)
    clock.wait(10)
    known.add([NewKnown(150e6, 180e6, "taxis", "licensed")], "li")
    hear(*before, ("later", 170, 90))
    states = {a.parts[0].emitter: a.state for a in store.desk.alarms.values()}
    assert states == {"weak": "dismissed", "strong": "new", "later": "dismissed"}


def test_what_is_known_is_kept_but_raises_nobody(open_store: Open) -> None:
    store = open_store()
    (entry,) = KnownEmitters(store).add([TAXI], "li")
    store.ingest([Site().says(emitter_event())])
    assert (only(store).state, only(store).known) == ("dismissed", entry.id)


@pytest.mark.parametrize(
    "entry",
    [
        NewKnown(low_hz=169.6e6, high_hz=169.7e6, name="x", reason="y"),
        NewKnown(low_hz=169.49e6, high_hz=169.515e6, name="x", reason="y", site="school-4"),
        NewKnown(low_hz=169.4999e6, high_hz=169.5001e6, name="narrower", reason="y"),
        NewKnown(low_hz=169.49e6, high_hz=169.515e6, name="x", reason="y", stop_ns=START_NS - 1),
        NewKnown(low_hz=169.49e6, high_hz=169.515e6, name="x", reason="y", start_ns=2 * START_NS),
    ],
)
def test_an_entry_explains_only_its_band_site_and_time(open_store: Open, entry: NewKnown) -> None:
    store = open_store()
    KnownEmitters(store).add([entry], "li")
    store.ingest([Site().says(emitter_event())])
    assert only(store).state == "new"


def test_an_emitter_that_leaves_the_known_band_is_raised(open_store: Open) -> None:
    store, site = open_store(), Site()
    KnownEmitters(store).add([TAXI], "li")
    store.ingest([site.says(emitter_event())])
    store.ingest([site.says(emitter_event(phase="update", bandwidth_hz=200e3))])
    assert (only(store).state, only(store).known) == ("reopened", 0)


def test_what_people_decided_stands(open_store: Open, clock: Clock) -> None:
    from dashboard.actions import Wish

    store, site = open_store(), Site()
    store.ingest([site.says(emitter_event())])
    store.act(only(store).id, Wish(action="acknowledge"), "wang")
    KnownEmitters(store).add([TAXI], "li")
    store.ingest([site.says(emitter_event(phase="update"))])
    assert only(store).state == "acknowledged"


def test_entries_survive_and_are_ended_not_deleted(open_store: Open) -> None:
    store = open_store()
    known = KnownEmitters(store)
    known.add([TAXI], "li")
    ended = known.end(1, "wang")
    assert (ended.author, ended.ended_by) == ("li", "wang")
    with pytest.raises(Refused, match=r"known\.ended"):
        known.end(1, "wang")
    with pytest.raises(Refused, match=r"known\.unknown"):
        known.end(9, "wang")
    store.close()
    again = open_store()
    assert KnownEmitters(again).entries() == [ended]
    again.ingest([Site().says(emitter_event())])
    assert only(again).state == "new"


def test_a_csv_file_is_added_whole_or_not_at_all(open_store: Open) -> None:
    text = (
        "\ufefflow_hz,high_hz,name,reason,site\n"
        "169e6,169.1e6,出租车,执照,\n"
        "170e6,171e6,b,c,school-3\n"
    )
    wishes = read_csv(text)
    assert [(w.name, w.site, w.low_hz) for w in wishes] == [
        ("出租车", "", 169e6),
        ("b", "school-3", 170e6),
    ]
    known = KnownEmitters(open_store())
    with pytest.raises(Refused, match=r"known\.backwards"):
        known.add([*wishes, NewKnown(low_hz=2, high_hz=1, name="x", reason="y")], "li")
    assert known.entries() == []
    assert [entry.id for entry in known.add(wishes, "li")] == [1, 2]


HEAD = "low_mhz,high_mhz,name,reason,site,start,stop\n"


@pytest.mark.parametrize(
    ("text", "message_id", "word"),
    [
        ("", "known.csv_columns", "low_mhz"),
        ("low_hz,high_hz,name\n1,2,x\n", "known.csv_columns", "reason"),
        ("low_hz,high_hz,name,reason,colour\n", "known.csv_columns", "site"),
        ("low_hz,high_hz,name,reason\n1,2,x,y\n1,zwei,x,y\n", "known.csv_number", "zwei"),
        ("low_hz,high_hz,name,reason\n1,2,x\n", "known.csv_missing", "reason"),
        ("low_hz,high_hz,name,reason\n1,2,x,y,z\n", "known.csv_more", "2"),
        (HEAD + ",169.1,a,b,,,\n", "known.csv_missing", "low_mhz"),
        (HEAD + "169,nan,a,b,,,\n", "known.csv_number", "nan"),
        (HEAD + "169,168,a,b,,,\n", "known.csv_band", "2"),
        (HEAD + "169,170,a,b,../x,,\n", "known.csv_site", "../x"),
        (HEAD + "169,170,a,b,,yesterday,\n", "known.csv_time", "yesterday"),
        (HEAD + "169,170,a,b,,1860-01-01,\n", "known.csv_time", "1860"),
        (HEAD + "169,170,a,b,,2026-06-08,2026-06-07\n", "known.csv_times", "2"),
        (HEAD + f"169,170,{'a' * 201},b,,,\n", "known.csv_words", "200"),
        (
            "low_hz,high_hz,name,reason,stop_ns\n1,2,a,b,99999999999999999999\n",
            "known.csv_time",
            "9",
        ),
    ],
)
def test_a_bad_csv_file_is_named_by_its_line(text: str, message_id: str, word: str) -> None:
    with pytest.raises(Refused) as caught:
        read_csv(text)
    assert caught.value.message_id == message_id
    assert word in str(caught.value.fields)


def test_a_spreadsheet_with_megahertz_and_dates() -> None:
    text = "LOW_MHz, high_mhz ,name,reason,start,stop\n169.4900,169.515,出租车,执照,"
    (wish,) = read_csv(text + "2026-06-07T09:00+08:00,2026-06-08T18:00+08:00\n")
    assert (wish.low_hz, wish.high_hz) == (169.49e6, 169.515e6)
    assert wish.start_ns == 1_780_794_000 * SECOND
    assert wish.stop_ns - wish.start_ns == 33 * 3600 * SECOND


def test_a_preview_has_every_row_with_its_line() -> None:
    rows = read_rows(HEAD + '169,170,"two\nlines",b,,,\n\nx,170,a,b,,,\n171,172,a,b,,,\n')
    assert [(row.line, row.refused is None) for row in rows] == [(3, True), (5, False), (6, True)]
    assert rows[1].refused is not None and rows[1].refused.args["line"] == 5


def test_what_is_there_already_is_known(open_store: Open) -> None:
    known = KnownEmitters(open_store())
    assert TAXI not in known.current()
    (entry,) = known.add([TAXI], "li")
    assert TAXI in known.current()
    known.end(entry.id, "li")
    assert TAXI not in known.current()


def test_time_moves_over_the_end_of_an_entry(open_store: Open, clock: Clock) -> None:
    store, site = open_store(), Site()
    until = START_NS + 60 * SECOND
    entry = NewKnown(low_hz=169e6, high_hz=170e6, name="x", reason="y", stop_ns=until)
    KnownEmitters(store).add([entry], "li")
    store.ingest([site.says(emitter_event())])
    assert only(store).state == "dismissed"
    clock.wait(61)
    store.ingest([site.says(emitter_event(phase="update"))])
    assert only(store).state == "reopened"
