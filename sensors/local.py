"""Viewers on the site's own machine: a loopback XPUB that knows what they want.

Topics are in ``docs/wire.md``.  Only the link's thread touches the socket; others put messages into
a bounded queue whose oldest is dropped and counted.
"""

from __future__ import annotations

from collections import Counter, deque

import zmq
from msgspec import Struct

from sdr.source import UserError
from sensors.wire import encode

QUEUE = 256
"""Messages that wait for the thread."""


class LocalViewers:
    """The XPUB of a site.

    Parameters
    ----------
    context : zmq.Context
    address : str
        ``tcp://127.0.0.1:PORT``.

    Attributes
    ----------
    counts : Counter
        ``local_shown``, ``local_dropped``.

    Raises
    ------
    UserError
        ``link.local_in_use``.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str) -> None:
        self.counts: Counter[str] = Counter()
        self._queue: deque[tuple[bytes, Struct]] = deque(maxlen=QUEUE)
        self._topics: frozenset[bytes] = frozenset()
        self.socket = context.socket(zmq.XPUB)
        self.socket.setsockopt(zmq.SNDHWM, 64)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.MAXMSGSIZE, 1024)
        try:
            self.socket.bind(address)
        except zmq.ZMQError as error:
            self.socket.close(0)
            raise UserError("link.local_in_use", address=address, why=str(error)) from None

    def wanted(self, topic: str) -> bool:
        """Whether a viewer subscribed to a topic."""
        name = topic.encode()
        return any(name.startswith(prefix) for prefix in self._topics)

    def put(self, topic: str, message: Struct) -> None:
        """Queue a message, if anybody wants it; from any thread."""
        if not self.wanted(topic):
            return
        if len(self._queue) == QUEUE:
            self.counts["local_dropped"] += 1
        self._queue.append((topic.encode(), message))

    def serve(self) -> None:
        """Take in subscriptions and send what is queued; in the link's thread."""
        try:
            while change := self.socket.recv(flags=zmq.NOBLOCK):
                topic = frozenset((change[1:],))
                self._topics = self._topics | topic if change[0] else self._topics - topic
        except zmq.Again:
            pass
        while self._queue:
            topic_name, message = self._queue.popleft()
            self.counts["local_shown"] += 1
            self.socket.send_multipart([topic_name, *encode(message)])

    def close(self) -> None:
        """Close the socket."""
        self.socket.close(0)
