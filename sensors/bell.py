"""A bell: any thread rings it, and the thread that polls the sockets wakes.

A pair of sockets and not a ZeroMQ one, which may be used from one thread only.  Rings that find the
bell still ringing are saved and counted.
"""

from __future__ import annotations

import socket
from collections import Counter


class Bell:
    """Ring from any thread; poll and `hush` in one.

    Attributes
    ----------
    counts : Counter
        ``rings_saved``.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._rope, self._clapper = socket.socketpair()
        self._rope.setblocking(False)
        self._clapper.setblocking(False)

    def ring(self) -> None:
        """Wake the thread that polls."""
        try:
            self._rope.send(b"!")
        except (BlockingIOError, OSError):
            self.counts["rings_saved"] += 1  # it is awake, or gone

    @property
    def socket(self) -> socket.socket:
        """What to poll: readable while the bell rings."""
        return self._clapper

    def hush(self) -> None:
        """Take in every ring so far."""
        try:
            while self._clapper.recv(4096):
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Release both ends."""
        self._rope.close()
        self._clapper.close()
