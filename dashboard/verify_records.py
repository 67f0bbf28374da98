"""The signed records: who signed them, and that none was changed, left out or put elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from dashboard.bundle_format import RECORDS, Manifest, RecordLine, Role
from dashboard.bundle_layers import Signature, announced, levels_of
from dashboard.verify_findings import Findings
from dashboard.verify_keys import KeyBook
from dashboard.verify_lines import lines_of
from dashboard.verify_zip import BundleFile
from sensors.messages import EmitterEvent, Event, NoticeEvent
from sensors.renewal import NOTE as RENEWED
from sensors.wire import Refused

LATE_NS = 5_000_000_000
"""Clocks of site and monitor that differ by more, beyond what was measured, are told of."""

Place = tuple[str, str]
"""Peer and epoch."""


@dataclass(slots=True)
class _Run:
    """One sequence, as far as it is here."""

    seqs: list[int] = field(default_factory=list)
    needed: list[int] = field(default_factory=list)

    def missing(self) -> Iterator[tuple[int, int]]:
        """First and last number of every piece that is not here between those that are needed."""
        if not self.needed:
            return
        first, last = min(self.needed), max(self.needed)
        before = first
        for seq in sorted({seq for seq in self.seqs if first < seq <= last}):
            if seq > before + 1:
                yield before + 1, seq - 1
            before = seq


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
    opened : set of (str, str)
        Those of them whose beginning is here.
    runs : dict
        By peer and epoch.
    below : dict
        By a relay's place, then site and epoch: hash and predecessor of each record inside the
        relay's, by number.
    count : int
    """

    hashes: dict[tuple[str, str, int], str] = field(default_factory=dict)
    announced: dict[str, set[str]] = field(default_factory=dict)
    heard_of: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    emitters: set[tuple[str, str]] = field(default_factory=set)
    opened: set[tuple[str, str]] = field(default_factory=set)
    runs: dict[Place, _Run] = field(default_factory=dict)
    below: dict[tuple[Place, Place], dict[int, tuple[bytes, bytes]]] = field(default_factory=dict)
    count: int = 0

    def missing(self) -> Iterator[tuple[str, int, int]]:
        """Records that are not here: peer or site below, first and last number."""
        for (peer, _), run in self.runs.items():
            for first, last in run.missing():
                yield peer, first, last
        for (_, (site, _)), here in self.below.items():
            seqs = list(here)
            for first, last in _Run(seqs, seqs).missing():
                yield site, first, last

    def spans(self, site: str, first: int, last: int) -> bool:
        """Whether records of a site below are here from before and from after these."""
        seqs = [seq for (_, (name, _)), here in self.below.items() if name == site for seq in here]
        return bool(seqs) and min(seqs) < first and last < max(seqs)

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
        _check_order(before, (line, outer), findings)
        before = (line, outer)
        records.hashes[line.peer, line.epoch, line.seq] = outer.hash.hex()
        for level in levels[1:] if line.role != "renewal" else []:
            _follow((line.peer, line.epoch), level, records, findings)
        run = records.runs.setdefault((line.peer, line.epoch), _Run())
        run.seqs.append(line.seq)
        if line.role != "renewal":
            run.needed.append(line.seq)
        if line.role == "alarm" and inner.event.site != manifest.site:
            findings.fail("records", "verify.not_of_alarm", **where)
        if not _note(line.role, inner.event, records):
            findings.fail("records", "verify.other_role", role=line.role, **where)
        _remark_times(line, outer, inner, findings)
    for (_, (site, _)), here in records.below.items():
        for seq, (_, previous) in here.items():
            if seq - 1 in here and here[seq - 1][0] != previous:
                findings.fail("records", "verify.link", peer=site, seq=seq)
    for sensor, emitter in sorted(records.emitters - records.opened):
        findings.remark("records", "verify.no_opening", sensor=sensor, emitter=emitter)
    if not of_alarm:
        findings.fail("records", "verify.no_records", alarm=manifest.alarm)
    return records


def _follow(relay: Place, level: Signature, records: Records, findings: Findings) -> None:
    """Put a record inside a relay's into its site's sequence; it may have been brought twice."""
    place, seq = (level.event.site, level.record.epoch.hex()), level.record.seq
    known, _ = records.below.setdefault((relay, place), {}).setdefault(
        seq, (level.hash, level.record.previous)
    )
    if known != level.hash:
        findings.fail("records", "verify.link", peer=level.event.site, seq=seq)


def _note(role: Role, event: Event, records: Records) -> bool:
    """Take note of what a record says; False when it cannot have the role of its line."""
    clip = announced(event)
    if clip is not None:
        if role == "announcement":
            records.announced.setdefault(clip.name, set()).add(clip.sha256)
        records.heard_of.setdefault((clip.sensor, clip.emitter), set()).add(clip.name)
    if role == "alarm" and isinstance(event, EmitterEvent):
        records.emitters.add((event.sensor, event.emitter))
        if event.phase == "open":
            records.opened.add((event.sensor, event.emitter))
    fits = {
        "alarm": isinstance(event, EmitterEvent),
        "announcement": clip is not None,
        "renewal": isinstance(event, NoticeEvent) and event.note.id == RENEWED,
    }
    return fits.get(role, True)


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
    elif line.seq == last.seq + 1 and level.record.previous != last_level.hash:
        findings.fail("records", "verify.link", peer=line.peer, seq=line.seq)


def _remark_times(line: RecordLine, outer: Signature, inner: Signature, findings: Findings) -> None:
    """Times that contradict one another: clocks are set by people, numbers are not."""
    written_ns = outer.record.time_ns - (outer.record.offset_ns or 0)
    ahead_ns = {"verify.before_written": written_ns - line.received_ns}
    if isinstance(inner.event, EmitterEvent):
        ahead_ns["verify.seen_later"] = inner.event.last_seen_ns - inner.record.time_ns
    for message_id, ahead in ahead_ns.items():
        if ahead > LATE_NS:
            shown = {"peer": line.peer, "seq": line.seq, "seconds": round(ahead / 1e9, 1)}
            findings.remark("times", message_id, **shown)
