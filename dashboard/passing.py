"""Commands from the level above, passed on to a site below or done here.

Recordings come up on demand only: those that are here are offered at once, others are asked of
their site first and offered when they have come.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from dashboard.asking import Asking
from dashboard.clips import SUFFIXES
from sensors.link import Link
from sensors.messages import Answer, Command, Note
from sensors.toml import UserError

PASSED = ("drill", "retask", "cost", "fetch", "record")
"""Everything else is between a site and its own centre."""
PATIENCE_S = 600.0
"""For a recording that is on its way here."""
MAX_WANTED = 200
ABOVE = "the level above"
"""Who asked, in our audit log; the person is in the one above."""
MAX_TEXT = 200
"""Of an argument on the wire."""

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


@dataclass(slots=True)
class _Wanted:
    site: str
    base: str
    until_s: float


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
        self._evidence = evidence
        self._asking = asking
        self._wanted: list[_Wanted] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def step(self) -> None:
        """Take what has come; a slow site holds up nobody else."""
        while (command := self._link.orders.take()) is not None:
            task = asyncio.create_task(self._pass_on(command))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        now_s = time.monotonic()
        waiting, self._wanted = self._wanted, []
        for wanted in waiting:
            there = await asyncio.to_thread(self._offer, wanted.site, wanted.base)
            if not there and now_s < wanted.until_s:
                self._wanted.append(wanted)

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
            if await asyncio.to_thread(self._offer, site, base):
                return True, Note("fetch.offered_here", {"file": base})
        answer = await asyncio.to_thread(
            self._asking.ask, site, command.name, args, ABOVE, command.lease_s
        )
        if command.name == "fetch" and answer.accepted and len(self._wanted) < MAX_WANTED:
            self._wanted.append(_Wanted(site, base, time.monotonic() + PATIENCE_S))
        return answer.accepted, answer.note

    def _offer(self, site: str, base: str) -> bool:
        """Offer a recording that is whole here."""
        folder = (self._evidence / site).resolve()
        files = [folder / f"{base}{suffix}" for suffix in SUFFIXES]
        inside = all(file.resolve().parent == folder for file in files)
        if not base or not inside or not all(file.is_file() for file in files):
            return False
        for file in files:
            self._link.clips.offer(file, site)
        return True
