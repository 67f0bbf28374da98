"""Who may open a connection: ZeroMQ's own question (ZAP, RFC 27), asked at every handshake.

A CURVE server that nobody answers for lets every key in.  Ours binds this handler before it binds
anything else, and looks the key up again for every message besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zmq.utils import z85

from dashboard.keyring import AllowList
from sensors.wire import Refused

ADDRESS = "inproc://zeromq.zap.01"
SITES, ENROLMENT = "sites", "enrolment"
"""ZAP domains of our sockets; a socket of another domain lets nobody in."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Answer to one handshake, and what to count and log.

    Attributes
    ----------
    reply : list of bytes
    reason : str
        ``ok`` or why not.
    user, address : str
        Public key (Z85) and IP address of the peer.
    """

    reply: list[bytes]
    reason: str
    user: str
    address: str


def judge(request: Sequence[bytes], allow: AllowList) -> Verdict:
    """Answer one ZAP request."""
    if len(request) < 6 or request[0] != b"1.0":
        return Verdict(_reply(b"", "500"), "malformed", "", "")
    _, number, domain, address, _, mechanism, *credentials = request
    where = address.decode("ascii", "replace")
    if mechanism != b"CURVE" or len(credentials) != 1 or len(credentials[0]) != 32:
        return Verdict(_reply(number, "400"), "mechanism", "", where)
    user = z85.encode(credentials[0])
    reason = "ok"
    if domain == SITES.encode():
        try:
            allow.admit(user)
        except Refused as refused:
            reason = refused.reason
    elif domain != ENROLMENT.encode():
        reason = "domain"
    code: Literal["200", "400"] = "200" if reason == "ok" else "400"
    return Verdict(_reply(number, code, user), reason, user.decode(), where)


def _reply(number: bytes, code: str, user: bytes = b"") -> list[bytes]:
    text = b"OK" if code == "200" else b"refused"
    return [b"1.0", number, code.encode(), text, user if code == "200" else b"", b""]
