"""What a worker's process writes on stderr: chatter of the dongle's library, or our own mistakes.

librtlsdr prints as it likes ("Found Rafael Micro R820T/2 tuner"); straight on the terminal that
would tear the status block and the JSON lines of the log.
"""

from __future__ import annotations

import threading
from typing import IO

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("worker")

LINE_BYTES = 4096
"""A longer line is cut into pieces."""
TRACE_LINES = 200
"""A longer traceback is told in pieces."""
BEGINNINGS = ("Traceback (most recent call last)", "Fatal Python error")


def listen(stream: IO[bytes], sensor: str) -> threading.Thread:
    """Log what comes until the process ends, in a thread of its own.

    Lines are told as ``library`` at debug level, a traceback as one ``worker_traceback`` at error
    level.
    """
    thread = threading.Thread(target=_listen, args=(stream, sensor), name="stderr", daemon=True)
    thread.start()
    return thread


def _listen(stream: IO[bytes], sensor: str) -> None:
    trace: list[str] = []
    with stream:
        while raw := stream.readline(LINE_BYTES):
            line = raw.decode("utf-8", "replace").rstrip()
            if trace or line.startswith(BEGINNINGS):
                trace.append(line)
                # The first line that is not indented names the error.
                ended = len(trace) > 1 and line != "" and not line.startswith(" ")
                if ended or len(trace) >= TRACE_LINES:
                    log.error("worker_traceback", sensor=sensor, text="\n".join(trace))
                    trace = []
            elif line:
                log.debug("library", sensor=sensor, text=line)
    if trace:
        log.error("worker_traceback", sensor=sensor, text="\n".join(trace))
