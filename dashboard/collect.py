"""Files from the sites, block by block onto our disk, whole or not at all.

No socket and no clock.  A file grows as ``NAME.part``, is checked against the hash that the site
offered, synced, and only then gets its name: what has a name is complete.  A break of any kind is
resumed where the part ends.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from sensors.messages import BLOCK_BYTES, Block, Kept, Offer, Want
from sensors.wire import Refused

IN_FLIGHT = 2
"""Blocks asked for at a time."""
ACTIVE = 8
"""Files received at a time, one per site."""
STALLED_S = 5.0
"""A block that does not come is asked for again."""
GIVE_UP_S = 60.0
"""A file that does not go on makes room for others; its part stays."""
WAITING = 16
"""Offers of a site that wait for the one before them; further ones are offered again."""
PART_DAYS = 14
"""A part that has not grown for so long is deleted; a site that still has the file begins anew."""

_PART = re.compile(r"(?P<name>.+)\.[0-9a-f]{16}\.part")

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")

Reply = tuple[bytes, Want | Kept]


@dataclass(slots=True)
class _Transfer:
    offer: Offer
    route: bytes
    part: Path
    have: int
    asked: int
    moved_s: float
    asked_s: float
    digest: hashlib._Hash = field(repr=False)


class Collector:
    """Files of all sites.

    Parameters
    ----------
    folder : Path
        One folder per site is made in it.
    quota_bytes : int
        Nothing is taken beyond this; the sites keep what is not taken.
    on_file : callable
        Told site and path of every complete file.
    is_gone : callable
        Whether a site has deleted the file of this name, so that it can never be completed.

    Attributes
    ----------
    counts : Counter
        ``files``, ``bytes``, ``damaged``, ``full``, ``repeated``; parts that were deleted because
        the file is ``part_gone`` at the site, ``part_whole`` here, or the part too ``part_old``.
    """

    def __init__(
        self,
        folder: Path,
        on_file: Callable[[str, Path], None],
        quota_bytes: int = 100 << 30,
        is_gone: Callable[[str, str], bool] = lambda site, name: False,
    ) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self._on_file = on_file
        self._is_gone = is_gone
        self._quota = quota_bytes
        self._used = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        self._transfers: dict[str, _Transfer] = {}
        self._waiting: dict[str, OrderedDict[str, Offer]] = {}
        self._aside: dict[str, Offer] = {}

    def offered(self, offer: Offer, route: bytes, now_s: float) -> list[Reply]:
        """Answer an offer: have it, want it, or (an empty list) not now."""
        final = self.folder / offer.site / offer.name
        if final.exists():
            return [(route, self._judge_existing(offer, final))]
        running = self._transfers.get(offer.site)
        if running is not None and _same(running.offer, offer):
            running.offer = offer
        elif running is not None and (
            running.route != route or offer.rank < running.offer.rank
        ):  # the site began anew, or has something more urgent
            self._set_aside(offer.site)
            running = None
        if running is not None and running.offer != offer:
            waiting = self._waiting.setdefault(offer.site, OrderedDict())
            if len(waiting) < WAITING:
                waiting[offer.name] = offer
            return []
        if running is None:
            if len(self._transfers) >= ACTIVE and not self._make_room(offer.rank):
                return []
            if self._used + offer.size > self._quota:
                self.counts["full"] += 1
                return []
            running = self._transfers[offer.site] = self._begin(offer, route, now_s)
        running.route = route
        running.asked = running.have
        if running.have >= offer.size:
            return self._finish(running, now_s)
        return self._ask(running, now_s)

    def arrived(self, site: str, block: Block, route: bytes, now_s: float) -> list[Reply]:
        """Take in a block and ask for more.

        Raises
        ------
        Refused
            ``unknown``: nobody asked for it.
        OSError
            Our disk.
        """
        running = self._transfers.get(site)
        if running is None or not _same(block, running.offer):
            if site in self._aside and _same(block, self._aside[site]):
                self.counts["repeated"] += 1
                return []
            raise Refused("unknown", "a block that nobody asked for")
        running.route = route
        if block.offset != running.have or not block.data:
            self.counts["repeated"] += 1
            return []
        data = block.data[: running.offer.size - running.have]
        with running.part.open("ab") as file:
            file.write(data)
        running.digest.update(data)
        running.have += len(data)
        running.moved_s = now_s
        self._used += len(data)
        self.counts["bytes"] += len(data)
        if running.have >= running.offer.size:
            return self._finish(running, now_s)
        return self._ask(running, now_s)

    def due(self, now_s: float) -> list[Reply]:
        """Ask again where nothing came; give up what has stopped."""
        replies: list[Reply] = []
        for site, running in list(self._transfers.items()):
            if now_s - running.moved_s > GIVE_UP_S:
                del self._transfers[site]
                self._waiting.pop(site, None)
            elif now_s - max(running.moved_s, running.asked_s) > STALLED_S:
                running.asked = running.have
                replies += self._ask(running, now_s)
        return replies

    def clear_away(self, time_s: float) -> None:
        """Delete parts that will never be whole: call it now and then.

        Parameters
        ----------
        time_s : float
            UTC.

        Raises
        ------
        OSError
            Our disk.
        """
        busy = {running.part for running in self._transfers.values()}
        for part in sorted(self.folder.glob("*/*.part")):
            named = _PART.fullmatch(part.name)
            if named is None or part in busy:
                continue
            name, about = named["name"], part.stat()
            if part.with_name(name).exists():
                why = "part_whole"
            elif self._is_gone(part.parent.name, name):
                why = "part_gone"
            elif time_s - about.st_mtime > PART_DAYS * 86_400:
                why = "part_old"
            else:
                continue
            part.unlink()
            self._used -= about.st_size
            self.counts[why] += 1
            log.info(why, site=part.parent.name, file=name, bytes=about.st_size)

    def _begin(self, offer: Offer, route: bytes, now_s: float) -> _Transfer:
        part = self.folder / offer.site / f"{offer.name}.{offer.sha256.hex()[:16]}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        have = 0
        if part.exists():
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256")
            have = part.stat().st_size
        else:
            part.touch()
        return _Transfer(offer, route, part, have, have, now_s, now_s, digest)

    def _set_aside(self, site: str) -> None:
        """Let something more urgent of this site go first; the part stays."""
        running = self._transfers.pop(site)
        self._aside[site] = running.offer  # two blocks of it are still under way
        waiting = self._waiting.setdefault(site, OrderedDict())
        if len(waiting) < WAITING:
            waiting[running.offer.name] = running.offer

    def _make_room(self, urgency: int) -> bool:
        """Set aside the least urgent, if it is less urgent than this."""
        site, last = max(self._transfers.items(), key=lambda item: item[1].offer.rank)
        if last.offer.rank <= urgency:
            return False
        self._set_aside(site)
        return True

    def _ask(self, running: _Transfer, now_s: float) -> list[Reply]:
        replies: list[Reply] = []
        offer = running.offer
        limit = min(offer.size, running.have + IN_FLIGHT * BLOCK_BYTES)
        while running.asked < limit:
            replies.append((running.route, Want(offer.name, offer.sha256, running.asked)))
            running.asked += BLOCK_BYTES
            running.asked_s = now_s
        return replies

    def _finish(self, running: _Transfer, now_s: float) -> list[Reply]:
        offer = running.offer
        del self._transfers[offer.site]
        intact = running.digest.digest() == offer.sha256 and running.have == offer.size
        if not intact:
            # Ours may be the damaged copy: begin anew rather than believe it.
            self.counts["damaged"] += 1
            self._used -= running.have
            running.part.unlink()
            return []
        with running.part.open("rb+") as file:
            os.fsync(file.fileno())
        final = self.folder / offer.site / offer.name
        running.part.rename(final)
        self.counts["files"] += 1
        self._on_file(offer.site, final)
        kept = (running.route, Kept(offer.name, offer.sha256, True))
        return [kept, *self._next(offer.site, running.route, now_s)]

    def _next(self, site: str, route: bytes, now_s: float) -> list[Reply]:
        """Go on with a file that waited, so that it need not be offered again."""
        waiting = self._waiting.pop(site, OrderedDict())
        if not waiting:
            return []
        offer = min(waiting.values(), key=lambda one: one.rank)  # of equal ones the first
        del waiting[offer.name]
        replies = self.offered(offer, route, now_s)
        self._waiting.setdefault(site, OrderedDict()).update(waiting)
        return replies

    def _judge_existing(self, offer: Offer, final: Path) -> Kept:
        with final.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").digest() == offer.sha256
        return Kept(offer.name, offer.sha256, same)


def _same(message: Block | Offer, offer: Offer) -> bool:
    """Whether a message is about the file that was offered."""
    return (message.name, message.sha256) == (offer.name, offer.sha256)
