"""Recordings in a site's archive that the centre does not have: offered when nothing else waits.

What the centre has kept is written down beside the recordings, one list a day.  A list that lost
its last lines with the power does no harm: the file is offered again, and the centre says that it
has it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from sensors.clips import Clips

RECEIPTS = "kept.txt"
"""In the folder of a day: names of the files that the centre has."""
SUFFIXES = (".sigmf-meta", ".sigmf-data", ".sha256")
"""The three files of a recording, in the order in which they go."""
PAUSE_S = 0.5
AGAIN_S = 3600.0
"""What was left out meanwhile is looked for so often."""

log = structlog.get_logger()


class Backlog:
    """What the centre shall still have, the newest first, one recording at a time.

    A context: it works in a thread of its own, because files are read to be offered.

    Parameters
    ----------
    folder : Path
        Of the archive: one folder per day in it.
    clips : Clips
        Takes the offers, and says what was kept.
    """

    def __init__(self, folder: Path, clips: Clips) -> None:
        self._folder = folder
        self._clips = clips
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="backlog", daemon=True)

    def __enter__(self) -> Self:
        self._clips.on_settled = note_settled
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def owed(self) -> Iterator[Path]:
        """Files of whole recordings that the centre has not confirmed, the newest first.

        Raises
        ------
        OSError
            The archive cannot be read.
        """
        for day in sorted((path for path in self._folder.glob("*") if path.is_dir()), reverse=True):
            kept = kept_of(day)
            names = {path.name for path in day.iterdir()}
            bases = {
                name.removesuffix(SUFFIXES[-1]) for name in names if name.endswith(SUFFIXES[-1])
            }
            for base in sorted(bases, reverse=True):
                files = [base + suffix for suffix in SUFFIXES]
                if names.issuperset(files):
                    yield from (day / name for name in files if name not in kept)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._offer()
            except OSError as error:
                log.error("archive_unreadable", folder=str(self._folder), why=str(error))
            self._stop.wait(AGAIN_S)

    def _offer(self) -> None:
        """Offer what is owed, as fast as it is taken."""
        for path in self.owed():
            while self._clips.waiting >= len(SUFFIXES):
                if self._stop.wait(PAUSE_S):
                    return
            if path.name not in self._clips and path.name not in kept_of(path.parent):
                with contextlib.suppress(FileNotFoundError):  # the archive made room
                    self._clips.offer(path, late=True)


def note_settled(path: Path, intact: bool) -> None:
    """Write down that the centre has a file; another one of its name is not it."""
    if not intact:
        return
    try:
        with (path.parent / RECEIPTS).open("a", encoding="utf-8") as receipts:
            receipts.write(f"{path.name}\n")
    except OSError as error:
        log.error("receipt_not_written", file=str(path), why=str(error))


def kept_of(day: Path) -> set[str]:
    """Names of a day's files that the centre has."""
    try:
        return set((day / RECEIPTS).read_text(encoding="utf-8").splitlines())
    except FileNotFoundError:
        return set()
