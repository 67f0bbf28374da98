"""A disk in memory under SQLite that remembers what was synced, to cut its power at every write.

A run is recorded once, operation by operation; then every moment of it is a possible power cut:
each 512-byte sector written since the file's last sync is on the disk, is not, or is torn.
"""

from __future__ import annotations

# ruff: noqa: N802  (SQLite's names)
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import apsw

SECTOR = 512


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that SQLite asked the disk to do, or a mark that the program made."""

    kind: Literal["write", "truncate", "sync", "delete", "mark"]
    file: str = ""
    offset: int = 0
    data: bytes = b""
    mark: object = None


@dataclass
class Disk:
    """Files by name, and the record of what was done to them."""

    files: dict[str, bytearray] = field(default_factory=dict)
    log: list[Operation] | None = None
    fail: Any = None  # called with every operation; may raise

    def did(self, operation: Operation) -> None:
        if self.fail is not None:
            self.fail(operation)
        if self.log is not None:
            self.log.append(operation)


class DiskFile:
    """One open file of a `Disk`, as SQLite's VFS wants it."""

    def __init__(self, disk: Disk, name: str) -> None:
        self.disk, self.name = disk, name
        self.body = disk.files.setdefault(name, bytearray())

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self.body[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.did(Operation("write", self.name, offset, bytes(data)))
        if len(self.body) < offset:
            self.body.extend(bytes(offset - len(self.body)))
        self.body[offset : offset + len(data)] = data

    def xTruncate(self, size: int) -> None:
        self.disk.did(Operation("truncate", self.name, size))
        del self.body[size:]

    def xSync(self, flags: int) -> None:
        self.disk.did(Operation("sync", self.name))

    def xFileSize(self) -> int:
        return len(self.body)

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0

    def xClose(self) -> None: ...


class DiskVFS(apsw.VFS):
    """SQLite's file layer over the `Disk` in ``disk``."""

    def __init__(self, name: str, disk: Disk) -> None:
        self.disk = disk
        self.name = name
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return DiskFile(self.disk, path or f"temp-{len(self.disk.files)}")

    def xAccess(self, path: str, flags: int) -> bool:
        return path in self.disk.files

    def xDelete(self, path: str, sync: bool) -> None:
        if path in self.disk.files:
            self.disk.did(Operation("delete", path, mark="durable" if sync else None))
            del self.disk.files[path]

    def xFullPathname(self, name: str) -> str:
        return name


class Cutter:
    """Goes through a recorded run and makes the disk images that a power cut could leave.

    Parameters
    ----------
    log : list of Operation
    rng : random.Random
    lying : bool
        The disk says that it synced and did not.
    """

    def __init__(self, log: list[Operation], rng: random.Random, lying: bool = False) -> None:
        self.log = log
        self.rng = rng
        self.lying = lying
        self.safe: dict[str, bytearray] = {}
        self.pending: dict[str, list[Operation]] = {}
        self.mark: object = ()

    def cuts(self, per_step: int) -> Iterator[tuple[object, dict[str, bytearray]]]:
        """Last mark before the cut, and what is on the disk after it."""
        for operation in self.log:
            if operation.kind == "mark":
                self.mark = operation.mark
                continue
            if operation.kind != "sync":
                self.pending.setdefault(operation.file, []).append(operation)
            for _ in range(per_step):
                yield self.mark, self.image()
            if operation.mark == "durable" and not self.lying:  # the folder was synced too
                self.pending.pop(operation.file, None)
                self.safe.pop(operation.file, None)
            if operation.kind == "sync" and not self.lying:
                for done in self.pending.pop(operation.file, []):
                    apply(self.safe, done)

    def image(self) -> dict[str, bytearray]:
        """One possible state of the disk."""
        files = {name: bytearray(body) for name, body in self.safe.items()}
        all_or_none = self.rng.random()
        for name, operations in self.pending.items():
            share = self.rng.choice((0.0, 0.3, 0.7, 1.0)) if all_or_none < 0.8 else 1.0
            for operation in operations:
                if operation.kind == "write":
                    for piece in sectors(operation):
                        if self.rng.random() < share:
                            apply(files, self._torn(piece))
                elif self.rng.random() < share:
                    apply(files, operation)
            if operations[-1].kind != "delete":
                files.setdefault(name, bytearray())
        return files

    def _torn(self, piece: Operation) -> Operation:
        if self.rng.random() > 0.02:
            return piece
        keep = self.rng.randrange(len(piece.data) + 1)
        return Operation("write", piece.file, piece.offset, piece.data[:keep])


def sectors(operation: Operation) -> Iterator[Operation]:
    """A write in pieces that a disk may persist one by one."""
    start, end = operation.offset, operation.offset + len(operation.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        part = operation.data[start - operation.offset : stop - operation.offset]
        yield Operation("write", operation.file, start, part)
        start = stop


def apply(files: dict[str, bytearray], operation: Operation) -> None:
    """Carry out an operation on a disk image."""
    if operation.kind == "delete":
        files.pop(operation.file, None)
        return
    body = files.setdefault(operation.file, bytearray())
    if operation.kind == "truncate":
        del body[operation.offset :]
    elif operation.kind == "write":
        if len(body) < operation.offset:
            body.extend(bytes(operation.offset - len(body)))
        body[operation.offset : operation.offset + len(operation.data)] = operation.data
