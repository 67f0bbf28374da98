"""Known emitters from a CSV file: every row is read, or refused with the reason. Pure.

A list of stations comes from a licence office or a spreadsheet: frequencies in MHz or Hz, times as
people write them or in nanoseconds.
"""

from __future__ import annotations

import csv
import io
from datetime import datetime

import msgspec
from msgspec import Struct

from dashboard.errors import Refused
from dashboard.known import MAX_WORDS, NewKnown
from sensors.messages import Note

MAX_IMPORT = 5000
BANDS = {"low_hz": "low_mhz", "high_hz": "high_mhz"}
TIMES = {"start_ns": "start", "stop_ns": "stop"}
WORDS = ("name", "reason")
COLUMNS = ("low_mhz", "high_mhz", "name", "reason", "site", "start", "stop")
KNOWN = frozenset((*COLUMNS, *BANDS, *TIMES))


class CsvRow(Struct, frozen=True):
    """One row: an entry, or why it is none.

    Attributes
    ----------
    line : int
        In the file, the header is 1.
    entry : NewKnown or None
    refused : Note or None
    """

    line: int
    entry: NewKnown | None = None
    refused: Note | None = None


class _Wrong(Exception):
    """Message id and arguments of what is wrong with a row."""

    def __init__(self, message_id: str, **args: str | int | float) -> None:
        super().__init__(message_id)
        self.message_id, self.args_by_name = message_id, args


def read_rows(text: str) -> list[CsvRow]:
    """Read every row.

    Raises
    ------
    Refused
        The columns are not ours, or there are too many rows (409).
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), restkey="", restval="")
    names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    has_bands = all(ours in names or mhz in names for ours, mhz in BANDS.items())
    if set(names) - KNOWN or not has_bands or not set(WORDS) <= set(names):
        raise Refused("known.csv_columns", 409, columns=", ".join(COLUMNS))
    reader.fieldnames = names
    rows: list[CsvRow] = []
    for row in reader:
        if len(rows) >= MAX_IMPORT:
            raise Refused("known.csv_long", 409, limit=MAX_IMPORT)
        rows.append(_read(reader.line_num, row))
    return rows


def read_csv(text: str) -> list[NewKnown]:
    """Read a list in which every row must be right.

    Raises
    ------
    Refused
        As `read_rows`, or what is wrong with the first wrong row (409).
    """
    rows = read_rows(text)
    for row in rows:
        if row.refused is not None:
            raise Refused(row.refused.id, 409, **row.refused.args)
    return [row.entry for row in rows if row.entry is not None]


def _read(line: int, row: dict[str, str]) -> CsvRow:
    try:
        return CsvRow(line, entry=_entry(row))
    except _Wrong as wrong:
        return CsvRow(line, refused=Note(wrong.message_id, {"line": line, **wrong.args_by_name}))


def _entry(row: dict[str, str]) -> NewKnown:
    if row.get(""):
        raise _Wrong("known.csv_more")
    given = {name: (value or "").strip() for name, value in row.items() if name}
    words = {name: _words(name, given.get(name, "")) for name in WORDS}
    bands = {ours: _hz(given, ours, mhz) for ours, mhz in BANDS.items()}
    if bands["high_hz"] <= bands["low_hz"]:
        raise _Wrong("known.csv_band")
    times = {ours: _time(given, ours, name) for ours, name in TIMES.items()}
    if times["stop_ns"] and times["stop_ns"] <= times["start_ns"]:
        raise _Wrong("known.csv_times")
    values = {**words, **bands, **times, "site": given.get("site", "")}
    try:
        return msgspec.convert(values, NewKnown)
    except msgspec.ValidationError:  # the rest has been looked at one by one
        raise _Wrong("known.csv_site", got=given.get("site", "")[:64]) from None


def _words(column: str, text: str) -> str:
    if not text:
        raise _Wrong("known.csv_missing", column=column)
    if len(text) > MAX_WORDS:
        raise _Wrong("known.csv_words", column=column, limit=MAX_WORDS)
    return text


def _hz(given: dict[str, str], ours: str, mhz: str) -> float:
    column = mhz if given.get(mhz) else ours
    text = given.get(column, "")
    if not text:
        raise _Wrong("known.csv_missing", column=mhz)
    try:
        value = float(text) * (1e6 if column == mhz else 1.0)
    except ValueError:
        raise _Wrong("known.csv_number", column=column, got=text[:64]) from None
    if not 0 < value <= 1e11:
        raise _Wrong("known.csv_number", column=column, got=text[:64])
    return value


def _time(given: dict[str, str], ours: str, name: str) -> int:
    """Nanoseconds as a number, or a date or time; one without a zone is the monitor's own."""
    if text := given.get(ours, ""):
        if not text.isdecimal() or len(text) > 19 or int(text) >= 2**63:
            raise _Wrong("known.csv_time", column=ours, got=text[:64])
        return int(text)
    text = given.get(name, "")
    if not text:
        return 0
    try:
        seconds = datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        seconds = -1.0
    if not 0 <= seconds < 2**63 / 1e9:
        raise _Wrong("known.csv_time", column=name, got=text[:64])
    return round(seconds) * 1_000_000_000
