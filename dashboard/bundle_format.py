"""What is in a bundle: names of its entries, their lines, and what is signed.

A bundle is one ``.zip`` that proves an alarm to somebody who has nothing else: ``docs/evidence.md``
is its description, byte by byte.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from msgspec import Meta, Struct

from sensors.text import Lang

FORMAT: Literal["rfproctor-bundle-1"] = "rfproctor-bundle-1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
CHECKPOINT = "checkpoint.txt"
ALARM, RECORDS, KEYS, AUDIT = "alarm.json", "records.jsonl", "keys.jsonl", "audit.jsonl"
FOLDER = "recordings/"
READMES: dict[Lang, str] = {"en": "README.en.txt", "zh": "README.zh.txt"}

MOST_BLOCK_BYTES = 1 << 26
"""A verifier holds one block in memory."""

TAKEN = "bundle.taken"
"""Act of the audit log: somebody has taken a bundle."""

NEEDED = (ALARM, RECORDS, KEYS, AUDIT, CHECKPOINT, *READMES.values())
"""Entries that every bundle has, besides the manifest and its signature."""

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
KeyName = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$")]
Whole = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Role = Literal["alarm", "announcement", "renewal", "between"]


class Blocks(Struct, frozen=True):
    """Hashes of a large entry, block by block: they say where it was damaged.

    Attributes
    ----------
    bytes : int
        Of each block but the last: one second of samples.
    sha256 : list of str
    """

    bytes: Annotated[int, Meta(ge=1, le=MOST_BLOCK_BYTES)]
    sha256: list[Hex32]


class Entry(Struct, frozen=True, omit_defaults=True):
    """One entry of the zip."""

    name: Annotated[str, Meta(min_length=1, max_length=200)]
    bytes: Whole
    sha256: Hex32
    blocks: Blocks | None = None


class LeftOut(Struct, frozen=True):
    """A recording that belongs to the alarm and is not in the bundle.

    Attributes
    ----------
    why : str
        Its state at the monitor: ``announced``, ``arriving``, ``deleted``, ``damaged``; or
        ``unwanted``: the bundle was asked for without recordings.
    """

    name: str
    sha256: Hex32
    why: Literal["announced", "arriving", "deleted", "damaged", "unwanted"]


class Manifest(Struct, frozen=True):
    """``manifest.json``: every other entry, and what the bundle is about.

    Attributes
    ----------
    format : str
        `FORMAT`.
    monitor, software : str
    key : str
        The monitor's Ed25519 key, in hex.
    alarm, site : str
    made_ns : int
    made_by : str
        The account that it was made for.
    sparse : bool
        The site has sent too much meanwhile: of the records between only the neighbours are here.
    entries : list of Entry
    left_out : list of LeftOut
    """

    format: Literal["rfproctor-bundle-1"]
    monitor: str
    software: str
    key: Hex32
    alarm: str
    site: str
    made_ns: Whole
    made_by: str
    sparse: bool
    entries: Annotated[list[Entry], Meta(max_length=10_000)]
    left_out: list[LeftOut]


class RecordLine(Struct, frozen=True):
    """A line of ``records.jsonl``: one record as it arrived; sorted by peer, epoch, number.

    Attributes
    ----------
    peer : str
        Key id of the first key of who sent it.
    epoch : str
    seq : int
    role : Role
        Of the alarm; announces one of its recordings; names the next key of a site; or stands
        between two of these in the sequence.
    received_ns : int
        Monitor's clock.
    record, signature : bytes
        Base64 in JSON.
    """

    peer: KeyName
    epoch: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$")]
    seq: Whole
    role: Role
    received_ns: Whole
    record: Annotated[bytes, Meta(max_length=15_500)]
    signature: Annotated[bytes, Meta(min_length=64, max_length=64)]


class KeyLine(Struct, frozen=True):
    """A line of ``keys.jsonl``: a key that signs for a site, and how the monitor came to it.

    Attributes
    ----------
    site, verify, key : str
        Whose; Ed25519 in hex; its key id.
    peer : str
        Key id of the first key of the line; empty for a site below a relay.
    follows : str
        Key id of the key that signed this one; empty for the first.
    how : {"enrolled", "renewed", "pinned", "greeted"}
        ``pinned``: of a site below a relay; ``greeted``: this monitor runs without keys and
        believes what a site says of itself.
    added_ns, revoked_ns : int
        0 for never.
    """

    site: str
    verify: Hex32
    key: KeyName
    peer: str
    follows: str
    how: Literal["enrolled", "renewed", "pinned", "greeted"]
    added_ns: Whole = 0
    revoked_ns: Whole = 0


class AuditLine(Struct, frozen=True):
    """A line of ``audit.jsonl``: a row of the audit log and its path to the checkpoint's root."""

    seq: Annotated[int, Meta(ge=1, le=2**63 - 1)]
    time_ns: Whole
    actor: str
    act: str
    subject: str
    detail: str
    prev_hash: Hex32
    hash: Hex32
    path: Annotated[list[Hex32], Meta(max_length=64)]


class Taken(Struct, frozen=True):
    """Detail of the row `TAKEN` of the audit log, which the checkpoint of a bundle ends with.

    Attributes
    ----------
    recordings : dict of str to str
        Hash of the list of hashes of every recording in the bundle, by its name.
    records : dict of str to (int, str)
        Number and hash of the last record of every sequence, by ``peer/epoch``.
    key : str
        Key id of the monitor.
    """

    recordings: dict[str, str]
    records: dict[str, tuple[int, str]]
    key: str


def manifest_digest(manifest: bytes) -> bytes:
    """What ``manifest.sig`` signs: SHA-256 of the manifest under our domain tag."""
    return hashlib.sha256(b"rfproctor.bundle.v1\0" + manifest).digest()
