"""Which samples become evidence: from before an emitter's first symbol until it falls silent.

The walk hands every block to `Keeper.hear` and every change of emitters to `Keeper.follow`.
Finished clips are written by a thread of their own, because the walk must not wait for a disk.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from dsp.signals import Emitter
from dsp.values import Dwell, IQBlock
from sdr.capture import Ring, stop_ns
from sensors.evidence import Archive, Clip, EvidenceFault, Facts

MAX_OPEN = 4
"""Clips of one dongle that grow at the same time; a jammer opens a hundred emitters."""

WRITING = 2
"""Finished clips that wait for the disk."""

CLIPS_EACH = 3
"""An emitter that comes back after a silence is kept again, so often."""

MERGE_NS = 100_000_000
"""Sightings closer than this are one burst."""

MAX_ASKED = 2
"""Windows that the centre asked for and that still grow."""

MAX_KNOWN = 1024
"""Emitters remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class _Open:
    """A clip that still grows."""

    facts: Facts
    center_freq_hz: float
    start_ns: int
    last_seen_ns: int
    blocks: list[IQBlock]
    bursts: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one emitter's clip.

    Attributes
    ----------
    emitter : int
        Its number.
    clip : Clip or None
    fault : EvidenceFault or None
        Why there is none.
    """

    emitter: int
    clip: Clip | None
    fault: EvidenceFault | None = None


class Keeper:
    """The evidence of one dongle.

    Parameters
    ----------
    archive : Archive
    facts : Facts
        What is the same for all clips; emitter, edges and bursts are filled in.
    before_s : float
        Kept from before the first sighting.
    after_s : float
        A clip ends when its emitter was not seen for so long.
    longest_s : float
        And at this length at the latest.
    max_bytes : int
        Of the ring, and of each growing clip.

    Attributes
    ----------
    left_out : int
        Emitters without a clip because too many were on the air or the disk was too slow.
    """

    def __init__(
        self,
        archive: Archive,
        facts: Facts,
        *,
        before_s: float = 5.0,
        after_s: float = 2.0,
        longest_s: float = 12.0,
        max_bytes: int = 64 << 20,
    ) -> None:
        self.left_out = 0
        self._archive = archive
        self._facts = facts
        self.drill = False
        self._before_ns = round(before_s * 1e9)
        self._after_ns = round(after_s * 1e9)
        self._longest_ns = round(longest_s * 1e9)
        self._max_bytes = max_bytes
        self._ring = Ring(before_s + 1.0, max_bytes)
        self._open: dict[int, _Open] = {}
        self._known: dict[int, list[int]] = {}  # emitter: clips begun, last sighting
        self._to_write: queue.Queue[tuple[int, Facts, list[IQBlock]] | None] = queue.Queue(WRITING)
        self._written: queue.SimpleQueue[Kept] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="evidence", daemon=True)
        self._thread.start()

    def hear(self, block: IQBlock) -> None:
        """Take in the newest samples; those of another gain must be left out."""
        kept = self._ring.push(block)
        now_ns = stop_ns(kept)
        for number, one in list(self._open.items()):
            # Of a window that was asked for: it may lie in the future, or be over long since.
            inside = now_ns > one.start_ns and kept.time_ns <= one.last_seen_ns + self._after_ns
            if inside and abs(block.center_freq_hz - one.center_freq_hz) <= 1.0:
                one.blocks.append(kept)
            large = sum(held.raw.nbytes for held in one.blocks) >= self._max_bytes
            silent = now_ns - one.last_seen_ns > self._after_ns
            long = number > 0 and now_ns - one.start_ns > self._longest_ns
            if large or silent or long:
                self._finish(number)

    def follow(self, emitters: Sequence[Emitter], dwell: Dwell) -> None:
        """Open clips of what is new or has come back, note what is on the air.

        Parameters
        ----------
        emitters : sequence of Emitter
            What the tracker says after the dwell.
        dwell : Dwell
        """
        until_ns = dwell.time_ns + round(dwell.duration_s * 1e9)
        for emitter in emitters:
            if emitter.phase == "gone" or emitter.last_seen_ns < dwell.time_ns:
                continue
            one = self._open.get(emitter.number)
            if one is None:
                one = self._begin(emitter, dwell)
            else:
                _add_burst(one.bursts, dwell.time_ns, until_ns)
            if one is not None:
                one.last_seen_ns = emitter.last_seen_ns
                one.facts = _with_edges(one.facts, emitter)
            self._known[emitter.number][1] = emitter.last_seen_ns

    def ask(self, number: int, freq_hz: float, start_ns: int, until_ns: int) -> None:
        """Keep a window of time around a frequency, as far as it is held or still to come.

        Parameters
        ----------
        number : int
            Negative, so that it is no emitter's.  `results` brings what became of it.
        freq_hz : float
        start_ns, until_ns : int
        """
        held = self._ring.extract(0, 1 << 62)
        near = [b for b in held if abs(b.center_freq_hz - freq_hz) < b.sample_rate_hz / 2]
        if not near or sum(other < 0 for other in self._open) >= MAX_ASKED:
            self._refuse(number)
            return
        center_hz = min((b.center_freq_hz for b in near), key=lambda one: abs(one - freq_hz))
        self._open[number] = _Open(
            facts=replace(self._facts, emitter=f"asked-{-number}", low_hz=freq_hz, high_hz=freq_hz),
            center_freq_hz=center_hz,
            start_ns=start_ns,
            # As if it fell silent so early that the clip ends where the window does.
            last_seen_ns=until_ns - self._after_ns,
            blocks=self._ring.extract(start_ns, until_ns, center_hz),
        )

    def results(self) -> list[Kept]:
        """Clips that were written, or could not be, since last asked."""
        found = []
        while not self._written.empty():
            found.append(self._written.get())
        return found

    def close(self, patience_s: float = 5.0) -> list[Kept]:
        """Finish what is open and wait for the disk."""
        for number in list(self._open):
            self._finish(number, patience_s)
        with suppress(queue.Full):
            self._to_write.put(None, timeout=patience_s)
        self._thread.join(patience_s)
        return self.results()

    def _begin(self, emitter: Emitter, dwell: Dwell) -> _Open | None:
        """Open a clip, unless this emitter has had its share or too many are on the air."""
        known = self._known.setdefault(emitter.number, [0, emitter.first_seen_ns])
        while len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]
        came_back = dwell.time_ns - known[1] > self._after_ns
        if known[0] and (known[0] >= CLIPS_EACH or not came_back):
            return None
        known[0] += 1
        if len(self._open) >= MAX_OPEN:
            self.left_out += 1
            return None
        first_ns = dwell.time_ns if came_back else emitter.first_seen_ns
        start_ns = first_ns - self._before_ns
        one = self._open[emitter.number] = _Open(
            facts=replace(
                self._facts,
                emitter=f"{self._facts.sensor}-{emitter.number}",
                drill=self._facts.drill or self.drill,
            ),
            center_freq_hz=dwell.center_freq_hz,
            start_ns=start_ns,
            last_seen_ns=emitter.last_seen_ns,
            blocks=self._ring.extract(start_ns, 1 << 62, dwell.center_freq_hz),
        )
        _add_burst(one.bursts, first_ns, dwell.time_ns + round(dwell.duration_s * 1e9))
        return one

    def _finish(self, number: int, patience_s: float = 0.0) -> None:
        one = self._open.pop(number)
        if not one.blocks:
            self._refuse(number)
            return
        # What was added lies in the samples of everything that was kept meanwhile.
        facts = replace(one.facts, bursts=tuple(one.bursts), drill=one.facts.drill or self.drill)
        try:
            self._to_write.put(
                (number, facts, one.blocks), block=patience_s > 0, timeout=patience_s or None
            )
        except queue.Full:
            if number < 0 and not patience_s:
                self._open[number] = one  # somebody waits for it: again with the next block
            else:
                self._refuse(number)

    def _refuse(self, number: int) -> None:
        """Count what is not kept; who asked for it is told."""
        self.left_out += 1
        if number < 0:
            self._written.put(Kept(number, None, EvidenceFault("record.nothing_held")))

    def _write(self) -> None:
        while (work := self._to_write.get()) is not None:
            number, facts, blocks = work
            try:
                self._written.put(Kept(number, self._archive.keep(facts, blocks)))
            except EvidenceFault as fault:
                self._written.put(Kept(number, None, fault))


def _with_edges(facts: Facts, emitter: Emitter) -> Facts:
    """Facts with the edges as known now; they grow sharper with every dwell."""
    half_hz = max(emitter.bandwidth_hz, 1.0) / 2
    low_hz, high_hz = emitter.center_freq_hz - half_hz, emitter.center_freq_hz + half_hz
    return replace(facts, low_hz=low_hz, high_hz=high_hz)


def _add_burst(bursts: list[tuple[int, int]], start_ns: int, until_ns: int) -> None:
    """Note a sighting; one that follows closely prolongs the burst before it."""
    if bursts and start_ns - bursts[-1][1] <= MERGE_NS:
        bursts[-1] = (bursts[-1][0], max(bursts[-1][1], until_ns))
    else:
        bursts.append((start_ns, until_ns))
