"""The ledger: nothing missing silently, whatever stops it; and the questions it answers."""

import json
import os
import signal
import subprocess
import sys
import time

import apsw
import pytest
from click.testing import CliRunner

from sdr.source import UserError
from sensors.bands import GuardBand
from sensors.ledger import MAX_WAITING, Ledger
from sensors.ledger_command import ledger as command
from sensors.ledger_command import parse_time
from sensors.ledger_reader import LedgerReader
from sensors.ledger_schema import LedgerFault
from sensors.text import say
from sensors.visit import Visit

T0 = 1_780_000_000_000_000_000
S = 1_000_000_000


def visit(time_s, sensor="hall/d1", low_hz=168e6, samples=96_000, **more):
    return Visit(
        sensor=sensor,
        low_hz=low_hz,
        high_hz=low_hz + 2e6,
        time_ns=T0 + round(time_s * S),
        sample_rate_hz=2.4e6,
        expected=96_000,
        received=samples,
        **more,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "ledger.db"


def fill(path, seconds=20, hops=4, period_s=0.5):
    """One dongle around ``hops`` hops, the first again every ``period_s``."""
    with Ledger(path, T0) as book:
        for step in range(round(seconds / period_s)):
            for hop in range(hops):
                at = step * period_s + hop * period_s / hops
                book.visit(visit(at, low_hz=168e6 + hop * 2e6, threshold_dbfs=-80.0 - hop))
            assert book.flush()
        book.close(T0 + seconds * S)


def test_watched_says_when_and_how_deep(path):
    fill(path)
    with LedgerReader(path) as reader:
        answer = reader.watched(169.5e6, T0 + 5 * S, 1.0)
        assert [round((v.start_ns - T0) / S, 3) for v in answer.visits] == [5.0, 5.5]
        assert answer.threshold_dbfs == -80.0
        assert answer.on_air_s == pytest.approx(0.08)
        assert reader.watched(175.0e6, T0 + 5 * S).threshold_dbfs == -83.0
        assert reader.watched(300e6, T0 + 5 * S).visits == []


def test_not_watched_names_the_neighbours(path):
    fill(path)
    with LedgerReader(path) as reader:
        answer = reader.watched(169.5e6, T0 + 5 * S + S // 10, 0.2)
    assert answer.visits == []
    assert answer.before.start_ns == T0 + 5 * S
    assert answer.after.start_ns == T0 + 5 * S + S // 2


def test_coverage_is_the_exact_intercept_probability(path):
    fill(path, seconds=60)
    half = GuardBand("half", 168e6, 184e6, 1.0, "sweep", 1, None)
    with LedgerReader(path) as reader:
        (band,) = reader.coverage([half], T0 + S, T0 + 59 * S)
    assert band.watched_fraction == pytest.approx(0.5)
    assert band.on_air_fraction == pytest.approx(0.5 * 0.04 / 0.5, rel=0.02)
    assert band.revisit_s == pytest.approx(0.46, abs=1e-6)
    assert band.heard[0.2] == pytest.approx(0.5 * (0.2 + 0.04 - 0.01) / 0.5, rel=0.01)
    assert band.heard[2.0] == pytest.approx(0.5)
    assert band.threshold_dbfs == pytest.approx(-81.5)


def test_seconds_without_data_are_counted(path):
    with Ledger(path, T0) as book:
        for second in [0, 1, 2, 3, 7, 8, 9]:
            book.visit(visit(second + 0.3, dropped=5, clipped_fraction=0.001))
        book.close(T0 + 10 * S)
    with LedgerReader(path) as reader:
        (one,) = reader.sensors(T0, T0 + 10 * S)
        assert one.seconds == 10
        assert one.silent_seconds == 3
        assert one.dropped == 35
        assert one.received == 7 * 96_000
        assert one.clipped_fraction == pytest.approx(0.001)
        (gap,) = reader.gaps(T0, T0 + 10 * S)
    assert gap.cause == "ledger.gap_unexplained"
    assert gap.duration_s == pytest.approx(7.3 - 3.34)


def test_a_reported_cause_names_the_gap_and_its_end_is_told_once(path):
    with Ledger(path, T0) as book:
        assert book.visit(visit(1.0)) is None
        book.gap("hall/d1", T0 + 2 * S, "source.dongle_lost", {"serial": "7", "reason": "x"})
        book.gap("hall/d1", T0 + 3 * S, "source.dongle_lost", {"serial": "7", "reason": "x"})
        book.gap("hall/d1", T0 + 4 * S, "source.no_such_dongle", {"serial": "7"})
        ended = book.visit(visit(5.0))
        assert ended.cause == "source.no_such_dongle"
        assert book.visit(visit(5.1)) is None
        book.close(T0 + 6 * S)
    with LedgerReader(path) as reader:
        gaps = reader.gaps(T0, T0 + 9 * S)
    assert [(g.cause, g.start_ns - T0, g.stop_ns - T0) for g in gaps] == [
        ("source.dongle_lost", 1_040_000_000, 4 * S),
        ("source.no_such_dongle", 4 * S, 5 * S),
    ]
    assert gaps[0].fields == {"serial": "7", "reason": "x"}


def test_a_short_reported_fault_is_a_gap_too(path):
    """Shorter than the tolerance, but somebody said that data were lost: it is a row."""
    with Ledger(path, T0) as book:
        book.visit(visit(1.0))
        book.gap("hall/d1", T0 + S + S // 10, "source.dongle_silent", {"serial": "7"})
        assert book.visit(visit(1.5)).duration_s == pytest.approx(0.46)


def test_a_silence_that_is_open_at_the_end_is_stored(path):
    with Ledger(path, T0) as book:
        book.visit(visit(1.0))
        book.gap("hall/d1", T0 + 2 * S, "source.dongle_lost")
        book.close(T0 + 9 * S)
    with LedgerReader(path) as reader:
        (gap,) = reader.gaps(T0, T0 + 99 * S)
    assert gap.stop_ns == T0 + 9 * S


def test_a_sensor_that_never_delivers_is_a_gap_from_the_start(path):
    with Ledger(path, T0, ["hall/d1", "hall/d2"]) as book:
        assert book.visit(visit(0.5)) is None
        book.close(T0 + 9 * S)
    with Ledger(path, T0 + 20 * S, ["hall/d1", "hall/d2"]) as book:
        book.visit(visit(20.5))
        book.visit(visit(22.0))
        book.close(T0 + 22 * S)
    with LedgerReader(path) as reader:
        gaps = {g.sensor: [] for g in reader.gaps(T0, T0 + 99 * S)}
        for gap in reader.gaps(T0, T0 + 99 * S):
            gaps[gap.sensor].append((gap.start_ns - T0, gap.stop_ns - T0, gap.cause))
    assert gaps["hall/d2"] == [
        (0, 9 * S, "ledger.gap_starting"),
        (9 * S, 22 * S, "ledger.gap_stopped"),
    ]
    assert [one[2] for one in gaps["hall/d1"]] == [
        "ledger.gap_starting",
        "ledger.gap_unexplained",
        "ledger.gap_stopped",
        "ledger.gap_unexplained",
    ]


@pytest.mark.parametrize(
    ("clean", "cause"), [(True, "ledger.gap_stopped"), (False, "ledger.gap_crashed")]
)
def test_the_time_between_two_runs_is_a_gap(path, clean, cause):
    with Ledger(path, T0) as book:
        book.visit(visit(1.0))
        book.flush()
        if clean:
            book.close(T0 + 2 * S)
    with Ledger(path, T0 + 60 * S) as book:
        ended = book.visit(visit(61.0))
        book.close(T0 + 62 * S)
    assert ended.cause == cause
    assert (ended.start_ns, ended.stop_ns) == (T0 + 1_040_000_000, T0 + 61 * S)


def test_kill_minus_nine_loses_at_most_what_was_not_flushed(path):
    code = (
        "import sys; from pathlib import Path; from tests.sensors.test_ledger import *\n"
        f"book = Ledger(Path({str(path)!r}), T0)\n"
        "for n in range(10**6):\n"
        "    book.visit(visit(n / 17))\n"
        "    if n % 17 == 16:\n"
        "        book.flush(); print(n + 1, flush=True)\n"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(50):
        told = int(child.stdout.readline())
    os.kill(child.pid, signal.SIGKILL)
    told = int((child.stdout.read().split("\n")[-2:-1] or [told])[0])
    child.wait()
    child.stdout.close()
    with LedgerReader(path) as reader:
        (one,) = reader.sensors(T0, T0 + 10**6 * S)
    assert told <= one.visits <= told + 17


def test_a_full_disk_keeps_rows_in_memory_and_says_what_it_lost(path):
    with Ledger(path, T0) as book:
        book.visit(visit(0.0))
        assert book.flush()
        pages = book._db.pragma("page_count")
        book._db.pragma("max_page_count", pages)
        for n in range(MAX_WAITING + 40):
            book.visit(visit(n / 17))
            if n % 2000 == 1999:
                assert not book.flush()
        assert "Full" in book.trouble
        assert book.lost_visits == 40
        book._db.pragma("max_page_count", 10**6)
        assert book.flush()
        assert book.trouble == ""
        book.close(T0 + 2000 * S)
    with LedgerReader(path) as reader:
        (one,) = reader.sensors(T0, T0 + 2000 * S)
        (gap,) = [g for g in reader.gaps(T0, T0 + 2000 * S) if g.cause == "ledger.gap_disk_full"]
    assert one.visits == MAX_WAITING + 1
    assert gap.duration_s == pytest.approx(39 / 17 + 0.04)


def test_reading_while_it_is_written(path):
    with Ledger(path, T0) as book:
        book.visit(visit(1.0))
        book.flush()
        with LedgerReader(path) as reader:
            assert reader.watched(169e6, T0 + S).visits
            book.visit(visit(2.0, low_hz=400e6))
            book.flush()
            assert reader.watched(401e6, T0 + 2 * S).visits


def test_a_new_gain_is_a_new_setting_and_both_are_found(path):
    with Ledger(path, T0) as book:
        book.visit(visit(1.0, gain_db=40.2))
        book.visit(visit(1.2, gain_db=37.2, baseline="ab" * 32))
        book.close(T0 + 2 * S)
    with LedgerReader(path) as reader:
        assert [v.gain_db for v in reader.watched(169e6, T0 + S).visits] == [40.2, 37.2]


def test_a_hint_names_a_silence_and_makes_none_of_itself(path):
    with Ledger(path, T0) as book:
        book.visit(visit(0.0))
        book.hint("hall/d1", "source.not_locked", {"freq": "420M"})
        assert book.visit(visit(0.2)) is None, "one hop was not heard, others were"
        assert book.visit(visit(2.0)).cause == "ledger.gap_unexplained", "long ago is no reason"
        book.hint("hall/d1", "source.not_locked", {"freq": "420M"})
        ended = book.visit(visit(4.0))
        assert (ended.cause, ended.fields) == ("source.not_locked", {"freq": "420M"})
        book.hint("hall/d1", "source.not_locked")
        book.gap("hall/d1", T0 + 5 * S, "source.dongle_lost")
        assert book.visit(visit(7.0)).cause == "source.dongle_lost", "what is known for sure wins"
        book.close(T0 + 8 * S)


def test_forget_reports_what_it_deleted(path):
    fill(path, seconds=10)
    with Ledger(path, T0 + 10 * S) as book:
        assert book.forget(T0 + 5 * S) == 40
        book.close(T0 + 10 * S)
    with LedgerReader(path) as reader:
        assert reader.span_ns()[0] == T0 + 5 * S


def test_the_plain_view_can_be_read_with_any_sqlite(path):
    fill(path, seconds=1)
    db = apsw.Connection(str(path))
    row = db.execute(
        "SELECT utc, sensor, received, duration_s, threshold_dbfs FROM visits LIMIT 1"
    ).fetchone()
    db.close()
    assert row == ("2026-05-28T20:26:40.000Z", "hall/d1", 96_000, 0.04, -80.0)


def test_not_a_ledger_and_a_newer_ledger_are_refused(path, tmp_path):
    with pytest.raises(LedgerFault, match=r"ledger\.missing"):
        LedgerReader(tmp_path / "none.db")
    junk = tmp_path / "junk.db"
    junk.write_bytes(b"this is not a database at all" * 100)
    with pytest.raises(LedgerFault, match=r"ledger\.unusable"):
        LedgerReader(junk)
    with pytest.raises(LedgerFault, match=r"ledger\.unusable"):
        Ledger(junk, T0)
    fill(path, seconds=1)
    db = apsw.Connection(str(path))
    db.pragma("user_version", 99)
    db.close()
    with pytest.raises(LedgerFault, match=r"ledger\.newer"):
        LedgerReader(path)


def test_six_hours_of_four_dongles_stay_small(path):
    """Size per visit; a shorter day, the same rows."""
    with Ledger(path, T0) as book:
        for second in range(120):
            for dongle in range(4):
                for n in range(17):
                    hop = (second * 17 + n) % 32
                    book.visit(
                        visit(
                            second + n / 17 + dongle * 1e-6,
                            sensor=f"hall/d{dongle}",
                            low_hz=137e6 + dongle * 64e6 + hop * 2e6,
                            threshold_dbfs=-88.21,
                        )
                    )
            assert book.flush()
        book.close(T0 + 120 * S)
    assert path.stat().st_size / (120 * 4 * 17) < 40


@pytest.fixture
def site(tmp_path):
    (tmp_path / "site.toml").write_text(
        '[site]\nid = "hall"\ndata = "data"\n[[dongle]]\nsource = "scene:hall"\n'
        '[[band]]\nname = "mine"\nstart_hz = 168e6\nstop_hz = 176e6\nmax_revisit_s = 1.0\n'
    )
    return tmp_path / "site.toml"


def local(offset_s):
    return time.strftime("%H:%M:%S", time.localtime(T0 / S + offset_s))


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_command_prints_coverage_and_gaps(site, path, lang):
    fill(path)
    with Ledger(path, T0 + 30 * S) as book:
        book.visit(visit(31.0))
        book.close(T0 + 32 * S)
    result = CliRunner().invoke(command, [str(site)], obj=lang)
    assert result.exit_code == 0, result.output
    assert "mine" in result.output
    assert {"en": "the program was stopped", "zh": "程序已停止"}[lang] in result.output


def test_command_answers_with_its_exit_code(site, path):
    fill(path)
    ask = ["--at", local(5), "--freq", "169.5M"]
    yes = CliRunner().invoke(command, [str(site), *ask], obj="en")
    assert yes.exit_code == 0
    assert yes.output.startswith("YES")
    no = CliRunner().invoke(command, [str(site), "--at", local(5), "--freq", "700M"], obj="zh")
    assert no.exit_code == 1
    assert no.output.startswith("否")
    half = CliRunner().invoke(command, [str(site), "--freq", "700M"], obj="en")
    assert isinstance(half.exception, UserError)
    assert (half.exception.message_id, half.exception.exit_code) == ("usage.together", 2)


@pytest.mark.parametrize(
    ("lang", "yes", "no"),
    [
        ("en", "YES: 169.5 MHz was watched within 1 s", "NO: 169.5 MHz was not watched"),
        ("zh", "是：", "否："),
    ],
)
def test_was_it_watched_then_and_how_deep(site, path, lang, yes, no):
    fill(path)
    with Ledger(path, T0 + 20 * S, ["hall/d1"]) as book:
        book.visit(visit(20.0))
        book.gap("hall/d1", T0 + 21 * S, "source.dongle_silent", {"serial": "7", "seconds": "1.0"})
        book.visit(visit(26.0, threshold_dbfs=-80.0))
        book.close(T0 + 27 * S)
    there = CliRunner().invoke(command, [str(site), "--at", local(5), "--freq", "169.5M"], obj=lang)
    assert there.exit_code == 0
    assert there.output.startswith(yes)
    assert "-80.0 dBFS" in there.output
    away = CliRunner().invoke(command, [str(site), "--at", local(23), "--freq", "169.5M"], obj=lang)
    assert away.exit_code == 1
    assert away.output.startswith(no)
    why = say("source.dongle_silent", lang, serial="7", seconds="1.0")
    assert why in away.output
    gaps = CliRunner().invoke(command, [str(site)], obj=lang)
    assert why in gaps.output


def test_command_json_is_one_record_a_line(site, path):
    fill(path)
    result = CliRunner().invoke(command, [str(site), "--json"], obj="en")
    records = [json.loads(line) for line in result.output.splitlines()]
    assert [r["kind"] for r in records] == ["coverage", "sensor"]
    assert records[0]["heard"]["2"] == 1.0


def test_times_of_day_belong_to_the_day_of_the_ledger():
    assert parse_time(local(5), T0) == T0 + 5 * S
    assert parse_time("2026-05-28T20:26:45+00:00", T0) == T0 + 5 * S
