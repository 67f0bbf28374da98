"""What the monitor's process asks of the system: connections, and to take memory back."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable

MOST_FILES = 65_536
"""Three connections for each site, one for each browser, and the store's files."""


def raise_file_limit() -> None:
    """Allow as many connections as the system would: the usual 1024 end at 330 sites, unseen."""
    if sys.platform == "win32":
        return  # has no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def memory_returner() -> Callable[[], object]:
    """A function that gives freed memory back to the system, where the system has one (glibc).

    A storm of events, or a second in which the monitor was not given a processor, fills queues that
    are bounded, and empty soon after; glibc alone keeps what they took for ever.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            return lambda: trim(0)
    return lambda: None
