"""Recordings that the level above asked for: written down until it has them, over any restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from dashboard.clips import SUFFIXES
from sensors.pin import write_whole

MOST = 200
PATIENCE_S = 600.0
"""For a recording that is still on its way here."""


@dataclass(slots=True)
class Debt:
    """One recording.

    Attributes
    ----------
    site, base : str
        ``base`` is the name of its files without their endings.
    until_s : float
        So long it may take to come here.
    left : set of str
        Files that the level above has not confirmed.
    offered : bool
        Its files are here and were offered.
    """

    site: str
    base: str
    until_s: float
    left: set[str] = field(default_factory=set)
    offered: bool = False


class Owed:
    """All of them, in a small file.

    Parameters
    ----------
    file : Path
    now_s : float
        Monotonic.
    """

    def __init__(self, file: Path, now_s: float) -> None:
        self.debts: list[Debt] = []
        self._file = file
        try:
            known = msgspec.json.decode(file.read_bytes(), type=list[tuple[str, str]])
        except (FileNotFoundError, msgspec.DecodeError):
            known = []
        for site, base in known[:MOST]:
            self._note(site, base, now_s)

    @property
    def full(self) -> bool:
        """Whether there is room for no other."""
        return len(self.debts) >= MOST

    def add(self, site: str, base: str, now_s: float) -> None:
        """Note one; of one that is known already everything is owed anew."""
        self.debts = [one for one in self.debts if (one.site, one.base) != (site, base)]
        self._note(site, base, now_s)
        self._write()

    def settle(self, site: str, name: str) -> None:
        """A file of a site has been dealt with above."""
        for one in self.debts:
            if one.site == site:
                one.left.discard(name)
        self._drop([one for one in self.debts if not one.left])

    def overdue(self, now_s: float) -> list[Debt]:
        """Give up what did not come here; returns it."""
        lost = [one for one in self.debts if not one.offered and now_s > one.until_s]
        self._drop(lost)
        return lost

    def _note(self, site: str, base: str, now_s: float) -> None:
        left = {base + suffix for suffix in SUFFIXES}
        self.debts.append(Debt(site, base, now_s + PATIENCE_S, left))

    def _drop(self, gone: list[Debt]) -> None:
        if gone:
            self.debts = [one for one in self.debts if one not in gone]
            self._write()

    def _write(self) -> None:
        write_whole(self._file, msgspec.json.encode([(one.site, one.base) for one in self.debts]))
