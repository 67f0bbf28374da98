"""What is known now, who is told when it changes, and what is done about silence."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import structlog

from dashboard import queries, state
from dashboard.accounts import Accounts
from dashboard.alarms import Alarm
from dashboard.approvals import Approval
from dashboard.cards import card
from dashboard.config import MonitorFile
from dashboard.drills import LastDrills
from dashboard.fuse import Surroundings
from dashboard.key_acts import take_over
from dashboard.keyring import Keyring
from dashboard.live import Live
from dashboard.notices import Notice
from dashboard.notify import Notifier
from dashboard.pair_rules import note_rules
from dashboard.pairs import Pairs
from dashboard.process import memory_returner
from dashboard.recorder import Recorder
from dashboard.reviews import Review, Reviews
from dashboard.second import SecondPerson
from dashboard.silence import news_of_line
from dashboard.store import Store
from dashboard.store_watch import StoreWatch
from dashboard.tending import Patience, tend
from dashboard.tiles import TileFiles
from dashboard.timetable import Timetable
from dashboard.watcher import Watcher
from sensors.messages import Heartbeat, Note, SpectrumReference, SpectrumRow

PATROL_S = 0.5
"""How often silence is looked for."""
RECORD_S = 2.0
NOTIFY_S = 1.0
TRY_STORE_S = 5.0
PORTION = 16
TEND_S = 10.0
REFUSED_NS = 1_000_000_000

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


class Centre:
    """What is known now, and who is told when it changes."""

    def __init__(
        self, config: MonitorFile, page: str = "", clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self.around = Surroundings()
        self.store = Store(
            config.monitor.store,
            weights=config.suspicion,
            surroundings=lambda: self.around,
            clock_ns=clock_ns,
        )
        self.timetable = Timetable(self.store)
        self.drills = LastDrills(self.store.reader)
        self.accounts = Accounts(self.store)
        self.board: state.Board = queries.known_sites(self.store.reader)
        self.live = Live(self._snapshot, clock_ns)
        assert config.history.folder is not None
        self.recorder = Recorder(TileFiles(config.history.folder), config.history.n_bins)
        self.notifier = Notifier(self.store, config.notify, page)
        self._patience = Patience(
            config.desk.acknowledge_s, config.desk.escalate_s, self.notifier.levels
        )
        self._days = config.history.days
        self._clock_ns = clock_ns
        self._refused_ns = 0
        self._loop = asyncio.get_running_loop()
        told = self._from_thread(self._on_approval)
        self.pairs = Pairs(self.store, self.accounts, config.pairs, told)
        note_rules(self.store, config.pairs)
        self.reviews = Reviews(
            self.store,
            lambda: self.timetable.sessions,
            # A centre below records nothing: its own people look through what its sites recorded.
            lambda: [name for name, site in self.board.items() if site.heartbeat.sensors],
            config.desk.review_s,
            # Without keys everybody is one token.
            lambda name: config.monitor.insecure or name in self.accounts.roles(),
            self._from_thread(self._on_review),
        )
        self.second = SecondPerson(self.store, self.pairs, self.timetable, lambda: self.board)
        self.keyring: Keyring | None = None
        self.store.on_alarms = self._from_thread(self._on_alarms)
        self.store.on_notices = self._from_thread(self._on_notices)
        show = self._from_thread(lambda notice: self._on_notices([notice]))
        self.store_watch = StoreWatch(self.store, show, clock_ns)

    def on_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Take a heartbeat; a site that was silent is told of at once."""
        now_ns = self._clock_ns()
        before = self.board.get(heartbeat.site)
        self.board = state.beat(self.board, heartbeat, now_ns)
        if before is None or before.silent_since_ns:
            self.around = state.surroundings(self.board)
        if before is not None and before.silent_since_ns:
            log.info("site is back", site=heartbeat.site)
        self._tell_of_line(heartbeat.site, before)
        self._show(heartbeat.site)

    def on_row(self, row: SpectrumRow | SpectrumReference) -> None:
        """Hand a row to the browsers and to the recorder; each knows its own windows."""
        self.live.row(row)
        self.recorder.row(row)

    def on_refused(self, reason: str, peer: str, detail: str) -> None:
        """Record who was refused and why; a crowd of strangers makes one row a second, not more."""
        now_ns = self._clock_ns()
        if now_ns - self._refused_ns < REFUSED_NS:
            return
        self._refused_ns = now_ns
        note = Note("notice.refused", {"reason": reason, "peer": peer, "detail": detail[:200]})
        self._in_thread(self.store.notice, Notice("", "", "warning", note, now_ns, now_ns))

    def watch_through(self, watcher: Watcher) -> None:
        """Ask for rows there from now on."""
        self.live.watcher = self.recorder.watcher = watcher

    def work(self) -> list[asyncio.Task[None]]:
        """Start what goes on for ever."""
        jobs = [self.patrol, self.tend, self.notify, self.try_store, self.live.tick]
        if self._days:
            jobs.append(self.record)
        return [asyncio.create_task(_for_ever(job)) for job in jobs]

    def close(self) -> None:
        """Write what is still in memory and close the files."""
        self.recorder.close()
        self.store.remember(self.board.values())
        self.store.close()

    async def notify(self) -> None:
        """Send what is due, for ever."""
        while True:
            await asyncio.sleep(NOTIFY_S)
            await asyncio.to_thread(self.notifier.send_due)

    async def try_store(self) -> None:
        """See whether the store takes anything, for ever."""
        while True:
            await asyncio.sleep(TRY_STORE_S)
            await asyncio.to_thread(self.store_watch.step)

    async def record(self) -> None:
        """Record what the sites watch, for ever."""
        while True:
            await asyncio.sleep(RECORD_S)
            self.recorder.follow(self.board)
            rings = self.recorder.over(self._clock_ns())
            # All sensors' minutes end together: in small portions alarms pass between them.
            for first in range(0, len(rings), PORTION):
                await self.recorder.write(rings[first : first + PORTION])

    async def patrol(self) -> None:
        """Look for silence, for ever."""
        while True:
            await asyncio.sleep(PATROL_S)
            before = self.board
            self.board, changed = state.listen(before, self._clock_ns())
            self.around = state.surroundings(self.board)
            for site in changed:
                if self.board[site].silent_since_ns:
                    log.warning("site is silent", site=site)
                self._tell_of_line(site, before[site])
                self._show(site)

    async def tend(self) -> None:
        """Look after the store, for ever."""
        return_memory = memory_returner()
        while True:
            await asyncio.sleep(TEND_S)
            await asyncio.to_thread(return_memory)
            await asyncio.to_thread(tend, self.store, self._patience)
            await asyncio.to_thread(self.pairs.expire)
            await asyncio.to_thread(self.reviews.tend)
            if self.keyring is not None:
                await asyncio.to_thread(take_over, self.keyring, self.store)
            await asyncio.to_thread(self.store.remember, list(self.board.values()))
            gone = await asyncio.to_thread(self.recorder.files.expire, self._clock_ns(), self._days)
            if gone:
                log.info("old history deleted", files=gone)

    def _tell_of_line(self, site: str, before: state.Site | None) -> None:
        for notice in news_of_line(before, self.board[site]):
            self._in_thread(self.store.notice, notice)

    def _show(self, site: str) -> None:
        shown = state.site_card(
            self.board[site], self._clock_ns(), self.timetable.sessions, self.drills.by_site
        )
        self.live.tell("site", site, shown)

    def _snapshot(self) -> bytes:
        now_ns, trouble = self._clock_ns(), self.store_watch.trouble
        return msgspec.json.encode(
            {
                "kind": "snapshot",
                "time_ns": now_ns,
                "sites": state.cards(
                    self.board, now_ns, self.timetable.sessions, self.drills.by_site
                ),
                "alarms": queries.current_cards(self.store.reader, now_ns),
                "notices": [
                    *([] if trouble is None else [trouble]),
                    *queries.notices(self.store.reader, queries.NoticeQuery(limit=50)),
                ],
            }
        )

    def _on_alarms(self, alarms: Sequence[Alarm]) -> None:
        for alarm in alarms:
            self.live.tell("alarm", alarm.id, card(alarm))

    def _on_notices(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            self.live.tell("notice", f"{notice.key}/{notice.stop_ns}", notice)
        for site in self.drills.take(notices) & self.board.keys():
            self._show(site)

    def _on_approval(self, approval: Approval) -> None:
        self.live.tell("approval", str(approval.id), approval)

    def _on_review(self, review: Review) -> None:
        self.live.tell("review", str(review.id), review)

    def _from_thread(self, function: Callable[[Any], None]) -> Callable[[Any], None]:
        """Let the store's threads call a function of the loop; an ended loop hears nothing."""

        def call(value: Any) -> None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(function, value)

        return call

    def _in_thread(self, function: Callable[..., None], *args: object) -> None:
        """Write without holding up the loop."""
        future = self._loop.run_in_executor(None, functools.partial(function, *args))
        future.add_done_callback(lambda done: done.exception() and log.error(str(done.exception())))


async def _for_ever(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Go on after a failure, a full disk for example; it is in the log and the rest works."""
    while True:
        try:
            await job()
        except Exception:
            log.exception("job failed", job=job.__name__)
            await asyncio.sleep(1.0)
