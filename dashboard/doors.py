"""The doors of a monitor: its three sockets, once for every key that it is known by now.

A ROUTER has one key.  While a monitor changes its key, a second set of sockets is open under the
next one, on ports of its own, and every site that comes through the old door is told of it, signed
by the old key.  Later the next key takes over the usual ports, and the second set closes when
nobody comes there any more.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

import zmq.asyncio

from dashboard.gate import OnRefused
from dashboard.keyring import Keyring
from dashboard.router import Exchange, Router
from sensors.dial import next_port
from sensors.keys import Keys
from sensors.messages import Successor
from sensors.pin import successor_digest
from sensors.toml import UserError
from sensors.wire import EVENTS_UP, EVIDENCE_UP, LIVE_UP

QUEUES = (80, 40, 8)
"""Messages of one connection that may wait: what a site may have in flight, and a little more."""
TRIES = 10
"""A door that cannot be opened in so many seconds is told of."""
QUIET_S = 30.0
"""A door that is being left closes when nobody has come through it for so long."""


class Plane(Protocol):
    """What is done with the messages of a socket, for ever."""

    async def take(self, router: Router) -> None:
        """Take messages."""
        ...


@dataclass(slots=True)
class _Door:
    """One set of sockets.  ``used_s``: when a site last spoke here."""

    tag: int
    events: str
    keys: Keys | None
    routers: list[Router]
    used_s: float
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class Doors:
    """Opens and closes the sockets as the keyring says.

    Parameters
    ----------
    context : zmq.asyncio.Context
    events : str
        Usual address of the events plane.
    keyring : Keyring or None
        None: one door without keys.
    planes : iterable of (Plane, Exchange)
        Events, live rows, evidence.
    counts : Counter
    run : callable
        Runs a task for ever and logs what goes wrong in it.
    on_refused : callable
        Told of a door that cannot be opened.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        events: str,
        keyring: Keyring | None,
        planes: Iterable[tuple[Plane, Exchange]],
        counts: Counter[str],
        run: Callable[[Callable[[], Coroutine[Any, Any, None]]], Coroutine[Any, Any, None]],
        on_refused: OnRefused,
    ) -> None:
        self._context = context
        self._events = events
        self._keyring = keyring
        self._planes = tuple(planes)
        self._counts = counts
        self._run = run
        self._on_refused = on_refused
        self._doors: dict[int, _Door] = {}
        self._tries: Counter[str] = Counter()
        self._tag = 0

    def open(self) -> None:
        """Open the usual door, and the one beside it if it can be.

        Raises
        ------
        UserError
            ``monitor.port_in_use`` or ``monitor.bad_address``, of the usual door.
        """
        (events, keys), *_ = self._wanted()
        self._open(events, keys)
        self.follow()

    def follow(self) -> None:
        """Open and close what the keyring has changed."""
        wanted = self._wanted()
        for door in list(self._doors.values()):
            if (door.events, _curve(door.keys)) not in {(e, _curve(k)) for e, k in wanted}:
                self._close(door)
        for events, keys in wanted:
            if not self._is_open(events, keys):
                try:
                    self._open(events, keys)
                    self._tries.pop(events, None)
                except UserError as error:  # the port may be ours still; it is tried again
                    self._counts["doors_not_opened"] += 1
                    self._tries[events] += 1
                    if self._tries[events] == TRIES:
                        self._on_refused("door", events, error.message_id)

    def used(self, route: bytes) -> Successor | None:
        """A site spoke through this door; returns what it must be told about where to go."""
        door = self._doors.get(route[0])
        if door is None or self._keyring is None:
            return None
        door.used_s = time.monotonic()
        move = self._keyring.own.move
        if door.keys is None or move is None:
            return None
        beside = self._address(move.events)
        heir = self._keyring.own.next_keys
        if move.state == "next" and door.events == self._events and self._is_open(beside, heir):
            return _successor(move.events, heir, door.keys)
        back = move.state == "leaving" and door.events == beside
        if back and self._is_open(self._events, door.keys):
            return _successor("", door.keys, door.keys)  # as the site has it configured
        return None

    def keys(self, route: bytes) -> Keys | None:
        """What we are known by at this door."""
        door = self._doors.get(route[0])
        return door.keys if door is not None else None

    def to_move(self, routes: Iterable[bytes]) -> int:
        """How many of these connections come through a door that is being left."""
        return sum(self._leaves(route[0]) for route in routes)

    async def close(self) -> None:
        """Close every door."""
        tasks = [task for door in self._doors.values() for task in door.tasks]
        for door in list(self._doors.values()):
            self._close(door)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _wanted(self) -> list[tuple[str, Keys | None]]:
        if self._keyring is None:
            return [(self._events, None)]
        wanted: list[tuple[str, Keys | None]] = [(self._events, self._keyring.keys)]
        move = self._keyring.own.move
        if move is None:
            return wanted
        beside = self._address(move.events)
        if move.state == "next" and self._keyring.own.next_keys is not None:
            wanted.append((beside, self._keyring.own.next_keys))
        if move.state == "leaving" and self._is_used(beside):
            wanted.append((beside, self._keyring.keys))
        return wanted

    def _is_open(self, events: str, keys: Keys | None) -> bool:
        doors = self._doors.values()
        return any(door.events == events and _curve(door.keys) == _curve(keys) for door in doors)

    def _is_used(self, events: str) -> bool:
        now_s = time.monotonic()
        doors = [door for door in self._doors.values() if door.events == events]
        return any(now_s - door.used_s <= QUIET_S for door in doors)

    def _leaves(self, tag: int) -> bool:
        door, move = self._doors.get(tag), self._keyring.own.move if self._keyring else None
        if door is None or move is None:
            return False
        return (door.events == self._events) == (move.state == "next")

    def _address(self, events: str) -> str:
        """Where we bind for an address that sites are told: the host is ours."""
        host = self._events.rpartition(":")[0]
        return f"{host}:{events.rpartition(':')[2]}"

    def _open(self, events: str, keys: Keys | None) -> None:
        tag = self._tag = (self._tag + 1) % 256
        routers: list[Router] = []
        try:
            for step, bounds in enumerate((EVENTS_UP, LIVE_UP, EVIDENCE_UP)):
                address = next_port(events, step)
                routers.append(
                    Router(
                        self._context,
                        address,
                        bounds.max_bytes,
                        QUEUES[step],
                        keys,
                        self._counts,
                        tag,
                    )
                )
        except UserError:
            for router in routers:
                router.close()
            raise
        door = self._doors[tag] = _Door(tag, events, keys, routers, time.monotonic())
        for (plane, exchange), router in zip(self._planes, routers, strict=True):
            exchange.add(router)
            door.tasks.append(asyncio.create_task(self._run(_taking(plane, router))))

    def _close(self, door: _Door) -> None:
        del self._doors[door.tag]
        for task in door.tasks:
            task.cancel()
        for (_, exchange), router in zip(self._planes, door.routers, strict=True):
            exchange.remove(router)
            router.close()


def _taking(plane: Plane, router: Router) -> Callable[[], Coroutine[Any, Any, None]]:
    return lambda: plane.take(router)


def _curve(keys: Keys | None) -> bytes:
    return keys.curve_public if keys is not None else b""


def _successor(events: str, heir: Keys | None, signer: Keys) -> Successor | None:
    if heir is None:
        return None
    digest = successor_digest(events, heir.curve_public, heir.verify_key)
    return Successor(events, heir.curve_public, heir.verify_key, signer.sign(digest))
