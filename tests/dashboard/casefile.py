"""A site that signs, a centre that keeps, a bundle of one alarm, and tools to tamper with it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from dashboard.access import Identity
from dashboard.accounts import Accounts
from dashboard.actions import Wish
from dashboard.approvals import PairSection
from dashboard.bundle import BundleQuery, Bundles, Signing
from dashboard.bundle_format import manifest_digest
from dashboard.bundle_layers import levels_of
from dashboard.clips import DATA, LIST, META
from dashboard.evidence import Evidence
from dashboard.inbox import Incoming
from dashboard.keyring import Keyring
from dashboard.pairs import Pairs
from dashboard.store import Store
from dashboard.taking import Taking
from sensors.clock import Clock as SiteClock
from sensors.keys import Keys, key_id, make_keys
from sensors.messages import Event, Note, NoticeEvent
from sensors.outbox import Outbox
from sensors.renewal import announcement, certificate_of
from sensors.wire import read_record
from tests.dashboard.conftest import SECOND, Clock, emitter_event

LI = Identity("li", "supervisor")
RATE_HZ = 1000
NAMES = tuple(f"20270115T08000{k}.000Z_169.5000M_school-3-hall-1" for k in range(2))
RENEWED_AT = 2
"""Number of the record in which the school names its next keys."""
Entries = dict[str, bytes]


class School:
    """One site with its outbox, and the centre that it is enrolled at."""

    def __init__(self, folder: Path, store: Store, clock: Clock, *, keyed: bool = True) -> None:
        self.folder, self.clock = folder, clock
        self.keyring = Keyring(folder / "keys", clock) if keyed else None
        self.keys = self.first_key = make_keys()
        self.peer = key_id(self.keys.verify_key)
        wall = SiteClock(wall_ns=clock, mono_ns=lambda: clock() - 1_000)
        self.outbox = Outbox(folder / "outbox.db", self.keys, clock=wall)
        if self.keyring is not None:
            self.keyring.allow("school-3", self.keys.curve_public, self.keys.verify_key, "wang")
        self.keep_in(store)

    def keep_in(self, store: Store) -> None:
        """Use this store from now on."""
        evidence = self.folder / "centre" / "evidence"
        self.store = store
        self.evidence = Evidence(evidence, store)
        pairs = Pairs(store, Accounts(store), PairSection(acts=()), lambda _: None)
        self.taking = Taking(store, self.evidence, pairs)
        signing = Signing("city", evidence, self.keyring, lambda _: (self.keys.verify_key,))
        self.bundles = Bundles(store, self.evidence, self.taking, signing)

    @property
    def own(self) -> Keys:
        """The monitor's keys."""
        return self.keyring.keys if self.keyring is not None else self.bundles._own_keys

    def says(self, *events: Event) -> None:
        """Commit events at the site; they arrive at the centre a second later."""
        for event in events:
            self.clock.wait(1)
            seq = self.outbox.append(event)
            (stored,) = self.outbox.after(seq - 1, 1)
            record = read_record(stored.signed.record)
            if self.keyring and (heir := certificate_of(event, self.keys.verify_key)):
                self.keyring.succeed(self.keys.verify_key, heir)
            self.clock.wait(1)
            self.store.ingest(
                [
                    Incoming(
                        peer=self.peer,
                        epoch=record.epoch.hex(),
                        seq=seq,
                        event=list(levels_of(stored.signed.record, b""))[-1].event,
                        time_ns=record.time_ns,
                        received_ns=self.clock(),
                        clock_offset_ns=0,
                        record=stored.signed.record,
                        signature=stored.signed.signature,
                        hash=stored.hash,
                    )
                ]
            )

    def records(self, name: str, samples: bytes, rate_hz: int = RATE_HZ) -> None:
        """Keep a recording at the site, announce it, and let its files arrive."""
        meta = {
            "global": {"core:datatype": "cu8", "core:sample_rate": float(rate_hz)},
            "captures": [{"core:sample_start": 0, "core:frequency": 170e6}],
            "annotations": [{"core:sample_start": 0, "core:sample_count": len(samples) // 2}],
        }
        files = {name + META: json.dumps(meta).encode(), name + DATA: samples}
        files[name + LIST] = hash_list(files)
        folder = self.folder / "centre" / "evidence" / "school-3"
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        digest = hashlib.sha256(files[name + LIST]).hexdigest()
        args: dict[str, str | float | int] = {
            "file": name + META,
            "emitter": "e1",
            "sha256": digest,
        }
        now = self.clock()
        self.says(
            NoticeEvent(
                *("school-3", "school-3/hall", "info"),
                Note("evidence.kept", args),
                now,
                now + SECOND,
            )
        )

    def renews(self) -> None:
        """Change the site's keys."""
        new = make_keys()
        self.says(announcement("school-3", self.keys, new))
        self.outbox.sign_with(new)
        self.keys = new

    def take(self, **query: Any) -> bytes:
        """The bundle of the one alarm at school-3."""
        (alarm,) = (one.id for one in self.store.desk.alarms.values() if one.site == "school-3")
        with self.bundles.make(alarm, BundleQuery(**query), LI).file as file:
            return file.read()


def exam(school: School) -> None:
    """One alarm with two recordings, a change of keys, other things between, and a checkpoint."""
    quiet = NoticeEvent("school-3", "school-3/hall", "info", Note("sensor.fine"), school.clock())
    school.says(quiet)
    school.renews()
    school.says(quiet, emitter_event(last_seen_ns=school.clock()))
    school.records(NAMES[0], bytes(k * 7 % 251 for k in range(7000)))
    school.says(quiet, emitter_event(phase="update", sightings=2, last_seen_ns=school.clock()))
    school.records(NAMES[1], bytes(range(250)) * 8)
    (alarm,) = school.store.desk.alarms
    school.store.act(alarm, Wish(action="acknowledge"), "li")
    school.says(emitter_event(phase="close", sightings=2, last_seen_ns=school.clock()), quiet)
    school.clock.wait(20)
    school.store.settle()
    school.says(quiet)


def entries_of(bundle: bytes) -> Entries:
    """Name and content of every entry."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zipped(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of these entries; names may come twice."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as opened:
        for name, content in entries:
            opened.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def signed_again(entries: Entries, keys: Keys, **changes: Any) -> Entries:
    """What somebody with a key can do: a manifest that fits, signed."""
    manifest = {**json.loads(entries["manifest.json"]), **changes, "key": keys.verify_key.hex()}
    kept = {one["name"]: one for one in manifest["entries"]}
    content = {k: v for k, v in entries.items() if not k.startswith("manifest.")}
    manifest["entries"] = [
        {
            **kept.get(name, {}),
            **{"name": name, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()},
        }
        for name, body in content.items()
    ]
    raw = json.dumps(manifest).encode()
    signature = keys.sign(manifest_digest(raw)).hex().encode()
    return {**content, "manifest.json": raw, "manifest.sig": signature}


def with_lines(entries: Entries, name: str, change: Callable[[list[Any]], None]) -> Entries:
    """Change the lines of an entry."""
    lines = [json.loads(line) for line in entries[name].splitlines()]
    change(lines)
    return {**entries, name: b"".join(json.dumps(line).encode() + b"\n" for line in lines)}


def hash_list(files: Entries) -> bytes:
    """As `sha256sum` writes it."""
    return "".join(f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in files.items()).encode()
