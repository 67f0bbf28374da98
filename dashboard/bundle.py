"""Everything that proves one alarm, in one file for somebody who has nothing else.

The signed records, the recordings, the keys, what people did, and a signed checkpoint of the audit
log: ``docs/evidence.md``.  ``rfproctor verify`` reads it.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import msgspec

from dashboard import bundle_audit, bundle_keys, bundle_records
from dashboard.access import Identity
from dashboard.bundle_case import BundleQuery as BundleQuery
from dashboard.bundle_case import Case, open_case
from dashboard.bundle_format import (
    ALARM,
    AUDIT,
    CHECKPOINT,
    FOLDER,
    FORMAT,
    KEYS,
    MANIFEST,
    MOST_BLOCK_BYTES,
    READMES,
    RECORDS,
    SIGNATURE,
    TAKEN,
    LeftOut,
    Manifest,
    Taken,
    manifest_digest,
)
from dashboard.bundle_readme import readme
from dashboard.bundle_zip import BundleZip
from dashboard.clips import DATA, META, SUFFIXES, Announced
from dashboard.errors import NOT_JSON, Refused
from dashboard.evidence import Evidence
from dashboard.key_acts import take_over
from dashboard.keyring import Keyring
from dashboard.samples import FORMATS, Description
from dashboard.saving import OpenFile
from dashboard.store import Store
from dashboard.taking import Taking
from dsp.iq import sample_bytes
from sensors.keys import Keys, own_keys

RESERVE_BYTES = 256 << 20
"""Left free on the disk: events matter more than a copy."""
BLOCK_BYTES = 1 << 20
"""Of a recording whose description does not say how long a second is."""
OWN_KEY = "bundle.key"
"""Signs where the monitor itself runs without keys."""


@dataclass(frozen=True, slots=True)
class Signing:
    """Who the monitor is in a bundle.

    Attributes
    ----------
    monitor : str
    folder : Path
        Of the recordings; the bundle is written to the same disk.
    keyring : Keyring or None
    signers_of : callable
        Keys that a peer greeted with, where there is no keyring.
    """

    monitor: str
    folder: Path
    keyring: Keyring | None
    signers_of: Callable[[str], tuple[bytes, ...]]


class Bundles:
    """Makes bundles, one at a time.

    Parameters
    ----------
    store : Store
    evidence : Evidence
    taking : Taking
        Knows who may have which recording.
    signing : Signing
    """

    def __init__(self, store: Store, evidence: Evidence, taking: Taking, signing: Signing) -> None:
        self._store = store
        self._evidence = evidence
        self._taking = taking
        self._signing = signing
        self._busy = threading.Lock()

    def make(self, alarm_id: str, query: BundleQuery, who: Identity) -> OpenFile:
        """Write the bundle of an alarm into a file without a name, and open it.

        Raises
        ------
        Refused
            As `open_case`; another one is being made, the disk has no room, or a site's key is not
            known yet (409).
        """
        if not self._busy.acquire(blocking=False):
            raise Refused("bundle.busy", 409)
        try:
            reader = self._store.reader
            case = open_case(reader, self._evidence, self._taking, alarm_id, query, who)
            self._must_fit(case)
            return self._written(case)
        except OSError as error:
            raise Refused("bundle.disk", 409, why=error.strerror or str(error)) from None
        finally:
            self._busy.release()

    @cached_property
    def _own_keys(self) -> Keys:
        return own_keys(self._signing.folder.parent / OWN_KEY)

    def _must_fit(self, case: Case) -> None:
        self._signing.folder.mkdir(parents=True, exist_ok=True)
        needed = case.num_bytes + RESERVE_BYTES
        if shutil.disk_usage(self._signing.folder).free < needed:
            raise Refused("bundle.no_room", 409, megabytes=round(needed / 1e6))

    def _written(self, case: Case) -> OpenFile:
        file = tempfile.TemporaryFile(dir=self._signing.folder)  # noqa: SIM115 - it is the answer
        try:
            self._write(file, case)
            file.seek(0)
            digest = file_digest(file, "sha256").digest()
            num_bytes = file.tell()
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return OpenFile(f"rfproctor-{case.alarm}.zip", file, num_bytes, digest, "application/zip")

    def _write(self, file: BinaryIO, case: Case) -> None:
        """Write the entries; the audit log last, so that it holds everything that was done here."""
        reader, signing, found = self._store.reader, self._signing, case.found
        if signing.keyring is not None:
            take_over(signing.keyring, self._store)  # how its keys were admitted is to be in it
        keys = list(bundle_keys.lines(found, signing.keyring, signing.signers_of))
        if unknown := found.peers - {key.peer for key in keys}:
            raise Refused("bundle.no_key", 409, peer=", ".join(sorted(unknown)))
        bundle_records.finish(reader, found, keys)
        own = signing.keyring.keys if signing.keyring else self._own_keys
        with BundleZip(file) as out:
            out.put(ALARM, case.card)
            for clip in case.complete:
                self._put_recording(out, case, clip)
            out.put_lines(RECORDS, bundle_records.lines(reader, found))
            out.put_lines(KEYS, keys)
            self._put_audit(out, case, own)
            self._put_manifest(out, case, own)

    def _put_audit(self, out: BundleZip, case: Case, own: Keys) -> None:
        reader = self._store.reader
        ends = bundle_records.ends(reader, case.found)
        size = self._note_taken(case, ends, own.key_id)
        rows = bundle_audit.rows_about(reader, case.alarm, case.names, case.found, size)
        checkpoint, paths = bundle_audit.prove(
            reader, self._signing.monitor, rows, size, self._store.now_ns()
        )
        out.put_lines(AUDIT, bundle_audit.lines(reader, rows, paths))
        out.put(CHECKPOINT, checkpoint.signed(own).encode())

    def _put_manifest(self, out: BundleZip, case: Case, own: Keys) -> None:
        now_ns, monitor = self._store.now_ns(), self._signing.monitor
        site = msgspec.json.decode(case.card)["site"]
        for lang, name in READMES.items():
            out.put(name, readme(lang, monitor, case.alarm, site, own, now_ns).encode())
        manifest = msgspec.json.encode(
            Manifest(
                format=FORMAT,
                monitor=monitor,
                software=version("rfproctor"),
                key=own.verify_key.hex(),
                alarm=case.alarm,
                site=site,
                made_ns=now_ns,
                made_by=case.who,
                sparse=case.found.sparse,
                entries=out.entries,
                left_out=case.left_out,
            )
        )
        out.put(MANIFEST, manifest)
        out.put(SIGNATURE, own.sign(manifest_digest(manifest)).hex().encode() + b"\n")

    def _put_recording(self, out: BundleZip, case: Case, clip: Announced) -> None:
        """Write a recording whose three files are what the site signed."""
        opened: dict[str, OpenFile] = {}
        more = case.agreed.get(clip.name, {})
        try:
            for suffix in SUFFIXES:
                name = clip.name + suffix
                opened[suffix] = self._evidence.take(clip, name, case.who, case.alarm, **more)
        except Refused:
            case.left_out.append(LeftOut(clip.name, clip.sha256, "damaged"))
        else:
            second = _second_bytes(opened[META].file.read())
            opened[META].file.seek(0)
            for suffix, one in opened.items():
                block = second if suffix == DATA else 0
                out.put_file(FOLDER + one.name, one.file, one.num_bytes, block)
            case.taken[clip.name] = clip.sha256
        finally:
            for one in opened.values():
                one.file.close()

    def _note_taken(self, case: Case, ends: dict[str, tuple[int, str]], key: str) -> int:
        """Write down that it leaves, before it does; returns the number of that row."""
        detail = msgspec.structs.asdict(Taken(case.taken, ends, key))
        with self._store.writing() as connection:
            self._store.note(connection, case.who, TAKEN, case.alarm, detail)
            return bundle_audit.last_row(connection)


def _second_bytes(meta: bytes) -> int:
    """How many bytes a second of a recording has."""
    try:
        about = msgspec.json.decode(meta, type=Description).about
        rate = round(about.sample_rate_hz * sample_bytes(FORMATS[about.datatype]))
        return max(1, min(rate, MOST_BLOCK_BYTES))
    except (*NOT_JSON, KeyError, OverflowError, ValueError):
        return BLOCK_BYTES
