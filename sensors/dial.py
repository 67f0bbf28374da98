"""How a site's sockets are made: it always dials, and gives up a dead connection soon."""

from __future__ import annotations

import random

import zmq

from sdr.source import UserError
from sensors.keys import Keys
from sensors.wire import EVENTS_DOWN, EVIDENCE_DOWN, LIVE_DOWN


def dial(
    context: zmq.Context[zmq.Socket[bytes]],
    address: str,
    keys: Keys,
    server_key: bytes | None,
    *,
    max_bytes: int,
    queue: int = 200,
    send_buffer: int = 0,
) -> zmq.Socket[bytes]:
    """Make a DEALER that is on its way to a centre.

    Parameters
    ----------
    context : zmq.Context
    address : str
    keys : Keys
    server_key : bytes or None
        The centre's public key; None where it runs without keys.
    max_bytes : int
        Longest frame that may arrive.
    queue : int
        Messages each way.
    send_buffer : int
        Bytes that the kernel may hold; 0 leaves it to the kernel.
    """
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.setsockopt(zmq.SNDHWM, queue)
    dealer.setsockopt(zmq.RCVHWM, queue)
    dealer.setsockopt(zmq.IMMEDIATE, 1)  # nothing queues for a connection that is not there
    dealer.setsockopt(zmq.MAXMSGSIZE, max_bytes)
    dealer.setsockopt(zmq.HANDSHAKE_IVL, 5000)
    dealer.setsockopt(zmq.HEARTBEAT_IVL, 5000)
    dealer.setsockopt(zmq.HEARTBEAT_TIMEOUT, 15000)
    # After a cut, TCP waits longer and longer before it tries again; so give up a connection that
    # is not answered and knock anew, each time with a fresh and impatient SYN.
    dealer.setsockopt(zmq.TCP_MAXRT, 4000)
    dealer.setsockopt(zmq.CONNECT_TIMEOUT, 2000)
    dealer.setsockopt(zmq.RECONNECT_IVL, random.randint(200, 500))  # noqa: S311
    dealer.setsockopt(zmq.RECONNECT_IVL_MAX, 1000)
    if send_buffer:
        dealer.setsockopt(zmq.SNDBUF, send_buffer)
    if server_key is not None:
        dealer.curve_serverkey = server_key
        dealer.curve_publickey = keys.curve_public
        dealer.curve_secretkey = keys.curve_secret
    dealer.connect(address)
    return dealer


def dial_planes(
    context: zmq.Context[zmq.Socket[bytes]], events: str, keys: Keys, server_key: bytes | None
) -> tuple[zmq.Socket[bytes], ...]:
    """Make the sockets of the three planes: events, live rows, evidence."""
    planes = ((0, EVENTS_DOWN, 200, 0), (1, LIVE_DOWN, 64, 0), (2, EVIDENCE_DOWN, 4, 32 * 1024))
    return tuple(
        dial(
            context,
            next_port(events, step),
            keys,
            server_key,
            max_bytes=plane.max_bytes,
            queue=queue,
            send_buffer=buffer,
        )
        for step, plane, queue, buffer in planes
    )


def next_port(address: str, step: int = 1) -> str:
    """Return the address with the port number raised: the other planes follow the events.

    Examples
    --------
    >>> next_port("tcp://127.0.0.1:8471")
    'tcp://127.0.0.1:8472'
    """
    host, _, port = address.rpartition(":")
    if not host.startswith("tcp://") or not port.isdigit() or int(port) + step > 65535:
        raise UserError("link.bad_address", address=address)
    return f"{host}:{int(port) + step}"
