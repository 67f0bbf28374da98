"""The sites' recordings on our disk: what is there of each, and nothing leaves unchecked.

Trust goes from hash to hash: the site signed the hash of a clip's list of hashes, the list has the
hashes of its samples and of their description.  All of it is checked again whenever a file is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct
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
from dashboard.errors import NOT_JSON, Refused
from dashboard.samples import FORMATS, Description, Recording
from dashboard.saving import OpenFile
from dashboard.store import MONITOR, Store
from dsp.iq import sample_bytes

ClipState = Literal["announced", "arriving", "complete", "deleted"]

AT_ONCE = 4
"""Recordings that are checked while somebody waits for a list."""

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
        return self.cards(clips_of(self._store.reader, alarm_id))

    def cards(self, clips: Sequence[Announced]) -> list[ClipCard]:
        """Show recordings as they are now.

        A file may come before its announcement does, through a long backlog of events: such a
        recording is checked, and its arrival noted, when somebody looks; a few at a time.
        """
        cards = [self.card(clip) for clip in clips]
        early = [
            clip
            for clip, card in zip(clips, cards, strict=True)
            if card.state == "complete" and not clip.arrived_ns
        ]
        for clip in early[:AT_ONCE]:
            self.arrived(clip.site, self._path(clip.site, clip.name + DATA))
        return cards

    def open_file(self, alarm_id: str, name: str, author: str, **more: object) -> OpenFile:
        """Open a file of a complete recording; who had it goes into the audit log, with ``more``.

        Raises
        ------
        Refused
            No such file (404); not here yet or any more, or not what the site signed (409).
        """
        clip = self._find(alarm_id, name, lambda clip: name in [clip.name + s for s in SUFFIXES])
        return self.take(clip, name, author, alarm_id, **more)

    def take(
        self, clip: Announced, name: str, author: str, subject: str, **more: object
    ) -> OpenFile:
        """Open a file of a recording as `open_file` does; ``subject`` is what the audit log names.

        Raises
        ------
        Refused
            Not here yet or any more, or not what the site signed (409).
        """
        opened = self._open(subject, clip, name, author)
        detail = {"site": clip.site, "file": name, "signed_sha256": clip.sha256, **more}
        detail["sha256"] = opened.sha256.hex()
        with self._store.writing() as connection:
            self._store.note(connection, author, "evidence.taken", subject, detail)
        return opened

    @contextmanager
    def open_recording(self, alarm_id: str, name: str, author: str) -> Iterator[Recording]:
        """Open the samples of a complete recording for us to look at.

        Raises
        ------
        Refused
            As `open_file`; also when its description is not one that we read (409).
        """
        clip = self._find(alarm_id, name, lambda clip: name == clip.name)
        described = self._open(alarm_id, clip, clip.name + META, author)
        with described.file:
            description = _described(described.file.read())
        if description is None or description.about.datatype not in FORMATS:
            raise Refused("evidence.unreadable", 409, file=clip.name + META)
        opened = self._open(alarm_id, clip, clip.name + DATA, author)
        with opened.file:
            yield Recording(
                name=clip.name,
                sensor=clip.sensor,
                signed_sha256=clip.sha256,
                start_ns=clip.start_ns,
                description=description,
                file=opened.file,
                num_samples=opened.num_bytes // sample_bytes(FORMATS[description.about.datatype]),
            )

    def arrived(self, site: str, path: Path) -> None:
        """Note when the last file of a recording has come; never raises: the file is here."""
        clip_name = path.stem
        if not all(self._path(site, clip_name + suffix).is_file() for suffix in SUFFIXES):
            return
        try:
            with self._store.reader.connect() as reading:
                clip = find_clip(reading, site, clip_name)
            if clip is None or clip.arrived_ns:
                return
            verified = self._verified(clip)  # before the store is ours: it reads all of it
            with self._store.writing() as connection:
                clip = find_clip(connection, site, clip_name)
                if clip is not None and not clip.arrived_ns:
                    mark_arrived(connection, clip, self._store.now_ns())
                    detail = {"site": site, "signed_sha256": clip.sha256, "verified": verified}
                    self._store.note(connection, MONITOR, "evidence.arrived", clip_name, detail)
        except SQLAlchemyError as error:
            log.error("arrival not noted", site=site, clip=clip_name, why=str(error))

    def is_gone(self, site: str, file: str) -> bool:
        """Whether a site said that it deleted the clip of this file."""
        name = next((file.removesuffix(end) for end in SUFFIXES if file.endswith(end)), file)
        with self._store.reader.connect() as reading:
            clip = find_clip(reading, site, name)
        return clip is not None and clip.dropped_ns > 0

    def _find(self, alarm_id: str, name: str, fits: Callable[[Announced], bool]) -> Announced:
        """Find a clip of an alarm."""
        for clip in clips_of(self._store.reader, alarm_id):
            if fits(clip):
                return clip
        raise Refused("evidence.unknown", 404, alarm=alarm_id, file=name)

    def _open(self, alarm_id: str, clip: Announced, name: str, author: str) -> OpenFile:
        """Open a file of a complete clip; that it is not what was signed is recorded."""
        card = self.card(clip)
        if card.state != "complete":
            raise _not_here(card, name)
        opened = self._checked(clip, name)
        if opened is None:
            detail = {"site": clip.site, "file": name, "signed_sha256": clip.sha256}
            with self._store.writing() as connection:
                self._store.note(connection, author, "evidence.damaged", alarm_id, detail)
            raise Refused("evidence.damaged", 409, file=name)
        return opened

    def _path(self, site: str, name: str) -> Path:
        return self._folder / site / name

    def card(self, clip: Announced) -> ClipCard:
        """Show a recording as it is now."""
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
            center_freq_hz=meta.center_freq_hz if meta else None,
            sample_rate_hz=meta.about.sample_rate_hz if meta else None,
            bytes=total or None,
            sha256=clip.sha256,
            state=state,
            share=min(size / total, 1.0) if total else 0.0,
            files=[clip.name + suffix for suffix in SUFFIXES] if state == "complete" else [],
        )

    def _meta(self, clip: Announced) -> Description | None:
        try:
            return _described(self._path(clip.site, clip.name + META).read_bytes())
        except OSError:
            return None

    def _verified(self, clip: Announced) -> bool:
        """Whether all that is here of a clip is what the site signed."""
        for suffix in SUFFIXES:
            opened = self._checked(clip, clip.name + suffix)
            if opened is None:
                return False
            opened.file.close()
        return True

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


def _described(text: bytes) -> Description | None:
    """SigMF metadata; None when it is not what a site writes."""
    try:
        return msgspec.json.decode(text, type=Description)
    except NOT_JSON:
        return None


def _not_here(card: ClipCard, name: str) -> Refused:
    if card.state == "arriving":
        return Refused("evidence.arriving", 409, file=name, percent=int(card.share * 100))
    if card.state == "deleted":
        return Refused("evidence.gone", 409, file=name)
    return Refused("evidence.announced", 409, file=name)
