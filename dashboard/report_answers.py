"""What ``GET /api/v1/sessions/{id}/report`` answers: a session's record as a file to print."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from dashboard.answers import Call
from dashboard.report import report_of
from dashboard.report_sheet import sheet
from dashboard.saving import TextFile
from sensors.text import Lang


class ReportQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/sessions/{id}/report``: in which language."""

    lang: Lang = "zh"


def get_report(call: Call) -> TextFile:
    """The record of a session; that it was made, and its hash, is a row of the audit log."""
    monitor, number = call.monitor, call.number("session.unknown")
    now_ns = monitor.clock_ns()
    found = report_of(monitor.store.reader, monitor.recorder.files, monitor.file, number, now_ns)
    text = sheet(found, call.query.lang)
    detail = {
        "lang": call.query.lang,
        "head": found.acts.head.hash,
        "sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    with monitor.store.writing() as connection:
        monitor.store.note(connection, call.who.name, "session.reported", str(number), detail)
    return TextFile(f"session-{number}.html", text, "text/html")
