"""A viewer's end of a site's loopback XPUB (docs/wire.md): its messages, the oldest dropped."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque

import zmq

from sdr.source import UserError
from sensors.messages import (
    EmitterEvent,
    Heartbeat,
    NoticeEvent,
    SpectrumReference,
    SpectrumRow,
)
from sensors.wire import Plane, Refused

QUEUE = 512
"""Messages that wait to be taken; the oldest is dropped and counted."""

PLANE = Plane(
    "local", 24 * 1024, (EmitterEvent, NoticeEvent, Heartbeat, SpectrumRow, SpectrumReference)
)

Shown = EmitterEvent | NoticeEvent | Heartbeat | SpectrumRow | SpectrumReference


class LocalFeed:
    """What a site on this machine shows: its state and events, and the rows of one sensor.

    Parameters
    ----------
    address : str
        ``tcp://127.0.0.1:PORT``, as ``[site] local`` says.

    Attributes
    ----------
    dropped : int
        Messages that came faster than they were taken.
    refused : int
        Messages that were none of ours.

    Raises
    ------
    UserError
        The address is none.
    """

    def __init__(self, address: str) -> None:
        self.dropped = 0
        self.refused = 0
        self._heard: deque[Shown] = deque(maxlen=QUEUE)
        self._heard_s = float("-inf")
        self._wanted = ""
        self._stop = threading.Event()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context(io_threads=1)
        self._socket = self._context.socket(zmq.SUB)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.RCVHWM, QUEUE)
        self._socket.setsockopt(zmq.MAXMSGSIZE, PLANE.max_bytes)
        self._socket.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
        try:
            self._socket.connect(address)
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise UserError("local.bad_address", address=address, why=str(error)) from None
        for topic in ("heartbeat/", "event/"):
            self._socket.subscribe(topic)
        self._thread = threading.Thread(target=self._run, name="local-feed", daemon=True)
        self._thread.start()

    def choose(self, sensor: str) -> None:
        """Hear the rows of this sensor and of no other."""
        self._wanted = sensor

    def take(self) -> list[Shown]:
        """What has come since last asked, in order."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._heard.popleft())
        return taken

    def heard_s(self) -> float:
        """Seconds since the last message; infinite before the first."""
        return time.monotonic() - self._heard_s

    def close(self) -> None:
        """Stop and close the socket."""
        self._stop.set()
        self._thread.join(2.0)
        self._context.destroy(linger=0)

    def _run(self) -> None:
        chosen = ""
        while not self._stop.is_set():
            if chosen != self._wanted:
                for kind in ("row", "reference"):
                    if chosen:
                        self._socket.unsubscribe(f"{kind}/{chosen}")
                    self._socket.subscribe(f"{kind}/{self._wanted}")
                chosen = self._wanted
            if not self._socket.poll(50):
                continue
            try:
                message = PLANE.decode(self._socket.recv_multipart()[1:])
            except Refused:
                self.refused += 1
                continue
            self._heard_s = time.monotonic()
            if isinstance(message, SpectrumRow | SpectrumReference) and message.sensor != chosen:
                continue  # a topic is a prefix: hall-2 comes with hall
            if len(self._heard) == QUEUE:
                self.dropped += 1
            self._heard.append(message)
