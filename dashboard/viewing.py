"""Windows that the monitor watches: who has them, and how much credit they were given.

No socket and no clock.  Credit is renewed while rows arrive, so that a monitor that cannot keep up
stops asking; a watch survives the reconnection of its site.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from sensors.messages import Announce, SpectrumReference, SpectrumRow, Watch

CREDIT = 16
"""Rows granted at once."""
RENEW_S = 2.0
"""A watch is repeated at least so often (the site lets it lapse after 10 s)."""
ANNOUNCED_S = 10.0
"""A site that announced nothing for so long has no live connection."""


@dataclass(slots=True)
class _View:
    watch: Watch
    received: int = 0  # over the present connection
    granted: int = 0  # value of ``received`` at the last grant
    granted_s: float = float("-inf")


class Viewing:
    """Watches by number, and where the sensors are.

    Attributes
    ----------
    counts : Counter
        ``rows``, ``references``, ``skipped_at_site``, ``unasked``.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._views: dict[int, _View] = {}
        self._routes: dict[str, tuple[bytes, float]] = {}
        self._number = 0

    def watch(self, watch: Watch) -> int:
        """Begin a watch, or move the one of that number; returns its number."""
        if watch.watch == 0:
            self._number += 1
            watch = replace(watch, watch=self._number)
        watch = replace(watch, credit=CREDIT)
        self._views[watch.watch] = _View(watch)
        return watch.watch

    def unwatch(self, number: int) -> Watch | None:
        """End a watch; returns the message that tells the site."""
        view = self._views.pop(number, None)
        return None if view is None else replace(view.watch, credit=0)

    def announced(self, message: Announce, route: bytes, now_s: float) -> bool:
        """Note where sensors can be reached; True when something is new."""
        fresh = False
        for sensor in message.sensors:
            known = self._routes.get(sensor)
            if known is None or known[0] != route:
                fresh = True
                for view in self._views.values():
                    if view.watch.sensor == sensor:
                        view.received = view.granted = 0
                        view.granted_s = float("-inf")
            self._routes[sensor] = (route, now_s)
        return fresh

    def arrived(self, message: SpectrumRow | SpectrumReference, route: bytes) -> bool:
        """Count a row; False when nobody asked for it, or not on this connection."""
        view = self._views.get(message.watch)
        asked = view is not None and view.watch.sensor == message.sensor
        if view is None or not asked or self._routes.get(message.sensor, (b"", 0.0))[0] != route:
            self.counts["unasked"] += 1
            return False
        if isinstance(message, SpectrumReference):
            self.counts["references"] += 1
            return True
        view.received += 1
        self.counts["rows"] += 1
        self.counts["skipped_at_site"] += message.skipped
        return True

    def route(self, sensor: str, now_s: float) -> bytes | None:
        """Where a sensor can be reached now."""
        route, seen_s = self._routes.get(sensor, (None, 0.0))
        return route if now_s - seen_s <= ANNOUNCED_S else None

    def grant(self, number: int, now_s: float) -> tuple[bytes, Watch] | None:
        """Route and message that renew a watch, if it is time; else None."""
        view = self._views.get(number)
        if view is None:
            return None
        used = view.received - view.granted
        if used < CREDIT // 2 and now_s - view.granted_s < RENEW_S:
            return None
        route = self.route(view.watch.sensor, now_s)
        if route is None:
            return None
        view.granted, view.granted_s = view.received, now_s
        return route, replace(view.watch, received=view.received)

    def due(self, now_s: float) -> list[tuple[bytes, Watch]]:
        """Every watch that should be renewed now."""
        grants = [self.grant(number, now_s) for number in self._views]
        return [grant for grant in grants if grant is not None]
