"""What the monitor's process asks of the system before it begins."""

from __future__ import annotations

import sys

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
