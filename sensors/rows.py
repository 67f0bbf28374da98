"""Which windows somebody watches at this site, and the newest row of each: lossy by construction.

The centre grants credit; one credit is one row.  A row that finds no credit waits in the one slot
of its watch and is replaced by a newer one; what was replaced is counted and the next row that
leaves says how many were skipped.  A watch that is not renewed lapses.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

from msgspec.structs import replace

from sensors.messages import SpectrumReference, SpectrumRow, Watch

LAPSE_S = 10.0
MAX_WATCHES = 64


@dataclass(slots=True)
class _Slot:
    watch: Watch
    credit: int
    granted_s: float
    row: SpectrumRow | None = None
    reference: SpectrumReference | None = None
    skipped: int = 0
    sent: int = 0


class Rows:
    """The watches of one site.  Every method may be called from any thread.

    Attributes
    ----------
    counts : Counter
        ``offered``, ``sent``, ``skipped``, ``refused``.
    """

    def __init__(self, sensors: tuple[str, ...]) -> None:
        self.sensors = sensors
        self.counts: Counter[str] = Counter()
        self._slots: dict[int, _Slot] = {}
        self._lock = threading.Lock()

    def grant(self, watch: Watch, now_s: float) -> None:
        """Take in what the centre wants; credit 0 ends the watch."""
        with self._lock:
            known = self._slots.get(watch.watch)
            if watch.credit == 0:
                self._slots.pop(watch.watch, None)
            elif watch.sensor not in self.sensors or watch.stop_hz <= watch.start_hz:
                self.counts["refused"] += 1
            elif known is not None and _same_window(known.watch, watch):
                # Rows on their way are not in ``received`` yet, and must not be granted twice.
                known.credit = max(0, watch.received + watch.credit - known.sent)
                known.granted_s = now_s
            elif known is not None or len(self._slots) < MAX_WATCHES:
                self._slots[watch.watch] = _Slot(watch, watch.credit, now_s)
            else:
                self.counts["refused"] += 1

    def watches(self, now_s: float) -> tuple[Watch, ...]:
        """Windows that are watched now."""
        with self._lock:
            lapsed = [n for n, s in self._slots.items() if now_s - s.granted_s > LAPSE_S]
            for number in lapsed:
                del self._slots[number]
            return tuple(slot.watch for slot in self._slots.values())

    def offer(self, watch: Watch, message: SpectrumRow | SpectrumReference) -> None:
        """Hand over the newest row or reference of a watch; replaces one that still waits."""
        with self._lock:
            slot = self._slots.get(watch.watch)
            if slot is None:
                return
            if isinstance(message, SpectrumReference):
                slot.reference = replace(message, watch=watch.watch)
                return
            self.counts["offered"] += 1
            if slot.row is not None:
                slot.skipped += 1
                self.counts["skipped"] += 1
            slot.row = replace(message, watch=watch.watch)

    def take(self) -> SpectrumRow | SpectrumReference | None:
        """Next message that has credit, fewest recently served first; None when there is none."""
        with self._lock:
            for number, slot in self._slots.items():
                if slot.reference is not None:
                    reference, slot.reference = slot.reference, None
                    return reference
                if slot.row is not None and slot.credit > 0:
                    row, slot.row = slot.row, None
                    slot.credit -= 1
                    slot.sent += 1
                    self._slots[number] = self._slots.pop(number)  # to the end of the queue
                    self.counts["sent"] += 1
                    skipped, slot.skipped = slot.skipped, 0
                    return replace(row, skipped=skipped)
            return None

    def unsent(self, message: SpectrumRow | SpectrumReference) -> None:
        """The socket did not take it: its credit is free again."""
        with self._lock:
            slot = self._slots.get(message.watch)
            if slot is not None and isinstance(message, SpectrumRow):
                slot.credit += 1
                slot.sent -= 1
                slot.skipped += 1 + message.skipped
                self.counts["sent"] -= 1
                self.counts["skipped"] += 1

    def clear(self) -> None:
        """Forget every watch: the connection is gone."""
        with self._lock:
            self._slots.clear()


def _same_window(a: Watch, b: Watch) -> bool:
    return replace(a, credit=0, received=0) == replace(b, credit=0, received=0)
