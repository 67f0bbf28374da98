"""The sites' recordings on our disk: what is there of each, and nothing leaves unchecked.

Trust goes from hash to hash: the site signed the hash of a clip's list of hashes, the list has the
hashes of its samples and of their description.  All of it is checked again whenever a file is read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct, field
from sqlalchemy.exc import SQLAlchemyError

from dashboard.clips import (
    DATA,
    LIST,
    META,
    SUFFIXES,
    Announced,
    clips_of,
    find_clip,
    mark_arrived,
)
from dashboard.errors import Refused
from dashboard.saving import OpenFile
from dashboard.store import MONITOR, Store

ClipState = Literal["announced", "arriving", "complete", "deleted"]
BYTES_PER_SAMPLE = {"cu8": 2, "ci8": 2, "ci16_le": 4, "cf32_le": 8}

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


class ClipCard(Struct, frozen=True):
    """A recording of an alarm as pages and scripts see it.

    Attributes
    ----------
    name : str
    sensor, emitter : str
    start_ns, stop_ns : int
    center_freq_hz, sample_rate_hz, bytes : number or None
        Of the samples; None until their description has arrived.
    sha256 : str
        Of the clip's list of hashes, as the site signed it.
    state : ClipState
        ``deleted``: at the site before it could arrive, or here.
    share : float
        Of the samples that are here, 0-1.
    files : list of str
        What can be had under ``/api/v1/alarms/{id}/evidence/{name}``; empty unless complete.
    """

    name: str
    sensor: str
    emitter: str
    start_ns: int
    stop_ns: int
    center_freq_hz: float | None
    sample_rate_hz: float | None
    bytes: int | None
    sha256: str
    state: ClipState
    share: float
    files: list[str]


class _Global(Struct):
    datatype: str = field(name="core:datatype")
    sample_rate_hz: float = field(name="core:sample_rate")


class _Capture(Struct):
    center_freq_hz: float | None = field(name="core:frequency", default=None)


class _Annotation(Struct):
    start: int = field(name="core:sample_start")
    count: int = field(name="core:sample_count", default=0)


class _Meta(Struct):
    """What a listing says of a recording, from its SigMF metadata."""

    about: _Global = field(name="global")
    captures: list[_Capture]
    annotations: list[_Annotation] = []

    @property
    def num_bytes(self) -> int:
        """Of the samples: the site annotates a clip as a whole."""
        samples = max((one.start + one.count for one in self.annotations), default=0)
        return samples * BYTES_PER_SAMPLE.get(self.about.datatype, 0)


class Evidence:
    """The folder that the sites' recordings arrive in.

    Parameters
    ----------
    folder : Path
        One folder per site in it.
    store : Store
    """

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store

    def listing(self, alarm_id: str) -> list[ClipCard]:
        """Recordings of an alarm, in order of time."""
        return [self._card(clip) for clip in clips_of(self._store.reader, alarm_id)]

    def open_file(self, alarm_id: str, name: str, author: str) -> OpenFile:
        """Open a file of a complete recording; who had it goes into the audit log.

        Raises
        ------
        Refused
            No such file (404); not here yet or any more, or not what the site signed (409).
        """
        for clip in clips_of(self._store.reader, alarm_id):
            if name in (clip.name + suffix for suffix in SUFFIXES):
                break
        else:
            raise Refused("evidence.unknown", 404, alarm=alarm_id, file=name)
        card = self._card(clip)
        if card.state != "complete":
            raise _not_here(card, name)
        opened = self._checked(clip, name)
        act = "evidence.damaged" if opened is None else "evidence.taken"
        detail = {"site": clip.site, "file": name, "signed_sha256": clip.sha256}
        if opened is not None:
            detail["sha256"] = opened.sha256.hex()
        with self._store.writing() as connection:
            self._store.note(connection, author, act, alarm_id, detail)
        if opened is None:
            raise Refused("evidence.damaged", 409, file=name)
        return opened

    def arrived(self, site: str, path: Path) -> None:
        """Note when the last file of a recording has come; never raises: the file is here."""
        clip_name = path.stem
        if not all(self._path(site, clip_name + suffix).is_file() for suffix in SUFFIXES):
            return
        try:
            with self._store.writing() as connection:
                clip = find_clip(connection, site, clip_name)
                if clip is not None and not clip.arrived_ns:
                    mark_arrived(connection, clip, self._store.now_ns())
                    detail = {"site": site, "signed_sha256": clip.sha256}
                    self._store.note(connection, MONITOR, "evidence.arrived", clip_name, detail)
        except SQLAlchemyError as error:
            log.error("arrival not noted", site=site, clip=clip_name, why=str(error))

    def _path(self, site: str, name: str) -> Path:
        return self._folder / site / name

    def _card(self, clip: Announced) -> ClipCard:
        here = [s for s in SUFFIXES if self._path(clip.site, clip.name + s).is_file()]
        meta = self._meta(clip) if META in here else None
        samples = self._path(clip.site, clip.name + DATA)
        parts = sorted(samples.parent.glob(f"{samples.name}.*.part"))
        size = next((p.stat().st_size for p in (samples, *parts) if p.is_file()), 0)
        total = size if DATA in here else meta.num_bytes if meta is not None else 0
        state: ClipState = "announced"
        if len(here) == len(SUFFIXES):
            state = "complete"
        elif clip.dropped_ns or clip.arrived_ns:
            state = "deleted"
        elif here or parts:
            state = "arriving"
        return ClipCard(
            name=clip.name,
            sensor=clip.sensor,
            emitter=clip.emitter,
            start_ns=clip.start_ns,
            stop_ns=clip.stop_ns,
            center_freq_hz=meta.captures[0].center_freq_hz if meta and meta.captures else None,
            sample_rate_hz=meta.about.sample_rate_hz if meta else None,
            bytes=total or None,
            sha256=clip.sha256,
            state=state,
            share=min(size / total, 1.0) if total else 0.0,
            files=[clip.name + suffix for suffix in SUFFIXES] if state == "complete" else [],
        )

    def _meta(self, clip: Announced) -> _Meta | None:
        try:
            text = self._path(clip.site, clip.name + META).read_bytes()
            return msgspec.json.decode(text, type=_Meta)
        except (OSError, msgspec.DecodeError):
            return None

    def _checked(self, clip: Announced, name: str) -> OpenFile | None:
        """Open a file if it is what the site signed; what is checked is what will be read."""
        try:
            signed = self._path(clip.site, clip.name + LIST).read_bytes()
            if hashlib.sha256(signed).hexdigest() != clip.sha256:
                return None
            file = self._path(clip.site, name).open("rb")
        except OSError:
            return None
        digest = hashlib.file_digest(file, "sha256").digest()
        num_bytes = file.tell()
        file.seek(0)
        listed = f"{digest.hex()}  {name}" in signed.decode(errors="replace").splitlines()
        if listed or (name == clip.name + LIST and digest.hex() == clip.sha256):
            return OpenFile(name, file, num_bytes, digest)
        file.close()
        return None


def _not_here(card: ClipCard, name: str) -> Refused:
    if card.state == "arriving":
        return Refused("evidence.arriving", 409, file=name, percent=int(card.share * 100))
    if card.state == "deleted":
        return Refused("evidence.gone", 409, file=name)
    return Refused("evidence.announced", 409, file=name)
