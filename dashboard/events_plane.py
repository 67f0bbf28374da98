"""The events plane at the monitor: batches into the store, what it answers, commands to the sites.

The loop only moves frames.  `dashboard.intake.Intake` decodes, checks and stores in one thread of
its own, so that a slow disk never stops the page; nothing is acknowledged before it is stored.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor

from msgspec.structs import replace

from dashboard.arrival import Arrival, Outcome
from dashboard.doors import Doors
from dashboard.intake import Intake, StoreFailed
from dashboard.router import Exchange, Router
from sensors.messages import VERSION, Answer, Command, Configure, Pulse, Welcome
from sensors.toml import UserError
from sensors.wire import LAYOUT, check

BATCH = 256
"""Messages of one transaction, at most."""
RETRY_S = 1.0
"""Pause after the store failed."""

_log = logging.getLogger(__name__)


class EventsPlane:
    """Takes what the sites confirmed, and carries commands the other way.

    Parameters
    ----------
    exchange : Exchange
        Sends to whoever is reached through one of the sockets of this plane.
    intake : Intake
    thread : Executor
        Of one thread: the intake and the store are used from nowhere else.
    counts : Counter
        ``store_failures`` is counted in it.
    on_outcome : callable
        Told in the loop what a batch brought, after it was stored and answered.

    Attributes
    ----------
    doors : Doors or None
        Says what a site must be told of our keys.
    """

    def __init__(
        self,
        exchange: Exchange,
        intake: Intake,
        thread: Executor,
        counts: Counter[str],
        on_outcome: Callable[[Outcome], None],
    ) -> None:
        self._intake = intake
        self._exchange = exchange
        self._thread = thread
        self._counts = counts
        self._on_outcome = on_outcome
        self.doors: Doors | None = None
        self._asked: dict[int, tuple[str, asyncio.Future[Answer]]] = {}

    async def take(self, router: Router) -> None:
        """Store and answer what arrives, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            arrivals = await _gather(router)
            try:
                outcome = await loop.run_in_executor(self._thread, self._intake.process, arrivals)
            except StoreFailed as failed:
                # Not acknowledged, so nothing is lost; the sites send it again.
                self._counts["store_failures"] += 1
                _log.error("store failed, nothing is acknowledged: %s", failed)
                self._conclude(failed.outcome)  # heartbeats: it is not the sites that are silent
                await asyncio.sleep(RETRY_S)
                continue
            self._conclude(outcome)

    async def command(
        self,
        site: str,
        name: str,
        args: dict[str, str | float | int],
        lease_s: float,
        within_s: float,
    ) -> Answer:
        """Send a command and wait for its answer, see `dashboard.receiver.Receiver.command`."""
        through = site
        if site not in self._intake.routes and site in self._intake.below:
            through = self._intake.below[site]
            args = {**args, "site": site}  # the monitor below passes it on
        number, expires_ns = _number(), time.time_ns() + int(within_s * 1e9)
        return await self._ask(through, Command(number, name, args, lease_s, expires_ns), within_s)

    async def configure(
        self, site: str, version: int, text: bytes, signature: bytes, within_s: float
    ) -> Answer:
        """Send a configuration and wait for the answer."""
        if self._version(site) < LAYOUT[Configure]:
            raise UserError("command.too_old", site=site)
        number, expires_ns = _number(), time.time_ns() + int(within_s * 1e9)
        order = Configure(number, version, text, signature, expires_ns)
        return await self._ask(site, order, within_s)

    async def _ask(self, site: str, order: Command | Configure, within_s: float) -> Answer:
        check(order)
        if site not in self._intake.routes:
            raise UserError("command.unreachable", site=site)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[order.number] = (site, future)
        try:
            for _ in range(max(1, round(within_s))):
                self._exchange.send(self._intake.routes[site], order)
                done, _ = await asyncio.wait((future,), timeout=1.0)
                if done:
                    return future.result()
        finally:
            del self._asked[order.number]
        raise UserError("command.no_answer", site=site)

    def _version(self, site: str) -> int:
        """Of the protocol, as agreed with a site; ours where none is connected."""
        chains = [chain for chain in self._intake.chains.values() if chain.site == site]
        return max((chain.version for chain in chains), default=VERSION)

    def _conclude(self, outcome: Outcome) -> None:
        for route, reply in outcome.replies:
            if isinstance(reply, Pulse):
                reply = replace(reply, sent_ns=max(time.time_ns(), reply.received_ns))
                if self.doors is not None and (heir := self.doors.used(route)) is not None:
                    self._exchange.send(route, heir)
            elif isinstance(reply, Welcome) and self.doors is not None:
                keys = self.doors.keys(route)
                verify_key = keys.verify_key if keys is not None else bytes(32)
                reply = replace(reply, verify_key=verify_key)
            self._exchange.send(route, reply)
        for site, answer in outcome.answers:
            asked, future = self._asked.get(answer.number, ("", None))
            if future is not None and asked == site and not future.done():
                future.set_result(answer)
        self._on_outcome(outcome)


def _number() -> int:
    """Number of a command: nobody guesses it, and no two monitors choose the same."""
    return int.from_bytes(os.urandom(7), "big") + 1


async def _gather(router: Router) -> list[Arrival]:
    """Wait for a message, then take what else is there.

    No waiting for company: what comes during a commit is the next batch.  And no timeout around
    the asynchronous receive: a message that arrives while it is cancelled would be lost.
    """
    arrivals = [await router.receive()]
    while len(arrivals) < BATCH and (arrival := router.receive_now()) is not None:
        arrivals.append(arrival)
    return arrivals
