"""Commands from the level above, passed on to a site below or done here.

Recordings come up on demand only: those that are here are offered at once, others are asked of
their site first and offered when they have come.  What was promised is in `dashboard.owed.Owed`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from pathlib import Path

import structlog

from dashboard.asking import Asking
from dashboard.clips import SUFFIXES
from dashboard.owed import MOST, Owed
from sensors.link import Link
from sensors.messages import Answer, Command, Note
from sensors.toml import UserError

PASSED = ("drill", "retask", "cost", "fetch", "record")
"""Everything else is between a site and its own centre."""
ABOVE = "the level above"
"""Who asked, in our audit log; the person is in the one above."""
MAX_TEXT = 200
"""Of an argument on the wire."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


class Passing:
    """Passes commands on.

    Parameters
    ----------
    link : Link
        To the level above.
    evidence : Path
        Where the recordings of the sites are, one folder each.
    asking : Asking
        Sends a command to a site, on record here too.
    """

    def __init__(self, link: Link, evidence: Path, asking: Asking) -> None:
        self._link = link
        self._evidence = evidence.resolve()
        self._asking = asking
        self._owed = Owed(evidence.parent / "owed.json", time.monotonic())
        self._settled: deque[tuple[str, str]] = deque(maxlen=len(SUFFIXES) * MOST)
        link.clips.on_settled = self._note_settled
        self._tasks: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Take what has come; a slow site holds up nobody else."""
        while (command := self._link.orders.take()) is not None:
            task = asyncio.create_task(self._pass_on(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        while self._settled:
            self._owed.settle(*self._settled.popleft())
        for debt in [debt for debt in self._owed.debts if not debt.offered]:
            debt.offered = await asyncio.to_thread(self._offer, debt.site, debt.base)
        for debt in self._owed.overdue(time.monotonic()):
            log.warning("recording did not come", site=debt.site, name=debt.base)

    def _note_settled(self, path: Path, intact: bool) -> None:
        """Called in the link's thread: the level above has a file, or another one of its name."""
        self._settled.append((str(path.parent.relative_to(self._evidence)), path.name))

    async def _pass_on(self, command: Command) -> None:
        try:
            accepted, note = await self._carry_out(command)
        except UserError as error:
            fields = {key: str(value)[:MAX_TEXT] for key, value in error.fields.items()}
            accepted, note = False, Note(error.message_id, dict(fields))
        log.info("command passed on", name=command.name, accepted=accepted, note=note.id)
        self._link.answer(Answer(command.number, accepted, note))

    async def _carry_out(self, command: Command) -> tuple[bool, Note]:
        args = dict(command.args)
        site = args.pop("site", "")
        if not isinstance(site, str) or not site or command.name not in PASSED:
            return False, Note("command.unknown")
        if command.name == "fetch":
            base = str(args.get("file", ""))
            for suffix in SUFFIXES:
                base = base.removesuffix(suffix)
            if self._owed.full:
                return False, Note("command.busy")
            if await asyncio.to_thread(self._files, site, base):
                self._owed.add(site, base, time.monotonic())
                return True, Note("fetch.offered_here", {"file": base})
        answer = await asyncio.to_thread(
            self._asking.ask, site, command.name, args, ABOVE, command.lease_s
        )
        if command.name == "fetch" and answer.accepted:
            self._owed.add(site, base, time.monotonic())
        return answer.accepted, answer.note

    def _offer(self, site: str, base: str) -> bool:
        """Offer a recording, when it is whole here."""
        files = self._files(site, base)
        for file in files:
            self._link.clips.offer(file, site, asked=True)
        return bool(files)

    def _files(self, site: str, base: str) -> list[Path]:
        """Files of a recording that is whole here, else none."""
        folder = self._evidence / site
        files = [folder / f"{base}{suffix}" for suffix in SUFFIXES]
        inside = all(file.resolve().parent == folder for file in files)
        return files if base and inside and all(file.is_file() for file in files) else []
