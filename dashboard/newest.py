"""Hashes of the newest records of one site: 32 bytes each, where a list of them would take 150."""

from __future__ import annotations

from sensors.outbox_record import NO_HASH

SIZE = len(NO_HASH)


class NewestHashes:
    """Hashes of records whose numbers follow one another.

    Parameters
    ----------
    most : int
        At least so many of the newest are remembered, at most twice as many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._first = 0
        self._hashes = bytearray()

    def put(self, seq: int, digest: bytes) -> None:
        """Note a record.  Later ones are void now; earlier ones, when numbers are left out."""
        at = (seq - self._first) * SIZE
        if not 0 <= at <= len(self._hashes):
            self._first, at = seq, 0
        self._hashes[at:] = digest
        if len(self._hashes) > 2 * self._most * SIZE:
            del self._hashes[: self._most * SIZE]
            self._first += self._most

    def get(self, seq: int) -> bytes | None:
        """Hash of a record, None where it is not remembered."""
        at = (seq - self._first) * SIZE
        return bytes(self._hashes[at : at + SIZE]) if 0 <= at < len(self._hashes) else None
