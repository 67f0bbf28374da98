"""Where `rfproctor window` hears from: a site on this machine, or the centre's live WebSocket.

A thread receives into a bounded queue, the oldest dropped and counted; the window takes what has
come at its own speed.  Both give the same few messages.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
import time
from collections import deque
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from dashboard.frames import split
from dsp.axis import join_bands
from sensors.local_feed import LocalFeed
from sensors.messages import (
    EmitterEvent,
    Heartbeat,
    SensorHealth,
    SpectrumReference,
    SpectrumRow,
)
from sensors.toml import BadConfig

QUEUE = 512
RETRY_S = 1.0
BIN_HZ = 2.4e6 / 1024
MOST_BINS = 4096
MOST_VIEWS = 16
"""As the monitor allows."""

CLOSED = frozenset({"closed", "dismissed"})


class Flag(Struct, frozen=True):
    """An alarm as the window shows it."""

    id: str
    sensors: tuple[str, ...]
    center_freq_hz: float
    bandwidth_hz: float
    snr_db: float
    label: str
    suspicion: int
    last_seen_ns: int
    state: Literal["new", "seen", "over"]
    drill: bool = False


class Beat(Struct, frozen=True):
    """The state of a site."""

    site: str
    site_name: str
    sensors: list[SensorHealth]


Heard = Beat | Flag | SpectrumRow | SpectrumReference


class SiteFeed:
    """A site on this machine.

    Parameters
    ----------
    address : str
        ``tcp://127.0.0.1:PORT``.
    """

    def __init__(self, address: str) -> None:
        self._feed = LocalFeed(address)

    @property
    def trouble(self) -> str:
        """Message id of what is wrong with the line; empty when nothing is."""
        return "" if self._feed.heard_s() < 3.0 else "window.site_silent"

    @property
    def dropped(self) -> int:
        """Messages that came faster than they were taken."""
        return self._feed.dropped

    def choose(self, health: SensorHealth) -> None:
        """Hear the rows of this sensor and of no other."""
        self._feed.choose(health.sensor)

    def take(self) -> list[Heard]:
        """What has come since last asked."""
        heard: list[Heard] = []
        for message in self._feed.take():
            if isinstance(message, Heartbeat):
                heard.append(Beat(message.site, message.site_name, message.sensors))
            elif isinstance(message, EmitterEvent):
                heard.append(_flag_of(message))
            elif isinstance(message, SpectrumRow | SpectrumReference):
                heard.append(message)
        return heard

    def close(self) -> None:
        """Stop."""
        self._feed.close()


class MonitorFeed:
    """The centre, through its live WebSocket (docs/live.md).

    Parameters
    ----------
    address : str
        ``http://HOST:PORT`` of the page; a link with its ``?token=`` does too.
    token : str
    ca : str
        Certificate file that is trusted for ``https``; empty for the system's own.

    Raises
    ------
    UserError
        The certificate file cannot be read.
    """

    def __init__(self, address: str, token: str = "", ca: str = "") -> None:
        url = urlsplit(address)
        self._url = f"{'wss' if url.scheme == 'https' else 'ws'}://{url.netloc}/api/v1/live"
        self._token = parse_qs(url.query).get("token", [token])[0]
        self._tls = None
        if url.scheme == "https":
            try:
                self._tls = ssl.create_default_context(cafile=ca or None)
            except (OSError, ssl.SSLError) as error:
                raise BadConfig("window.bad_ca", file=ca, why=str(error)) from None
        self.trouble = "window.connecting"
        self.refused = ""
        self.dropped = 0
        self._heard: deque[Heard] = deque(maxlen=QUEUE)
        self._wanted: SensorHealth | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="window", daemon=True)
        self._thread.start()

    def choose(self, health: SensorHealth) -> None:
        """Ask for the rows of this sensor and of no other."""
        self._wanted = health

    def take(self) -> list[Heard]:
        """What has come since last asked.

        Raises
        ------
        UserError
            The monitor does not let us in.
        """
        if self.refused:
            raise BadConfig(self.refused, address=self._url)
        heard = []
        with contextlib.suppress(IndexError):
            while True:
                heard.append(self._heard.popleft())
        return heard

    def close(self) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join(3.0)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(
                    self._url,
                    additional_headers={"Authorization": f"Bearer {self._token}"},
                    ssl=self._tls,
                    open_timeout=5,
                    max_size=1 << 24,
                    proxy=None,
                ) as line:
                    self._talk(line)
            except InvalidStatus as error:
                if error.response.status_code in {401, 403}:
                    self.refused = "window.refused"
                    return
                self.trouble = "window.connecting"
            except ssl.SSLCertVerificationError:
                self.refused = "window.untrusted"
                return
            except (OSError, TimeoutError, WebSocketException, InvalidHandshake):
                self.trouble = "window.connecting"
            self._stop.wait(RETRY_S)

    def _talk(self, line: ClientConnection) -> None:
        asked: tuple[object, ...] = ()
        views = 0
        heard_s = time.monotonic()
        while not self._stop.is_set():
            if (wanted := self._wanted) is not None:
                bands = join_bands((b.start_hz, b.stop_hz) for b in wanted.bands)[:MOST_VIEWS]
                if (wanted.sensor, *bands) != asked:
                    asked = (wanted.sensor, *bands)
                    for request in _requests(wanted.sensor, bands, views):
                        line.send(msgspec.json.encode(request).decode())
                    views = len(bands)
            try:
                received = line.recv(timeout=0.2)
            except TimeoutError:
                if time.monotonic() - heard_s > 3.0:
                    self.trouble = "window.monitor_silent"
                continue
            heard_s = time.monotonic()
            self.trouble = ""
            for message in _read(received):
                if len(self._heard) == QUEUE:
                    self.dropped += 1
                self._heard.append(message)


def _requests(sensor: str, bands: list[tuple[float, float]], before: int) -> list[dict[str, Any]]:
    """Messages that move our views to these bands and end those that are too many."""
    wanted: list[dict[str, Any]] = [
        {
            "op": "watch",
            "id": f"w{index}",
            "sensor": sensor,
            "start_hz": low_hz,
            "stop_hz": high_hz,
            "bins": min(MOST_BINS, max(16, round((high_hz - low_hz) / BIN_HZ))),
        }
        for index, (low_hz, high_hz) in enumerate(bands)
    ]
    ended = [{"op": "unwatch", "id": f"w{index}"} for index in range(len(bands), before)]
    return wanted + ended


def _read(received: str | bytes) -> list[Heard]:
    """One message of the monitor; what a window does not show is left out."""
    if isinstance(received, bytes):
        header, body = split(received)
        count = header.pop("n_bins")
        assert isinstance(count, int)
        if header["kind"] == "row":
            return [msgspec.convert({**header, "levels": body}, SpectrumRow)]
        both = {"baseline": body[:count], "threshold": body[count:]}
        return [msgspec.convert({**header, **both}, SpectrumReference)]
    message = msgspec.json.decode(received)
    if message["kind"] == "snapshot":
        return [
            *(msgspec.convert(site, Beat) for site in message["sites"]),
            *(_flag_from(alarm) for alarm in message["alarms"]),
        ]
    if message["kind"] == "site":
        return [msgspec.convert(message["site"], Beat)]
    if message["kind"] == "alarm":
        return [_flag_from(message["alarm"])]
    return []


def _flag_of(event: EmitterEvent) -> Flag:
    return Flag(
        id=f"{event.sensor} {event.emitter}",
        sensors=(event.sensor,),
        center_freq_hz=event.center_freq_hz,
        bandwidth_hz=event.bandwidth_hz,
        snr_db=event.snr_db,
        label=event.label,
        suspicion=event.suspicion,
        last_seen_ns=event.last_seen_ns,
        state="over" if event.phase == "close" else "new",
        drill=event.drill,
    )


def _flag_from(alarm: dict[str, Any]) -> Flag:
    state = alarm["state"]
    return Flag(
        id=alarm["id"],
        sensors=tuple(alarm["sensors"]),
        center_freq_hz=alarm["center_freq_hz"],
        bandwidth_hz=alarm["bandwidth_hz"],
        snr_db=alarm["snr_db"],
        label=alarm["label"],
        suspicion=alarm["suspicion"],
        last_seen_ns=alarm["last_seen_ns"],
        state="over" if state in CLOSED else "new" if state in {"new", "reopened"} else "seen",
        drill=alarm.get("drill", False),
    )
