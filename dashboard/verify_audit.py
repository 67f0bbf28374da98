"""The rows of the audit log: each is what was hashed, and in its place under the checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from dashboard.audit import chain_hash
from dashboard.bundle_format import AUDIT, CHECKPOINT, AuditLine, Manifest
from dashboard.checkpoint import Checkpoint, is_under, read_checkpoint
from dashboard.errors import NOT_JSON
from dashboard.verify_findings import Findings
from dashboard.verify_keys import KeyBook
from dashboard.verify_lines import lines_of
from dashboard.verify_records import Records
from dashboard.verify_zip import BundleFile


def check_audit(
    bundle: BundleFile, manifest: Manifest, keys: KeyBook, records: Records, findings: Findings
) -> dict[str, Any]:
    """Check every row; returns what the last one says: that this bundle was taken."""
    checkpoint = _checkpoint(bundle, manifest, findings)
    last: AuditLine | None = None
    allowed: set[str] = set()
    gaps: list[tuple[str, int, int]] = []
    anchored = False
    count = 0
    for line in lines_of(bundle, AUDIT, AuditLine, "audit", findings):
        _check_row(line, last, checkpoint, findings)
        detail = _detail(line)
        if line.act.startswith(("keys.allow", "keys.renew", "keys.origin", "keys.pin")):
            allowed.add(str(detail.get("key")))
        elif line.act == "breach.gap":
            args = detail.get("note", {}).get("args", {})
            gaps.append((line.subject, args.get("first", 0), args.get("last", 0)))
        elif line.act == "checkpoint":
            anchored |= _check_heads(line, detail, records, findings)
        last, count = line, count + 1
    for peer, first, end in records.jumps:
        if not any(gap[0] == peer and gap[1] <= first and end <= gap[2] for gap in gaps):
            findings.fail("records", "verify.left_out", peer=peer, first=first, last=end)
    for key in keys.lines:
        if key.how != "greeted" and key.key not in allowed:
            findings.fail("keys", "verify.not_in_audit", key=key.key, site=key.site)
    if not anchored:
        findings.remark("audit", "verify.not_anchored")
    taken = _check_last(last, manifest, checkpoint, records, findings)
    if checkpoint is not None:
        findings.settle(
            "audit", "verify.audit_ok", count=count, size=checkpoint.size, head=checkpoint.head
        )
    return taken


def _checkpoint(bundle: BundleFile, manifest: Manifest, findings: Findings) -> Checkpoint | None:
    if CHECKPOINT not in bundle.places:
        return None  # it is missing, and that was said
    note = bundle.read(CHECKPOINT).decode(errors="replace")
    checkpoint = read_checkpoint(note, bytes.fromhex(manifest.key))
    if checkpoint is None:
        findings.fail("audit", "verify.checkpoint_signature")
    elif checkpoint.broken:
        findings.fail("audit", "verify.audit_broken", row=checkpoint.broken)
    return checkpoint


def _check_row(
    line: AuditLine, last: AuditLine | None, checkpoint: Checkpoint | None, findings: Findings
) -> None:
    if last is not None and line.seq <= last.seq:
        findings.fail("audit", "verify.audit_order", row=line.seq)
    if last is not None and line.seq == last.seq + 1 and line.prev_hash != last.hash:
        findings.fail("audit", "verify.audit_link", row=line.seq)
    text = (line.actor, line.act, line.subject, line.detail)
    if chain_hash(line.prev_hash, line.seq, line.time_ns, *text) != line.hash:
        findings.fail("audit", "verify.audit_row", row=line.seq)
    if checkpoint is not None:
        entry, path = bytes.fromhex(line.hash), [bytes.fromhex(step) for step in line.path]
        if not is_under(checkpoint.root, checkpoint.size, line.seq - 1, entry, path):
            findings.fail("audit", "verify.audit_path", row=line.seq)
    if last is not None and line.time_ns < last.time_ns and not line.act.startswith("keys."):
        seconds = round((last.time_ns - line.time_ns) / 1e9, 1)
        findings.remark("times", "verify.audit_time", row=line.seq, seconds=seconds)


def _check_heads(
    line: AuditLine, heads: dict[str, Any], records: Records, findings: Findings
) -> bool:
    """Compare what the monitor noted of the sites' sequences with the records; whether it could."""
    compared = False
    for (peer, epoch, seq), digest in _named(heads, records):
        compared = True
        if records.hashes[peer, epoch, seq] != digest:
            findings.fail("audit", "verify.other_head", row=line.seq, peer=peer, seq=seq)
    return compared


def _named(
    heads: dict[str, Any], records: Records
) -> Iterator[tuple[tuple[str, str, int], object]]:
    """Records of the bundle that a list of heads names, and the hashes there."""
    for place, head in heads.items():
        peer, _, epoch = place.partition("/")
        if isinstance(head, list) and len(head) == 2 and (peer, epoch, head[0]) in records.hashes:
            yield (peer, epoch, head[0]), head[1]


def _check_last(
    last: AuditLine | None,
    manifest: Manifest,
    checkpoint: Checkpoint | None,
    records: Records,
    findings: Findings,
) -> dict[str, Any]:
    """The checkpoint ends with the row that says who took this bundle, and what is in it."""
    if last is None or (last.act, last.subject) != ("bundle.taken", manifest.alarm):
        findings.fail("audit", "verify.not_taken")
        return {}
    if checkpoint is not None and (last.seq, last.hash) != (checkpoint.size, checkpoint.head):
        findings.fail("audit", "verify.audit_truncated", row=last.seq, size=checkpoint.size)
    detail = _detail(last)
    ends = detail.get("records")
    if not isinstance(ends, dict) or not ends:
        findings.fail("audit", "verify.not_taken")
        return {}
    for place, (seq, digest) in ends.items():
        peer, _, epoch = place.partition("/")
        if records.hashes.get((peer, epoch, seq)) != digest:
            findings.fail("records", "verify.other_end", peer=peer, seq=seq)
    return detail


def _detail(line: AuditLine) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line.detail, type=dict[str, Any])
    except NOT_JSON:
        return {}
