"""Clips of what was heard: SigMF with annotations and hashes, within a quota, nothing unreported.

A clip is three files: ``NAME.sigmf-data`` (the receiver's own bytes), ``NAME.sigmf-meta`` and
``NAME.sha256`` (readable by ``sha256sum -c``).  When the quota is used up the oldest clips lose
their samples; their ``.sha256`` stays, so that it can be said what there was.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from dsp.values import IQBlock
from sdr.recorder import Recorder
from sdr.source import SourceError, UserError
from sensors.facts import Facts as Facts
from sensors.facts import annotations_of

RESERVE_BYTES = 256 << 20
"""Left free for outbox and ledger, which matter more than a clip."""


class EvidenceFault(UserError):
    """A clip could not be kept; the site goes on and says so.

    Attributes
    ----------
    deleted : tuple of Deleted
        What had gone to make room for it all the same.
    """

    exit_code = 3
    deleted: tuple[Deleted, ...] = ()


@dataclass(frozen=True, slots=True)
class Deleted:
    """A clip whose samples were deleted to make room.

    Attributes
    ----------
    name : str
    num_bytes : int
    manifest : Path
        Its hashes, which stay.
    """

    name: str
    num_bytes: int
    manifest: Path


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip that was kept.

    Attributes
    ----------
    meta, data, manifest : Path
    sha256 : dict
        File name -> hexadecimal hash.
    manifest_sha256 : str
        Hash of the manifest: one number that stands for the whole clip.
    num_samples, dropped_samples : int
    start_ns, stop_ns : int
    deleted : tuple of Deleted
        What had to go for it; the site must say so.
    """

    meta: Path
    data: Path
    manifest: Path
    sha256: dict[str, str]
    manifest_sha256: str
    num_samples: int
    dropped_samples: int
    start_ns: int
    stop_ns: int
    deleted: tuple[Deleted, ...]


class Archive:
    """The folder of a site's clips.

    Parameters
    ----------
    folder : Path
        Made when absent.
    quota_bytes : int
        Of samples and metadata together.
    """

    def __init__(self, folder: Path, quota_bytes: int = 20 << 30) -> None:
        self.folder = folder
        self.quota_bytes = quota_bytes

    def keep(self, facts: Facts, blocks: Sequence[IQBlock]) -> Clip:
        """Write one clip.

        Parameters
        ----------
        facts : Facts
        blocks : sequence of IQBlock
            In order, of one centre and rate, for example from `sdr.capture.Ring.extract`.

        Raises
        ------
        EvidenceFault
            The disk is full or refuses; nothing half is left.  ``ValueError`` without samples.
        """
        if not blocks:
            raise ValueError("a clip without samples")
        size = sum(block.raw.nbytes for block in blocks)
        base = self._name(facts, blocks[0].time_ns)
        try:
            base.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _refused(base, error) from None
        deleted = tuple(self.make_room(size))
        try:
            self._claim(base, size)
            return self._write(base, facts, blocks, deleted)
        except (EvidenceFault, SourceError, OSError) as error:
            for leftover in base.parent.glob(base.name + ".*"):
                leftover.unlink(missing_ok=True)
            fault = error if isinstance(error, EvidenceFault) else _refused(base, error)
            fault.deleted = deleted
            raise fault from None

    def make_room(self, num_bytes: int) -> list[Deleted]:
        """Delete the samples of the oldest clips until so much fits into the quota."""
        clips = sorted(self.folder.glob("*/*.sigmf-data"))
        sizes = {path: path.stat().st_size for path in clips}
        used = sum(sizes.values())
        deleted = []
        for path in clips:
            if used + num_bytes <= self.quota_bytes:
                break
            path.unlink(missing_ok=True)
            path.with_suffix(".sigmf-meta").unlink(missing_ok=True)
            used -= sizes[path]
            manifest = path.with_suffix(".sha256")
            deleted.append(Deleted(path.stem, sizes[path], manifest))
        return deleted

    def _name(self, facts: Facts, time_ns: int) -> Path:
        """Folder of the day, then time, frequency and emitter: sorted by name is sorted by age."""
        when = datetime.fromtimestamp(time_ns / 1e9, UTC)
        freq_mhz = (facts.low_hz + facts.high_hz) / 2e6
        emitter = re.sub(r"[^A-Za-z0-9._-]+", "-", facts.emitter)
        stamp = f"{when:%Y%m%dT%H%M%S}.{time_ns % 1_000_000_000 // 1_000_000:03d}Z"
        drill = "drill_" if facts.drill else ""
        return self.folder / f"{when:%Y-%m-%d}" / f"{stamp}_{drill}{freq_mhz:.4f}M_{emitter}"

    def _claim(self, base: Path, size: int) -> None:
        """Ask the disk for the space now, so that a full one is known before anything is written.

        Raises
        ------
        EvidenceFault
        """
        probe = base.with_name(base.name + ".claim")
        try:
            with probe.open("wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, size + RESERVE_BYTES)
        except OSError as error:
            raise _refused(base, error) from None
        finally:
            probe.unlink(missing_ok=True)

    def _write(
        self,
        base: Path,
        facts: Facts,
        blocks: Sequence[IQBlock],
        deleted: tuple[Deleted, ...],
    ) -> Clip:
        hardware = " ".join(word for word in (facts.tuner, facts.serial, facts.antenna) if word)
        description = f"{'DRILL ' if facts.drill else ''}{facts.site} {facts.sensor}"
        # A name is taken when two clips of one emitter begin in the same millisecond.
        with Recorder(
            base, description=description, hardware=hardware, gain_db=facts.gain_db, overwrite=True
        ) as recorder:
            following = blocks[0].sample_index
            for block in blocks:
                # What was received elsewhere or thrown away meanwhile is missing here.
                gap = max(block.sample_index - following, block.dropped_samples)
                recorder.write(replace(block, dropped_samples=gap))
                following = block.sample_index + block.num_samples
            for annotation in annotations_of(facts, blocks):
                recorder.annotate(annotation)
        paths = [recorder.data_path, recorder.meta_path]
        hashes = {path.name: sha256_of(path) for path in paths}
        manifest = base.with_name(base.name + ".sha256")
        text = "".join(f"{digest}  {name}\n" for name, digest in hashes.items()).encode()
        with manifest.open("wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        last = blocks[-1]
        return Clip(
            meta=recorder.meta_path,
            data=recorder.data_path,
            manifest=manifest,
            sha256=hashes,
            manifest_sha256=hashlib.sha256(text).hexdigest(),
            num_samples=recorder.num_samples,
            dropped_samples=recorder.dropped_samples,
            start_ns=blocks[0].time_ns,
            stop_ns=last.time_ns + round(last.duration_s * 1e9),
            deleted=deleted,
        )


def verify(manifest: Path) -> list[str]:
    """Names of a clip's files that are missing or not what the manifest says."""
    wrong = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        digest, _, name = line.partition("  ")
        path = manifest.with_name(Path(name).name)
        if not path.is_file() or sha256_of(path) != digest:
            wrong.append(name)
    return wrong


def sha256_of(path: Path) -> str:
    """Hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refused(base: Path, error: Exception) -> EvidenceFault:
    """Name what the disk did not take."""
    reason = str(error)
    if isinstance(error, OSError):
        reason = error.strerror or reason
    elif isinstance(error, UserError):
        reason = str(error.fields.get("reason", reason))
    return EvidenceFault("evidence.refused", path=str(base), reason=reason)
