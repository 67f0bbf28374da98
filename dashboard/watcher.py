"""What asks a site for rows, as those who want rows see it."""

from __future__ import annotations

from typing import Protocol

from sensors.messages import Watch


class Watcher(Protocol):
    """The real one is `dashboard.receiver.Receiver`."""

    def watch(self, watch: Watch) -> int:
        """Begin to watch a window; its rows carry the returned number."""
        ...

    def unwatch(self, number: int) -> None:
        """End a watch."""
        ...
