"""The manifest and its signature; every entry against the manifest, and where one is damaged."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import msgspec

from dashboard.bundle_format import MANIFEST, SIGNATURE, Entry, Manifest, manifest_digest
from dashboard.errors import NOT_JSON
from dashboard.verify_findings import Findings
from dashboard.verify_zip import BundleFile
from sensors.fingerprint import fingerprint_words
from sensors.keys import key_id, signed_by


def check_manifest(bundle: BundleFile, expected: str, findings: Findings) -> Manifest | None:
    """Open the manifest; None when there is none that can be read."""
    for name in (MANIFEST, SIGNATURE):
        if name not in bundle.places:
            findings.fail("manifest", "verify.missing", name=name)
    if MANIFEST not in bundle.places:
        return None
    raw = bundle.read(MANIFEST)
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except NOT_JSON as error:
        findings.fail("manifest", "verify.unreadable", name=MANIFEST, why=str(error))
        return None
    key = bytes.fromhex(manifest.key)
    if SIGNATURE in bundle.places:
        try:
            signature = bytes.fromhex(bundle.read(SIGNATURE).decode("ascii").strip())
        except ValueError:
            signature = b""
        if not signed_by(key, manifest_digest(raw), signature):
            findings.fail("manifest", "verify.manifest_signature", key=key_id(key))
    shown = {"monitor": manifest.monitor, "key": key_id(key), "words": fingerprint_words(key)}
    findings.settle("manifest", "verify.manifest_ok", **shown)
    if expected:
        if not _is_key(key, expected):
            findings.fail("key", "verify.other_key", expected=expected, **shown)
        findings.settle("key", "verify.key_ok", **shown)
    else:
        findings.remark("key", "verify.compare_key", **shown)
    return manifest


def check_entries(bundle: BundleFile, manifest: Manifest, findings: Findings) -> dict[str, str]:
    """Compare every entry with the manifest; returns the hashes that they really have."""
    listed = {entry.name: entry for entry in manifest.entries}
    for name in bundle.twice:
        findings.fail("entries", "verify.twice", name=name)
    if len(listed) < len(manifest.entries):
        findings.fail("entries", "verify.twice", name=MANIFEST)
    for name in bundle.places:
        if name not in listed and name not in (MANIFEST, SIGNATURE):
            findings.fail("entries", "verify.extra", name=name)
    hashes: dict[str, str] = {}
    total = 0
    for name, entry in listed.items():
        if name not in bundle.places:
            findings.fail("entries", "verify.missing", name=name)
            continue
        whole, size = hashlib.sha256(), 0
        for piece in bundle.pieces(name):
            whole.update(piece)
            size += len(piece)
        hashes[name] = whole.hexdigest()
        total += size
        if hashes[name] != entry.sha256 or size != entry.bytes:
            _say_where(bundle, entry, size, findings)
    findings.settle("entries", "verify.entries_ok", count=len(hashes), megabytes=total / 1e6)
    return hashes


def _say_where(bundle: BundleFile, entry: Entry, size: int, findings: Findings) -> None:
    """Name the first block that is not what it was."""
    if entry.blocks is None:
        findings.fail("entries", "verify.damaged", name=entry.name, have=size, want=entry.bytes)
        return
    at = 0
    listed = iter(entry.blocks.sha256)
    for number, block in enumerate(_blocks(bundle.pieces(entry.name), entry.blocks.bytes), 1):
        if hashlib.sha256(block).hexdigest() != next(listed, ""):
            where = {"block": number, "first": at, "last": at + len(block) - 1}
            findings.fail("entries", "verify.damaged_block", name=entry.name, **where)
            return
        at += len(block)
    findings.fail("entries", "verify.damaged", name=entry.name, have=size, want=entry.bytes)


def _blocks(pieces: Iterator[bytes], num_bytes: int) -> Iterator[bytes]:
    rest = bytearray()
    for piece in pieces:
        rest += piece
        while len(rest) >= num_bytes:
            yield bytes(rest[:num_bytes])
            del rest[:num_bytes]
    if rest:
        yield bytes(rest)


def _is_key(key: bytes, expected: str) -> bool:
    """Whether somebody means this key: its id, its words, or all of it."""
    wanted = " ".join(expected.lower().replace("-", " ").split())
    return wanted in (key_id(key), key.hex(), fingerprint_words(key))
