"""The ledger of a running site: stored every second, the old forgotten once a day and said."""

from __future__ import annotations

import time
from pathlib import Path

from structlog.testing import capture_logs

from sensors.bookkeeper import DAY_NS, DAY_S, Bookkeeper
from sensors.config import Site, load_site
from sensors.ledger import FORGOTTEN_AT_ONCE, Ledger
from sensors.ledger_reader import LedgerReader
from sensors.visit import Visit

DAYS = 3


def site_of(folder: Path) -> Site:
    path = folder / "site.toml"
    path.write_text(
        f'[site]\nid = "s"\ndata = "data"\n[ledger]\ndays = {DAYS}\n'
        '[[dongle]]\nsource = "scene:quiet"\nname = "d1"\n'
    )
    return load_site(path)


def visit(time_ns: int) -> Visit:
    return Visit(
        sensor="s/d1",
        low_hz=168e6,
        high_hz=170e6,
        time_ns=time_ns,
        sample_rate_hz=2.4e6,
        expected=96_000,
        received=96_000,
    )


def test_what_is_too_old_goes_piece_by_piece_and_is_said_once(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    now_ns = time.time_ns()
    old, young = FORGOTTEN_AT_ONCE + 500, 40
    with Ledger(site.data / "ledger.db", now_ns - 9 * DAY_NS) as book:
        for number in range(old):
            book.visit(visit(now_ns - 5 * DAY_NS + number * 60_000_000))
            if number % 10_000 == 0:
                book.flush()
        for number in range(young):
            book.visit(visit(now_ns - DAY_NS + number * 60_000_000))
        assert book.flush()
        book.close(now_ns - DAY_NS)
    books = Bookkeeper(site, now_ns)

    def left() -> int:
        with LedgerReader(site.data / "ledger.db") as reader:
            (sensor,) = reader.sensors(now_ns - 6 * DAY_NS, now_ns)
        return sensor.visits

    with capture_logs() as said:
        books.step(10.0)
        assert left() == 500 + young, "more at once would let the dongles wait"
        books.step(10.5)
        assert left() == 500 + young, "only once a second"
        books.step(11.1)
        assert left() == young
        books.step(12.2)
        books.step(13.3)
    (line,) = [one for one in said if one["event"] == "ledger_forgotten"]
    assert line["visits"] == old
    with capture_logs() as said:
        books.step(13.3 + DAY_S)
    assert said == [], "nothing was deleted on the second day"
    books.close()


def test_with_nothing_old_nothing_is_deleted_or_said(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    books = Bookkeeper(site, time.time_ns())
    with capture_logs() as said:
        books.step(1.0)
        books.step(2.5)
    assert said == []
    books.close()
