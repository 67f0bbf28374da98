"""The rows of the audit log: each is what was hashed, and in its place under the checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
from msgspec import Struct

from dashboard.audit import chain_hash
from dashboard.bundle_format import AUDIT, CHECKPOINT, TAKEN, AuditLine, Manifest, Taken
from dashboard.checkpoint import Checkpoint, is_under, read_checkpoint
from dashboard.errors import NOT_JSON
from dashboard.verify_findings import Findings
from dashboard.verify_keys import KeyBook
from dashboard.verify_lines import lines_of
from dashboard.verify_records import Records
from dashboard.verify_zip import BundleFile

ADMITTED = ("keys.allow", "keys.renew", "keys.origin_pinned", "keys.pin")
"""Acts by which a key becomes one that signs for a site."""
Heads = dict[str, tuple[int, str]]


class _Gap(Struct, frozen=True):
    """Records that were lost at the site, or that a relay left out: from a notice's arguments."""

    peer: str
    first: int
    last: int
    relay: str = ""


class _Note(Struct, frozen=True):
    args: _Gap


class _Breach(Struct, frozen=True):
    note: _Note
    site: str = ""


class _KeyAct(Struct, frozen=True):
    key: str


@dataclass(slots=True)
class _Said:
    """What the rows say that other parts of the bundle are compared with.

    Attributes
    ----------
    keys : set of str
        Key ids that were admitted.
    gaps : list of (str, _Gap)
        Peer whose sequence has the gap; of a relay's the site below.
    anchored : bool
        Whether a checkpoint of that time names one of the records.
    """

    keys: set[str] = field(default_factory=set)
    gaps: list[tuple[str, _Gap]] = field(default_factory=list)
    anchored: bool = False


def check_audit(
    bundle: BundleFile, manifest: Manifest, keys: KeyBook, records: Records, findings: Findings
) -> Taken | None:
    """Check every row; returns what the last one says: who took this bundle, and what is in it."""
    checkpoint = _checkpoint(bundle, manifest, findings)
    said, last, count = _Said(), None, 0
    for line in lines_of(bundle, AUDIT, AuditLine, "audit", findings):
        _check_row(line, last, checkpoint, findings)
        _listen(line, said, records, findings)
        last, count = line, count + 1
    known = {
        (site, g.first, g.last) for site, g in said.gaps if records.spans(site, g.first, g.last)
    }
    for peer, first, end in [] if manifest.sparse else records.missing():
        covers = [(g.first, g.last) for p, g in said.gaps if p == peer]
        if any(g_first <= first and end <= g_last for g_first, g_last in covers):
            known.add((peer, first, end))
        else:
            findings.fail("records", "verify.left_out", peer=peer, first=first, last=end)
    for peer, first, end in sorted(known):
        findings.remark("records", "verify.known_gap", peer=peer, first=first, last=end)
    for key in keys.lines:
        if key.how != "greeted" and key.key not in said.keys:
            findings.fail("keys", "verify.not_in_audit", key=key.key, site=key.site)
    if not said.anchored:
        findings.remark("audit", "verify.not_anchored")
    taken = _check_last(last, manifest, checkpoint, records, findings)
    if checkpoint is not None:
        shown = {"count": count, "size": checkpoint.size, "head": checkpoint.head}
        findings.settle("audit", "verify.audit_ok", **shown)
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
    if last is not None and line.time_ns < last.time_ns:
        seconds = round((last.time_ns - line.time_ns) / 1e9, 1)
        findings.remark("times", "verify.audit_time", row=line.seq, seconds=seconds)


def _listen(line: AuditLine, said: _Said, records: Records, findings: Findings) -> None:
    """Take note of what a row says about keys, gaps and the ends of the sites' sequences."""
    if line.act in ADMITTED and (act := _read(line, _KeyAct)) is not None:
        said.keys.add(act.key)
    elif line.act == "breach.gap" and (breach := _read(line, _Breach)) is not None:
        gap = breach.note.args
        said.gaps.append((breach.site if gap.relay else gap.peer, gap))
    elif line.act == "checkpoint":
        for place, (seq, digest) in (_read(line, Heads) or {}).items():
            peer, _, epoch = place.partition("/")
            if (here := records.hashes.get((peer, epoch, seq))) is None:
                continue
            said.anchored = True
            if here != digest:
                findings.fail("audit", "verify.other_head", row=line.seq, peer=peer, seq=seq)


def _check_last(
    last: AuditLine | None,
    manifest: Manifest,
    checkpoint: Checkpoint | None,
    records: Records,
    findings: Findings,
) -> Taken | None:
    """The checkpoint ends with the row that says who took this bundle, and what is in it."""
    taken = None
    if last is not None and (last.act, last.subject) == (TAKEN, manifest.alarm):
        taken = _read(last, Taken)
    if last is None or taken is None or not taken.records:
        findings.fail("audit", "verify.not_taken")
        return None
    if checkpoint is not None and (last.seq, last.hash) != (checkpoint.size, checkpoint.head):
        findings.fail("audit", "verify.audit_truncated", row=last.seq, size=checkpoint.size)
    for place, (seq, digest) in taken.records.items():
        peer, _, epoch = place.partition("/")
        if records.hashes.get((peer, epoch, seq)) != digest:
            findings.fail("records", "verify.other_end", peer=peer, seq=seq)
    return taken


Detail = TypeVar("Detail")


def _read(line: AuditLine, kind: type[Detail]) -> Detail | None:
    try:
        return msgspec.json.decode(line.detail, type=kind)
    except NOT_JSON:
        return None
