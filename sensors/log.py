"""Logging set up once by each program: words for people on stderr, or one JSON line per event."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO

import structlog


def set_up_log(stream: TextIO | None = None) -> None:
    """Send the log to stderr (or ``stream``); stdout belongs to results.

    ``RFPROCTOR_LOG=json`` gives JSON lines, ``RFPROCTOR_LOG_LEVEL`` (default ``info``) what is
    said at all.
    """
    name = os.environ.get("RFPROCTOR_LOG_LEVEL", "info").upper()
    level = logging.getLevelNamesMapping().get(name, logging.INFO)
    as_json = os.environ.get("RFPROCTOR_LOG", "") == "json"
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=as_json)
    shape: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            stamp,
            structlog.processors.format_exc_info,
            shape,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
