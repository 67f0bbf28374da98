"""Make today's program tomorrow's; Python imports this before anything else.

Version 3: heartbeat and greeting have a field more, and either side says something that nobody
knew before.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[4]))

import msgspec

import sensors.messages as messages

messages.VERSION = 3


class Weather(msgspec.Struct, frozen=True, array_like=True):
    """Since version 3."""

    rain: bool = True


class LongHeartbeat(messages.Heartbeat, frozen=True, tag="heartbeat"):
    battery_v: float = 12.6


class LongHello(messages.Hello, frozen=True, array_like=True):
    antenna: str = "discone"


import sensors.wire as wire  # noqa: E402 - after the version was changed

assert wire.READS == (2, 3)
for kind, code, layout in ((Weather, 99, 3), (LongHeartbeat, 3, 1), (LongHello, 1, 1)):
    wire._HEADERS[kind] = bytes((layout, code))
wire.CODES[Weather], wire.LAYOUT[Weather] = 99, 3
wire._DECODERS[99] = msgspec.msgpack.Decoder(Weather)
for plane in (wire.EVENTS_UP, wire.EVENTS_DOWN):
    object.__setattr__(plane, "types", (*plane.types, Weather))

import dashboard.router as router  # noqa: E402
import sensors.courier as courier  # noqa: E402

_send_up, _send_down = courier.Courier._send, router.Router.send


def send_up(self: courier.Courier, dealer: Any, message: msgspec.Struct) -> bool:
    if type(message) is messages.Heartbeat:
        message = LongHeartbeat(**msgspec.structs.asdict(message))
        _send_up(self, dealer, Weather())
    if type(message) is messages.Hello:
        message = LongHello(*msgspec.structs.astuple(message))
    return _send_up(self, dealer, message)


def send_down(self: router.Router, route: bytes, message: msgspec.Struct) -> None:
    if isinstance(message, messages.Pulse):
        _send_down(self, route, Weather())
    _send_down(self, route, message)


courier.Courier._send = send_up
router.Router.send = send_down
