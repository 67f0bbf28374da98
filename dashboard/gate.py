"""The monitor's gate: answers every handshake, lets new sites enrol, notices revoked keys.

Runs beside the receiver's sockets in the same ZeroMQ context.  The enrolment socket is open only
while a token waits for its site.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

import zmq
import zmq.asyncio

from dashboard.keyring import Keyring
from dashboard.zap import ADDRESS, ENROLMENT, judge
from sensors.keys import Keys
from sensors.messages import Enrolled
from sensors.wire import ENROL_UP, Refused, encode

REFRESH_S = 0.5
"""How soon a revoked key is refused, at most; promised is one second."""

_log = logging.getLogger(__name__)

OnRefused = Callable[[str, str, str], None]


class Gate:
    """Handshakes and enrolment of one monitor.

    Parameters
    ----------
    context : zmq.asyncio.Context
        The receiver's.
    keyring : Keyring
    monitor : str
        Our own id.
    enrolment : str
        Address of the enrolment socket.
    on_refused : callable
        Told reason, public key and address of every refusal.

    Attributes
    ----------
    counts : Counter
        ``handshakes_ok``, ``handshakes_<reason>``, ``enrolled``, ``enrolments_<reason>``.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        keyring: Keyring,
        monitor: str,
        enrolment: str,
        on_refused: OnRefused,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._context = context
        self._keyring = keyring
        self._monitor = monitor
        self._enrolment = enrolment
        self._on_refused = on_refused
        # Bound at once: a CURVE socket that is bound before it would let everybody in.
        # ROUTER, not REP: a connection that ends in mid-handshake cannot block the others.
        self._zap = context.socket(zmq.ROUTER)
        self._zap.setsockopt(zmq.LINGER, 0)
        self._zap.bind(ADDRESS)

    async def answer(self) -> None:
        """Answer handshakes, for ever."""
        while True:
            route, _, *request = await self._zap.recv_multipart()
            verdict = judge(request, self._keyring)
            self.counts[f"handshakes_{verdict.reason}"] += 1
            await self._zap.send_multipart([route, b"", *verdict.reply])
            if verdict.reason != "ok":
                self._on_refused(verdict.reason, verdict.user, verdict.address)

    async def watch(self) -> None:
        """Notice changed keys, and open the enrolment socket while it is needed, for ever."""
        enrolling: asyncio.Task[None] | None = None
        keys = self._keyring.keys
        try:
            while True:
                self._keyring.refresh()
                changed, keys = self._keyring.keys is not keys, self._keyring.keys
                if enrolling is not None and enrolling.done():
                    self.counts["enrolment_ended"] += 1
                    if self.counts["enrolment_ended"] == 1:
                        _log.error("nobody can enrol, is tried again: %s", enrolling.exception())
                    enrolling = None
                if enrolling is not None and (changed or not self._keyring.tokens_wait):
                    enrolling.cancel()
                    enrolling = None
                elif self._keyring.tokens_wait and enrolling is None:
                    enrolling = asyncio.create_task(self._enrol())
                await asyncio.sleep(REFRESH_S)
        finally:
            if enrolling is not None:
                enrolling.cancel()

    async def _enrol(self) -> None:
        router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 500)
        router.setsockopt(zmq.MAXMSGSIZE, ENROL_UP.max_bytes)
        router.setsockopt(zmq.RCVHWM, 20)
        router.setsockopt(zmq.SNDHWM, 20)
        router.setsockopt(zmq.HANDSHAKE_IVL, 5000)
        serve_with(router, self._keyring.keys, ENROLMENT)
        try:
            router.bind(self._enrolment)
            while True:
                route, *frames = await router.recv_multipart(copy=False)
                user = str(frames[0].get("User-Id")).encode() if frames else b""
                answer = self._redeem(user, [bytes(frame.buffer) for frame in frames])
                await router.send_multipart([route, *encode(answer)])
                await asyncio.sleep(0.05)  # nobody guesses tokens quickly
        finally:
            router.close()

    def _redeem(self, user: bytes, frames: list[bytes]) -> Enrolled:
        try:
            asked = ENROL_UP.decode(frames)
            entry = self._keyring.redeem(asked.secret, user, asked.verify_key, asked.proof)
        except Refused as refused:
            self.counts[f"enrolments_{refused.reason}"] += 1
            self._on_refused(refused.reason, user.decode("ascii", "replace"), "enrolment")
            return Enrolled("", "")
        self.counts["enrolled"] += 1
        return Enrolled(self._monitor, entry.site)


def serve_with(socket: zmq.asyncio.Socket, keys: Keys, domain: str) -> None:
    """Make a socket a CURVE server that asks the gate."""
    socket.curve_server = True
    socket.curve_secretkey = keys.curve_secret
    socket.curve_publickey = keys.curve_public
    socket.zap_domain = domain.encode()
