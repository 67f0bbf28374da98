"""Files on their way to the centre: offered, asked for block by block, resumed after any break.

No socket and no clock.  The centre asks, so it decides the pace and where to go on; the site only
answers.  Blocks are small, two are in flight, so that an alarm never waits long behind them even on
a slow line.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from sensors.messages import BLOCK_BYTES, Block, Kept, Offer, Want

OFFER_EVERY_S = 5.0
"""An offer that nobody takes up is repeated."""
OFFERED = 8
"""Files offered at a time; the others wait for their turn."""
MAX_FILES = 10_000
"""Files that wait; beyond, the oldest is left out and counted (it stays in the archive)."""


@dataclass(slots=True)
class _File:
    path: Path
    offer: Offer
    offered_s: float = float("-inf")


class Clips:
    """Files that the centre shall have.  Every method may be called from any thread.

    Parameters
    ----------
    site : str

    Attributes
    ----------
    counts : Counter
        ``offered``, ``kept``, ``rejected``, ``blocks``, ``bytes``, ``left_out``, ``unreadable``.
    on_settled : callable
        Told each file that the centre has (True), or has another one of that name (False); be
        quick.
    """

    def __init__(self, site: str) -> None:
        self.counts: Counter[str] = Counter()
        self.on_settled: Callable[[Path, bool], None] = _nothing
        self._site = site
        self._files: OrderedDict[str, _File] = OrderedDict()
        self._asked: dict[str, _File] = {}  # those of them that a person waits for
        self._wants: deque[Want] = deque(maxlen=16)
        self._unsent: Offer | Block | None = None
        self._lock = threading.Lock()

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def offer(self, path: Path, site: str = "", *, late: bool = False, asked: bool = False) -> None:
        """Let the centre have a finished file; its name must be unique at this site.

        Parameters
        ----------
        path : Path
        site : str
            Whose it is, where a relay brings it; empty for our own.
        late : bool
            It is of the past: everything else goes first.
        asked : bool
            A person waits for it: it goes before everything else.

        Raises
        ------
        OSError
            It cannot be read.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        offer = Offer(site or self._site, path.name, path.stat().st_size, digest, late, asked)
        with self._lock:
            if len(self._files) >= MAX_FILES:
                self._forget(next(iter(self._files)))
                self.counts["left_out"] += 1
            self._forget(path.name)
            entry = self._files[path.name] = _File(path, offer)
            if asked:
                self._asked[path.name] = entry

    @property
    def waiting(self) -> int:
        """Files that the centre does not have yet."""
        return len(self._files)

    def reconnected(self) -> None:
        """A fresh socket: offer again at once."""
        with self._lock:
            self._wants.clear()
            self._unsent = None
            for file in self._files.values():
                file.offered_s = float("-inf")

    def receive(self, message: Want | Kept) -> None:
        """Take in what the centre says."""
        with self._lock:
            file = self._files.get(message.name)
            if file is None or file.offer.sha256 != message.sha256:
                return
            if isinstance(message, Want):
                self._wants.append(message)
            else:
                self._forget(message.name)
                self.counts["kept" if message.intact else "rejected"] += 1
                self.on_settled(file.path, message.intact)

    def unsent(self, message: Offer | Block) -> None:
        """The socket did not take what `take` gave: it comes again."""
        with self._lock:
            self._unsent = message

    def take(self, now_s: float) -> Offer | Block | None:
        """Next message to send, blocks first; None when there is none."""
        with self._lock:
            unsent, self._unsent = self._unsent, None
            if unsent is not None and unsent.name in self._files:
                return unsent
            while self._wants:
                want = self._wants.popleft()
                file = self._files.get(want.name)
                if file is not None:
                    file.offered_s = now_s
                    block = self._read(file, want)
                    if block is not None:
                        return block
            files = self._files.values()
            fresh = (file for file in files if not (file.offer.late or file.offer.asked))
            late = (file for file in files if file.offer.late and not file.offer.asked)
            for file in islice(chain(self._asked.values(), fresh, late), OFFERED):
                if now_s - file.offered_s >= OFFER_EVERY_S:
                    file.offered_s = now_s
                    self.counts["offered"] += 1
                    return file.offer
            return None

    def _forget(self, name: str) -> None:
        self._files.pop(name, None)
        self._asked.pop(name, None)

    def _read(self, file: _File, want: Want) -> Block | None:
        try:
            with file.path.open("rb") as opened:
                opened.seek(want.offset)
                data = opened.read(BLOCK_BYTES)
        except OSError:
            self._forget(file.path.name)  # the archive made room; the site said so
            self.counts["unreadable"] += 1
            return None
        self.counts["blocks"] += 1
        self.counts["bytes"] += len(data)
        return Block(want.name, want.sha256, want.offset, data)


def _nothing(path: Path, intact: bool) -> None:
    """Nobody wants to know."""
