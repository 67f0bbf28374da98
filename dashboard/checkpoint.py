"""A signed checkpoint of the audit log, and the proof that a row is under it.

The hashes of the rows are the leaves of an RFC 9162 Merkle tree; its root, the number of rows and
the hash of the last one are signed as a C2SP checkpoint (https://c2sp.org/tlog-checkpoint), which
other programs can check too.  So a few rows can be shown to anybody without showing the others.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sensors.keys import Keys, signed_by

PORTION = 1024
"""Leaves that are hashed at once."""

_BODY = re.compile(
    r"(?P<origin>rfproctor/\S{1,64}/audit)\n"
    r"(?P<size>[1-9][0-9]{0,17})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"head (?P<head>[0-9a-f]{64})\n"
    r"time (?P<time>[0-9]{1,19})\n"
    r"broken (?P<broken>[0-9]{1,18})\n"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the audit log was at one moment.

    Attributes
    ----------
    monitor : str
    size : int
        Rows.
    root : bytes
        Of the Merkle tree over their hashes.
    head : str
        Hash of the last row.
    time_ns : int
    broken : int
        Number of the first row that does not follow the one before; 0 when every one does.
    """

    monitor: str
    size: int
    root: bytes
    head: str
    time_ns: int
    broken: int = 0

    @property
    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        return (
            f"rfproctor/{self.monitor}/audit\n{self.size}\n{root}\n"
            f"head {self.head}\ntime {self.time_ns}\nbroken {self.broken}\n"
        )

    def signed(self, keys: Keys) -> str:
        """As a signed note: the text, an empty line, and the signature."""
        name = f"rfproctor/{self.monitor}/audit"
        signature = _hint(name, keys.verify_key) + keys.sign(self.text.encode())
        return f"{self.text}\n\u2014 {name} {base64.b64encode(signature).decode()}\n"


def read_checkpoint(note: str, verify_key: bytes) -> Checkpoint | None:
    """Open a signed note; None when it is none, or ``verify_key`` has not signed it."""
    text, gap, line = note.partition("\n\n\u2014 ")
    found = _BODY.fullmatch(text + "\n")
    if not gap or found is None:
        return None
    name, _, encoded = line.removesuffix("\n").partition(" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    hint, signature = signature[:4], signature[4:]
    if name != found["origin"] or hint != _hint(name, verify_key):
        return None
    if not signed_by(verify_key, (text + "\n").encode(), signature):
        return None
    return Checkpoint(
        monitor=name.removeprefix("rfproctor/").removesuffix("/audit"),
        size=int(found["size"]),
        root=base64.b64decode(found["root"]),
        head=found["head"],
        time_ns=int(found["time"]),
        broken=int(found["broken"]),
    )


@dataclass(slots=True)
class _Node:
    """A complete part of the tree, and which of its leaves are wanted."""

    height: int
    hash: bytes
    leaves: list[int] = field(default_factory=list)


class Tree:
    """Computes the root and the paths of a few leaves, in one pass and little memory.

    Parameters
    ----------
    wanted : iterable of int
        Leaves whose paths are needed, counted from 0.
    """

    def __init__(self, wanted: Iterable[int] = ()) -> None:
        self.size = 0
        self.paths: dict[int, list[bytes]] = {leaf: [] for leaf in wanted}
        self._stack: list[_Node] = []

    def extend(self, entries: Sequence[bytes]) -> None:
        """The next leaves; quick in portions of `PORTION`, from the first one on."""
        here = range(self.size, self.size + len(entries))
        if (
            len(entries) == PORTION
            and not self.size % PORTION
            and self.paths.keys().isdisjoint(here)
        ):
            self._push(_Node(PORTION.bit_length() - 1, _root_of(entries)))
        else:
            for leaf, entry in zip(here, entries, strict=True):
                self._push(_Node(0, leaf_hash(entry), [leaf] if leaf in self.paths else []))
        self.size += len(entries)

    def root(self) -> bytes:
        """Of all leaves; afterwards `paths` are whole and nothing can be added."""
        if not self._stack:
            return hashlib.sha256().digest()
        node = self._stack.pop()
        while self._stack:
            node = self._join(self._stack.pop(), node)
        return node.hash

    def _push(self, node: _Node) -> None:
        while self._stack and self._stack[-1].height == node.height:
            node = self._join(self._stack.pop(), node)
        self._stack.append(node)

    def _join(self, left: _Node, right: _Node) -> _Node:
        for leaf in left.leaves:
            self.paths[leaf].append(right.hash)
        for leaf in right.leaves:
            self.paths[leaf].append(left.hash)
        both = left.leaves + right.leaves
        return _Node(left.height + 1, node_hash(left.hash, right.hash), both)


def _root_of(entries: Sequence[bytes]) -> bytes:
    """Root over a power of two of leaves."""
    level = [leaf_hash(entry) for entry in entries]
    while len(level) > 1:
        level = [node_hash(*both) for both in zip(level[::2], level[1::2], strict=True)]
    return level[0]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162, 2.1.1."""
    return hashlib.sha256(b"\1" + left + right).digest()


def is_under(root: bytes, size: int, index: int, entry: bytes, path: Iterable[bytes]) -> bool:
    """Whether an entry is the leaf ``index`` of a tree of ``size`` leaves: RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, value = index, size - 1, leaf_hash(entry)
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            value = node_hash(step, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, step)
        place, last = place >> 1, last >> 1
    return last == 0 and value == root


def _hint(name: str, verify_key: bytes) -> bytes:
    """Four bytes that name a key beside a signature: https://c2sp.org/signed-note."""
    return hashlib.sha256(name.encode() + b"\n\1" + verify_key).digest()[:4]
