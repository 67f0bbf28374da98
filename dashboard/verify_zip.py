"""Reading a zip that somebody else made: nothing is unpacked, everything is bounded.

Python's reader finds the entries; their bytes are read here, because it does not give out an entry
with a flipped bit and we want to say where that is.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO, Self, cast

from sensors.toml import UserError

MOST_ENTRIES = 10_000
MOST_PACKED = 1 << 30
"""Bytes of all packed entries when they are unpacked; recordings are not packed."""
MOST_DIRECTORY = 4 << 20
MOST_RATIO = 250
MOST_SMALL = 64 << 20
LONGEST_LINE = 4 << 20
PIECE = 1 << 20
_NAME = re.compile(r"(recordings/)?[A-Za-z0-9][A-Za-z0-9._-]{0,150}")
_LOCAL = struct.Struct("<4s5H3L2H")
_ENCRYPTED = 1


class BadBundle(UserError):
    """Not a file that can be a bundle."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry is."""

    offset: int
    packed_bytes: int
    num_bytes: int
    is_packed: bool


class BundleFile:
    """The entries of a zip.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    places : dict of str to Place
    twice : list of str
        Names that several entries have; the last one of them is read.

    Raises
    ------
    BadBundle
        One line that says why it cannot be a bundle.
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise BadBundle("verify.is_folder", file=str(path))
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise BadBundle("verify.no_file", file=str(path), why=error.strerror) from None
        try:
            self.places, self.twice = self._read(str(path))
        except (zipfile.BadZipFile, struct.error, NotImplementedError, ValueError, OSError):
            self._file.close()
            raise BadBundle("verify.not_zip", file=str(path)) from None
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        """Open until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def pieces(self, name: str) -> Iterator[bytes]:
        """Bytes of an entry; fewer than it says when it is damaged."""
        place = self.places[name]
        raw = self._raw(place)
        yield from _unpacked(raw, place.num_bytes) if place.is_packed else raw

    def read(self, name: str) -> bytes:
        """A small entry, whole, or as much of it as could be one."""
        content = bytearray()
        for piece in self.pieces(name):
            content += piece
            if len(content) > MOST_SMALL:
                break
        return bytes(content)

    def lines(self, name: str) -> Iterator[bytes]:
        """Lines of an entry; one that is far too long ends them."""
        rest = b""
        for piece in self.pieces(name):
            *whole, rest = (rest + piece).split(b"\n")
            yield from whole
            if len(rest) > LONGEST_LINE:
                break
        if rest:
            yield rest

    def _raw(self, place: Place) -> Iterator[bytes]:
        self._file.seek(place.offset)
        left = place.packed_bytes
        while left and (piece := self._file.read(min(left, PIECE))):
            left -= len(piece)
            yield piece
            self._file.seek(place.offset + place.packed_bytes - left)

    def _read(self, path: str) -> tuple[dict[str, Place], list[str]]:
        with zipfile.ZipFile(cast(IO[bytes], _Directory(self._file))) as directory:
            infos = directory.infolist()
        if len(infos) > MOST_ENTRIES:
            raise BadBundle("verify.too_many", file=path, count=len(infos), most=MOST_ENTRIES)
        places: dict[str, Place] = {}
        end = packed = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            if not _NAME.fullmatch(info.filename):
                raise BadBundle("verify.bad_name", file=path, name=info.filename[:80])
            is_packed = info.compress_type == zipfile.ZIP_DEFLATED
            is_plain = info.compress_type == zipfile.ZIP_STORED
            whole = is_packed or (is_plain and info.file_size == info.compress_size)
            if info.flag_bits & _ENCRYPTED or not whole:
                raise BadBundle("verify.bad_packing", file=path, name=info.filename)
            packed += info.file_size if is_packed else 0
            if info.file_size > MOST_RATIO * info.compress_size + PIECE or packed > MOST_PACKED:
                raise BadBundle("verify.bomb", file=path, name=info.filename)
            offset = self._data_offset(info)
            if info.header_offset < end:
                raise BadBundle("verify.overlap", file=path, name=info.filename)
            end = offset + info.compress_size
            places[info.filename] = Place(offset, info.compress_size, info.file_size, is_packed)
        names = Counter(info.filename for info in infos)
        return places, [name for name, count in names.items() if count > 1]

    def _data_offset(self, info: zipfile.ZipInfo) -> int:
        """Where the bytes begin, behind a header that says the same as the directory."""
        self._file.seek(info.header_offset)
        fields: tuple[Any, ...] = _LOCAL.unpack(self._file.read(_LOCAL.size))
        signature, name_bytes, extra_bytes = fields[0], int(fields[-2]), int(fields[-1])
        if signature != b"PK\3\4" or self._file.read(name_bytes) != info.orig_filename.encode():
            raise zipfile.BadZipFile
        return info.header_offset + _LOCAL.size + name_bytes + extra_bytes


class _Directory:
    """What Python's reader sees of the file: never a directory that is larger than a bundle's."""

    def __init__(self, file: BinaryIO) -> None:
        self.seek, self.tell, self._file = file.seek, file.tell, file

    def read(self, num_bytes: int = -1) -> bytes:
        if num_bytes > MOST_DIRECTORY:
            raise zipfile.BadZipFile
        return self._file.read(num_bytes)


def _unpacked(raw: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    """Unpack, never more than the directory says."""
    decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
    left = num_bytes
    try:
        for piece in raw:
            waiting = piece
            while waiting and left:
                out = decompressor.decompress(waiting, min(PIECE, left))
                waiting = decompressor.unconsumed_tail
                left -= len(out)
                yield out
        if left and (out := decompressor.flush()):
            yield out[:left]
    except zlib.error:
        return
