"""``/api/v1/recordings``: all recordings of a site, also those that belong to no alarm."""

from __future__ import annotations

from dashboard.answers import Call
from dashboard.endpoint import Endpoint
from dashboard.recordings import RecordingCard, RecordingQuery, Recordings
from dashboard.saving import OpenFile


def _recordings(call: Call) -> Recordings:
    monitor = call.monitor
    return Recordings(monitor.store, monitor.evidence, monitor.pairs)


def get_recordings(call: Call) -> list[RecordingCard]:
    """One page of a site's recordings, the newest first."""
    return _recordings(call).listing(call.path["site"], call.query)


def get_recording_file(call: Call) -> OpenFile:
    """One file of a recording."""
    return _recordings(call).open_file(call.path["site"], call.path["name"], call.who)


RECORDINGS = (
    Endpoint(
        "GET",
        "/recordings/of/{site:path}",
        "Recordings of a site, page by page",
        "view",
        list[RecordingCard],
        get_recordings,
        query=RecordingQuery,
    ),
    Endpoint(
        "GET",
        "/recordings/file/{name}/{site:path}",
        "One file of a recording of a site",
        "evidence",
        bytes,
        get_recording_file,
        refuses=(404, 409),
        media="application/octet-stream",
    ),
)
