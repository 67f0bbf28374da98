"""What the receiver tells whoever passes everything on to the level above."""

from __future__ import annotations

from typing import Protocol

from dashboard.inbox import Early
from sensors.messages import Heartbeat, SpectrumReference, SpectrumRow


class Relay(Protocol):
    """What wants everything too: `dashboard.upstream.Upstream`."""

    def poke(self) -> None:
        """Something was stored."""
        ...

    def counters(self) -> dict[str, float]:
        """Of its link."""
        ...

    def on_early(self, early: Early) -> None:
        """A site showed something before its turn."""
        ...

    def on_heartbeat(self, beat: Heartbeat) -> None:
        """A site's state came."""
        ...

    def on_row(self, row: SpectrumRow | SpectrumReference) -> bool:
        """A row came; True when it was for the relay alone."""
        ...
