"""A ROUTER of the monitor: what arrives while something is sent is received."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import zmq
import zmq.asyncio

from dashboard.router import Router
from sensors.messages import Pulse
from sensors.wire import EVENTS_DOWN

PULSE = Pulse(1, 2, 3)


@contextmanager
def line() -> Iterator[tuple[Router, zmq.Socket[bytes], Counter[str]]]:
    """A router of a running loop, and a peer of it."""
    context = zmq.asyncio.Context()
    counts: Counter[str] = Counter()
    router = Router(context, "tcp://127.0.0.1:*", 1 << 16, 100, None, counts)
    plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context.underlying)
    peer = plain.socket(zmq.DEALER)
    peer.setsockopt(zmq.LINGER, 0)
    peer.connect(router._socket.getsockopt_string(zmq.LAST_ENDPOINT))
    try:
        yield router, peer, counts
    finally:
        peer.close()
        router.close()
        context.term()


def test_what_arrives_in_the_moment_of_a_send_is_received() -> None:
    # To send, libzmq also reads what its IO thread tells the socket, which is what would have
    # woken the loop: a message that came just before must not lie there until the next one.
    async def story() -> None:
        with line() as (router, peer, _):
            peer.send(b"who")
            route = (await router.receive()).route
            waiting = asyncio.create_task(router.receive())
            await asyncio.sleep(0)
            for number in range(20):
                peer.send(b"%d" % number)
                time.sleep(0.005)  # it arrives while the loop is busy ...
                router.send(route, PULSE)  # ... with sending
                arrival = await asyncio.wait_for(waiting, 2.0)
                assert arrival.frames == [b"%d" % number]
                waiting = asyncio.create_task(router.receive())
                await asyncio.sleep(0)
            waiting.cancel()
            assert EVENTS_DOWN.decode(peer.recv_multipart()) == PULSE

    asyncio.run(story())
