"""The zip of a bundle as it is written: every entry is hashed on its way into it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable
from typing import BinaryIO, Self

import msgspec
from msgspec import Struct

from dashboard.bundle_format import Blocks, Entry

PIECE = 1 << 20
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every entry: times are in the manifest, in nanoseconds."""


class BundleZip:
    """Writes entries and remembers their hashes.

    Parameters
    ----------
    file : BinaryIO
        Open for writing, and seekable.

    Attributes
    ----------
    entries : list of Entry
    """

    def __init__(self, file: BinaryIO) -> None:
        self.entries: list[Entry] = []
        self._zip = zipfile.ZipFile(file, "w", allowZip64=True)

    def put(self, name: str, content: bytes) -> None:
        """A small entry, whole."""
        self._write(name, [content], zipfile.ZIP_DEFLATED, len(content), 0)

    def put_lines(self, name: str, lines: Iterable[Struct]) -> None:
        """An entry of JSON lines."""
        encoded = (msgspec.json.encode(line) + b"\n" for line in lines)
        self._write(name, encoded, zipfile.ZIP_DEFLATED, None, 0)

    def put_file(self, name: str, file: BinaryIO, num_bytes: int, block_bytes: int) -> None:
        """A file as it is; its blocks are hashed each for itself too."""
        pieces = iter(lambda: file.read(PIECE), b"")
        self._write(name, pieces, zipfile.ZIP_STORED, num_bytes, block_bytes)

    def __enter__(self) -> Self:
        """Write entries until the block ends; then the directory is written."""
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _write(
        self, name: str, pieces: Iterable[bytes], how: int, num_bytes: int | None, block_bytes: int
    ) -> None:
        info = zipfile.ZipInfo(name, _DATE)
        info.compress_type = how
        info.external_attr = 0o644 << 16
        whole, blocks, size = hashlib.sha256(), _BlockHashes(block_bytes), 0
        large = num_bytes is None or num_bytes > 1 << 31
        with self._zip.open(info, "w", force_zip64=large) as entry:
            for piece in pieces:
                entry.write(piece)
                whole.update(piece)
                blocks.update(piece)
                size += len(piece)
        self.entries.append(Entry(name, size, whole.hexdigest(), blocks.listed(size)))


class _BlockHashes:
    """SHA-256 of each block of a stream; none for ``block_bytes`` 0."""

    def __init__(self, block_bytes: int) -> None:
        self._bytes = block_bytes
        self._left = block_bytes
        self._hash = hashlib.sha256()
        self._done: list[str] = []

    def update(self, piece: bytes) -> None:
        view = memoryview(piece)
        while self._bytes and len(view):
            part, view = view[: self._left], view[self._left :]
            self._hash.update(part)
            self._left -= len(part)
            if not self._left:
                self._done.append(self._hash.hexdigest())
                self._hash, self._left = hashlib.sha256(), self._bytes

    def listed(self, size: int) -> Blocks | None:
        if not self._bytes or size <= self._bytes:
            return None
        if self._left < self._bytes:
            self._done.append(self._hash.hexdigest())
        return Blocks(self._bytes, self._done)
