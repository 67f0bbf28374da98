"""The live plane at the monitor: rows that somebody watches, and the credit that asks for more.

Rows may be lost and are never stored.  What is watched, and how much credit a site has, is kept in
`dashboard.viewing.Viewing`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from msgspec import Struct

from dashboard.arrival import Arrival
from dashboard.gate import OnRefused
from dashboard.keyring import Keyring
from dashboard.router import Exchange, Router
from dashboard.viewing import Viewing
from sensors.messages import Announce, SpectrumReference, SpectrumRow, Watch
from sensors.wire import LIVE_UP, Refused

LIVE_BATCH = 32
"""Rows taken in one go."""


class LivePlane:
    """Rows of every site, for whoever watches.

    Parameters
    ----------
    exchange : Exchange
        Sends to whoever is reached through one of the sockets of this plane.
    viewing : Viewing
    keyring : Keyring or None
        None = without keys.
    counts : Counter
        ``live_refused_<reason>`` is counted in it.
    on_row : callable
        Told in the loop every row that was asked for.
    on_refused : callable
        Told reason, peer and detail of a dropped message.
    """

    def __init__(
        self,
        exchange: Exchange,
        viewing: Viewing,
        keyring: Keyring | None,
        counts: Counter[str],
        on_row: Callable[[SpectrumRow | SpectrumReference], None],
        on_refused: OnRefused,
    ) -> None:
        self._exchange = exchange
        self._viewing = viewing
        self._keyring = keyring
        self._counts = counts
        self._on_row = on_row
        self._on_refused = on_refused

    async def take(self, router: Router) -> None:
        """Pass on the rows that arrive, for ever."""
        while True:
            self._one(await router.receive())
            for _ in range(LIVE_BATCH):
                arrival = router.receive_now()
                if arrival is None:
                    break
                self._one(arrival)
            await asyncio.sleep(0)  # rows never keep the loop from events and browsers

    def watch(self, watch: Watch) -> int:
        """Begin or move a watch; returns its number."""
        number = self._viewing.watch(watch)
        self.renew()
        return number

    def unwatch(self, number: int) -> None:
        """End a watch, and tell the site."""
        ended = self._viewing.unwatch(number)
        if ended is not None:
            route = self._viewing.route(ended.sensor, time.monotonic())
            if route is not None:
                self._exchange.send(route, ended)

    def renew(self) -> None:
        """Give credit to every watch that is due for it."""
        for route, watch in self._viewing.due(time.monotonic()):
            self._exchange.send(route, watch)

    def _one(self, arrival: Arrival) -> None:
        try:
            message = LIVE_UP.decode(arrival.frames)
            self._allowed(arrival, message)
        except Refused as refused:
            self._counts[f"live_refused_{refused.reason}"] += 1
            self._on_refused(refused.reason, arrival.user.decode(), refused.detail)
            return
        now = time.monotonic()
        if isinstance(message, Announce):
            if self._viewing.announced(message, arrival.route, now):
                self.renew()
        elif self._viewing.arrived(message, arrival.route):
            grant = self._viewing.grant(message.watch, now)
            if grant is not None:
                self._exchange.send(*grant)
            self._on_row(message)

    def _allowed(self, arrival: Arrival, message: Struct) -> None:
        if self._keyring is None:
            return
        peer = self._keyring.admit(arrival.user)
        if isinstance(message, Announce):
            if message.site != peer.site:
                raise Refused("site", message.site)
            for sensor in message.sensors:
                own = sensor.startswith(f"{peer.site}/")
                if not own and not (peer.relay and self._comes_from_below(sensor)):
                    raise Refused("site", sensor)

    def _comes_from_below(self, sensor: str) -> bool:
        """Whether no site that it may belong to comes here itself."""
        assert self._keyring is not None
        steps = sensor.split("/")
        sites = ("/".join(steps[:count]) for count in range(1, len(steps)))
        return not any(map(self._keyring.is_enrolled, sites))
