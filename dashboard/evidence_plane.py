"""The evidence plane at the monitor: files of the sites, block by block, in a thread of their own.

Which blocks are asked for, and when a file is whole, is decided in `dashboard.collect.Collector`;
here is who may send which file.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from concurrent.futures import Executor
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from dashboard.arrival import Arrival
from dashboard.collect import Collector, Reply
from dashboard.gate import OnRefused
from dashboard.keyring import Keyring
from dashboard.router import Exchange, Router
from sensors.messages import Block, Offer
from sensors.wire import EVIDENCE_UP, Refused

MAX_OFFERING = 1000
"""Files of relays, and of connections without keys, that are remembered; beyond it the oldest has
to be offered again."""
CLEAR_AWAY_S = 600.0
"""Parts of files that will never be whole are looked for so often, and at the start."""


class EvidencePlane:
    """Files of every site.

    Parameters
    ----------
    exchange : Exchange
        Sends to whoever is reached through one of the sockets of this plane.
    collector : Collector or None
        None takes no file.
    thread : Executor
        Where the blocks are written.
    keyring : Keyring or None
        None = without keys: a connection is the site that it says it is.
    counts : Counter
        ``evidence_refused_<reason>`` and ``evidence_failures`` are counted in it.
    on_refused : callable
        Told reason, peer and detail of a dropped message.
    """

    def __init__(
        self,
        exchange: Exchange,
        collector: Collector | None,
        thread: Executor,
        keyring: Keyring | None,
        counts: Counter[str],
        on_refused: OnRefused,
    ) -> None:
        self._exchange = exchange
        self._collector = collector
        self._thread = thread
        self._keyring = keyring
        self._counts = counts
        self._on_refused = on_refused
        self._offering: dict[tuple[bytes, str], str] = {}
        self._clear_away_s = float("-inf")

    async def take(self, router: Router) -> None:
        """Write and answer the blocks that arrive, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            arrival = await router.receive()
            try:
                message = EVIDENCE_UP.decode(arrival.frames)
                site = self._site_of(arrival, message)
                if self._collector is None:
                    continue
                work = partial(_collect, self._collector, site, message, arrival.route)
                replies = await loop.run_in_executor(self._thread, work)
            except Refused as refused:
                self._counts[f"evidence_refused_{refused.reason}"] += 1
                self._on_refused(refused.reason, arrival.user.decode(), refused.detail)
                continue
            except OSError as error:
                self._counts["evidence_failures"] += 1
                self._on_refused("disk", "evidence", str(error))
                continue
            for route, reply in replies:
                self._exchange.send(route, reply)

    async def renew(self) -> None:
        """Ask again for blocks that do not come; from the thread that alone uses the collector."""
        if self._collector is None:
            return
        loop = asyncio.get_running_loop()
        now_s = time.monotonic()
        if now_s - self._clear_away_s >= CLEAR_AWAY_S:
            self._clear_away_s = now_s
            try:
                await loop.run_in_executor(self._thread, self._collector.clear_away, time.time())
            except (OSError, SQLAlchemyError) as error:
                self._counts["evidence_failures"] += 1
                self._on_refused("disk", "evidence", str(error))
        work = partial(self._collector.due, now_s)
        for route, reply in await loop.run_in_executor(self._thread, work):
            self._exchange.send(route, reply)

    def _site_of(self, arrival: Arrival, message: Offer | Block) -> str:
        """Site that a file comes from; by its key, or by what it said on this connection."""
        if self._keyring is not None:
            peer = self._keyring.admit(arrival.user)
            if not peer.relay:
                if isinstance(message, Offer) and message.site != peer.site:
                    raise Refused("site", message.site)
                return peer.site
            if isinstance(message, Offer) and self._keyring.is_enrolled(message.site):
                raise Refused("site", message.site)  # it comes itself
        # Of a relay, and where there are no keys, a block belongs to whose file was offered.
        whose = (arrival.user or arrival.route, message.name)
        if isinstance(message, Offer):
            self._offering[whose] = message.site
            if len(self._offering) > MAX_OFFERING:
                del self._offering[next(iter(self._offering))]
        if whose not in self._offering:
            raise Refused("unknown", "a block before an offer")
        return self._offering[whose]


def _collect(collector: Collector, site: str, message: Offer | Block, route: bytes) -> list[Reply]:
    now = time.monotonic()
    if isinstance(message, Offer):
        return collector.offered(message, route, now)
    return collector.arrived(site, message, route, now)
