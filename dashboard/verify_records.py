"""The signed records: who signed them, and that none was changed, left out or put elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from dashboard.bundle_format import RECORDS, Manifest, RecordLine
from dashboard.bundle_layers import Signature, announced, levels_of
from dashboard.verify_findings import Findings
from dashboard.verify_keys import KeyBook
from dashboard.verify_lines import lines_of
from dashboard.verify_zip import BundleFile
from sensors.messages import EmitterEvent
from sensors.wire import Refused

LATE_NS = 5_000_000_000
"""Clocks of site and monitor that differ by more, beyond what was measured, are told of."""

Place = tuple[str, str, int]


@dataclass(slots=True)
class Records:
    """What the records say that other parts of a bundle are compared with.

    Attributes
    ----------
    hashes : dict
        By peer, epoch and number.
    announced : dict of str to set of str
        Hashes that the site signed, by name of the recording.
    heard_of : dict
        Recordings that any record here names, by sensor and emitter.
    emitters : set of (str, str)
        Sensors and emitters of the alarm.
    jumps : list
        Records that do not directly follow the one before here: peer, first and last number
        between them.
    count : int
    """

    hashes: dict[Place, str] = field(default_factory=dict)
    announced: dict[str, set[str]] = field(default_factory=dict)
    heard_of: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    emitters: set[tuple[str, str]] = field(default_factory=set)
    jumps: list[tuple[str, int, int]] = field(default_factory=list)
    count: int = 0

    @property
    def recordings(self) -> set[str]:
        """Every recording of the alarm that a record here names."""
        names = [self.heard_of.get(emitter, set()) for emitter in self.emitters]
        return self.announced.keys() | set().union(*names)


def check_records(
    bundle: BundleFile, manifest: Manifest, keys: KeyBook, findings: Findings
) -> Records:
    """Check every record of the bundle."""
    records = Records()
    before: tuple[RecordLine, Signature] | None = None
    of_alarm = 0
    for line in lines_of(bundle, RECORDS, RecordLine, "records", findings):
        where: dict[str, object] = {"peer": line.peer, "seq": line.seq}
        try:
            levels = list(levels_of(line.record, line.signature))
        except Refused as refused:
            findings.fail("records", "verify.no_record", why=str(refused), **where)
            continue
        outer, inner = levels[0], levels[-1]
        records.count += 1
        of_alarm += line.role == "alarm"
        if (outer.record.epoch.hex(), outer.record.seq) != (line.epoch, line.seq):
            findings.fail("records", "verify.misplaced", **where)
        _check_signers(line, levels, keys, findings)
        _check_order(before, (line, outer), manifest, records, findings)
        before = (line, outer)
        records.hashes[line.peer, line.epoch, line.seq] = outer.hash.hex()
        if line.role == "alarm" and not (
            isinstance(inner.event, EmitterEvent) and inner.event.site == manifest.site
        ):
            findings.fail("records", "verify.not_of_alarm", **where)
        if (clip := announced(inner.event)) is not None:
            if line.role != "between":
                records.announced.setdefault(clip.name, set()).add(clip.sha256)
            records.heard_of.setdefault((clip.sensor, clip.emitter), set()).add(clip.name)
        if line.role == "alarm" and isinstance(inner.event, EmitterEvent):
            records.emitters.add((inner.event.sensor, inner.event.emitter))
        _remark_times(line, outer, inner, findings)
    if not of_alarm:
        findings.fail("records", "verify.no_records", alarm=manifest.alarm)
    if manifest.sparse:
        findings.remark("records", "verify.sparse")
    return records


def _check_signers(
    line: RecordLine, levels: list[Signature], keys: KeyBook, findings: Findings
) -> None:
    """Every level is signed by a key of whom it comes from."""
    if line.role == "between":
        levels = levels[:1]
    for depth, level in enumerate(levels):
        site = level.event.site
        known = keys.of_site(site) if depth else keys.of_peer(line.peer)
        where = {"peer": line.peer, "seq": line.seq, "site": site}
        signer = keys.signer(level, known)
        if signer is None:
            findings.fail("records", "verify.record_signature", **where)
        elif not depth and signer.site and signer.site != site:
            findings.fail("records", "verify.other_site", key=signer.key, **where)
        elif 0 < signer.revoked_ns < line.received_ns:
            findings.fail("records", "verify.revoked", key=signer.key, **where)


def _check_order(
    before: tuple[RecordLine, Signature] | None,
    now: tuple[RecordLine, Signature],
    manifest: Manifest,
    records: Records,
    findings: Findings,
) -> None:
    """A record carries the hash of the one before it."""
    line, level = now
    if before is None or (before[0].peer, before[0].epoch) != (line.peer, line.epoch):
        if before is not None and (line.peer, line.epoch) < (before[0].peer, before[0].epoch):
            findings.fail("records", "verify.order", peer=line.peer, seq=line.seq)
        return
    last, last_level = before
    if line.seq <= last.seq:
        findings.fail("records", "verify.order", peer=line.peer, seq=line.seq)
    elif line.seq == last.seq + 1:
        if level.record.previous != last_level.hash:
            findings.fail("records", "verify.link", peer=line.peer, seq=line.seq)
    elif not manifest.sparse and "renewal" not in (line.role, last.role):
        records.jumps.append((line.peer, last.seq + 1, line.seq - 1))


def _remark_times(line: RecordLine, outer: Signature, inner: Signature, findings: Findings) -> None:
    """Times that contradict one another: clocks are set by people, numbers are not."""
    written_ns = outer.record.time_ns - (outer.record.offset_ns or 0)
    if written_ns > line.received_ns + LATE_NS:
        seconds = round((written_ns - line.received_ns) / 1e9, 1)
        findings.remark(
            "times", "verify.before_written", peer=line.peer, seq=line.seq, seconds=seconds
        )
    if isinstance(inner.event, EmitterEvent):
        ahead_ns = inner.event.last_seen_ns - inner.record.time_ns
        if ahead_ns > LATE_NS:
            seconds = round(ahead_ns / 1e9, 1)
            findings.remark(
                "times", "verify.seen_later", peer=line.peer, seq=line.seq, seconds=seconds
            )
