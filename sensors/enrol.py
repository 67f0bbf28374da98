"""How a new site brings its public keys to the centre: a one-time token, read out or scanned.

The token carries the centre's address and public key, so the first connection is already private
and to the right centre; it carries no key of the site, which makes its own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import time
from typing import Annotated

import msgspec
import zmq
from msgspec import Meta, Struct

from sdr.source import UserError
from sensors.address import can_be_dialled, is_key
from sensors.keys import Keys
from sensors.messages import Enrol, Id, TimeNs
from sensors.wire import ENROL_DOWN, Refused, encode


class Token(Struct, frozen=True, array_like=True):
    """What the centre prints for one new site."""

    version: Annotated[int, Meta(ge=1, le=1)]
    site: Id
    events: Annotated[str, Meta(max_length=200)]
    server_key: Annotated[bytes, Meta(min_length=40, max_length=40)]
    secret: Annotated[bytes, Meta(min_length=16, max_length=16)]
    expires_ns: TimeNs

    def text(self) -> str:
        """Letters and digits in groups, case does not matter."""
        body = msgspec.msgpack.encode(self)
        check = hashlib.sha256(body).digest()[:3]
        letters = base64.b32encode(body + check).decode().rstrip("=")
        return "-".join(letters[i : i + 8] for i in range(0, len(letters), 8))


def read_token(text: str) -> Token:
    """Read a token as typed or scanned.

    Raises
    ------
    UserError
        A typing error, or not a token.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
        body, check = raw[:-3], raw[-3:]
        if hashlib.sha256(body).digest()[:3] != check:
            raise ValueError("checksum")
        token = msgspec.msgpack.decode(body, type=Token)
        if not can_be_dialled(token.events) or not is_key(token.server_key.decode()):
            raise ValueError("address")
        return token
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise UserError("keys.token_mistyped") from None


def enrol_digest(secret: bytes, curve: bytes) -> bytes:
    """What a site signs to show that it owns the signing key and means this connection."""
    return hashlib.sha256(b"rfproctor.enrol.v1\0" + secret + curve).digest()


def join(token: Token, keys: Keys, port_step: int = 3, within_s: float = 10.0) -> str:
    """Bring our keys to the centre; returns the centre's id.

    Raises
    ------
    UserError
        It cannot be reached, or the token is used up, too old or unknown.
    """
    from sensors.dial import next_port

    if token.expires_ns <= time.time_ns():
        raise UserError("keys.token_expired")
    address = next_port(token.events, port_step)
    context = zmq.Context()
    dealer = context.socket(zmq.DEALER)
    try:
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.setsockopt(zmq.MAXMSGSIZE, ENROL_DOWN.max_bytes)
        dealer.curve_serverkey = token.server_key
        dealer.curve_publickey = keys.curve_public
        dealer.curve_secretkey = keys.curve_secret
        dealer.connect(address)
        proof = keys.sign(enrol_digest(token.secret, keys.curve_public))
        dealer.send_multipart(encode(Enrol(token.secret, keys.verify_key, proof)))
        if not dealer.poll(round(within_s * 1000)):
            raise UserError("keys.no_answer", address=address)
        try:
            answer = ENROL_DOWN.decode(dealer.recv_multipart())
        except Refused as refused:
            raise UserError("keys.no_answer", address=f"{address} ({refused})") from None
        if not answer.monitor:
            raise UserError("keys.token_refused")
        return str(answer.monitor)
    finally:
        dealer.close(0)
        context.destroy(linger=0)
