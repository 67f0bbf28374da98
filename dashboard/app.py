"""The monitor put together: one asyncio loop for ZeroMQ and HTTP, one store, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import functools
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog
import uvicorn

from dashboard import queries, state
from dashboard.access import Door
from dashboard.alarms import Alarm
from dashboard.api import Monitor
from dashboard.cards import card
from dashboard.config import LOOPBACK, MonitorFile
from dashboard.errors import PortBusy
from dashboard.fuse import Surroundings
from dashboard.live import Live
from dashboard.metrics import prometheus_text
from dashboard.notices import Notice
from dashboard.receiver import Receiver
from dashboard.store import Store
from dashboard.web import build
from sensors.messages import Heartbeat, Note

PATROL_S = 0.5
"""How often silence is looked for."""
TEND_S = 10.0

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


class Centre:
    """What is known now, and who is told when it changes."""

    def __init__(self, config: MonitorFile, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self.board: state.Board = {}
        self.around = Surroundings()
        self.store = Store(
            config.monitor.store,
            weights=config.suspicion,
            surroundings=lambda: self.around,
            clock_ns=clock_ns,
        )
        self.live = Live(self._snapshot, clock_ns)
        self._clock_ns = clock_ns
        self._loop = asyncio.get_running_loop()
        self.store.on_alarm = self._from_thread(self._on_alarm)
        self.store.on_notice = self._from_thread(self._on_notice)

    def on_heartbeat(self, heartbeat: Heartbeat) -> None:
        """Take a heartbeat; a site that was silent is told of at once."""
        now_ns = self._clock_ns()
        before = self.board.get(heartbeat.site)
        self.board = state.beat(self.board, heartbeat, now_ns)
        if before is None or before.silent_since_ns:
            self.around = state.surroundings(self.board)
        if before is not None and before.silent_since_ns:
            log.info("site is back", site=heartbeat.site)
            self._in_thread(self.store.notice, _silence(before, stop_ns=now_ns))
        self._show(heartbeat.site)

    async def patrol(self) -> None:
        """Look for silence, for ever."""
        while True:
            await asyncio.sleep(PATROL_S)
            self.board, silent = state.listen(self.board, self._clock_ns())
            self.around = state.surroundings(self.board)
            for site in silent:
                log.warning("site is silent", site=site)
                self._in_thread(self.store.notice, _silence(self.board[site]))
                self._show(site)

    async def tend(self) -> None:
        """Look after the store, for ever."""
        while True:
            await asyncio.sleep(TEND_S)
            await asyncio.to_thread(self.store.tend)

    def _show(self, site: str) -> None:
        self.live.tell("site", site, state.site_card(self.board[site], self._clock_ns()))

    def _snapshot(self) -> bytes:
        now_ns = self._clock_ns()
        return msgspec.json.encode(
            {
                "kind": "snapshot",
                "time_ns": now_ns,
                "sites": state.cards(self.board, now_ns),
                "alarms": queries.current_cards(self.store.reader, now_ns),
                "notices": queries.notices(self.store.reader, queries.NoticeQuery(limit=50)),
            }
        )

    def _on_alarm(self, alarm: Alarm) -> None:
        self.live.tell("alarm", alarm.id, card(alarm))

    def _on_notice(self, notice: Notice) -> None:
        key = f"{notice.site}/{notice.sensor}/{notice.note.id}/{notice.start_ns}"
        self.live.tell("notice", key, notice)

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


async def run(config: MonitorFile, token: str, announce: Callable[[str], None]) -> None:
    """Run a monitor until SIGTERM or SIGINT.

    Parameters
    ----------
    config : MonitorFile
    token : str
        API token, and the key of the link that opens the page.
    announce : callable
        Told the page's address once everything listens.

    Raises
    ------
    PortBusy, StoreError, UserError
        Before anything runs.
    """
    monitor = config.monitor
    listener = _listen(monitor.http_host, monitor.http_port)
    port = listener.getsockname()[1]
    with contextlib.closing(listener):
        centre = Centre(config)
        try:
            async with Receiver(
                monitor.events,
                centre.store,
                monitor=monitor.id,
                on_heartbeat=centre.on_heartbeat,
                on_row=centre.live.row,
            ) as receiver:
                centre.live.watcher = receiver
                application = build(
                    Monitor(centre.store, lambda: centre.board, time.time_ns),
                    centre.live,
                    Door(token, f"rfproctor-{port}"),
                    {f"{host}:{port}" for host in {*LOOPBACK, monitor.http_host}},
                    prometheus_text(
                        lambda: centre.board, centre.live, receiver.counters, time.time_ns
                    ),
                )
                server = _Server(
                    uvicorn.Config(
                        application,
                        log_config=None,
                        access_log=False,
                        lifespan="off",
                        server_header=False,
                        ws="websockets-sansio",
                        ws_max_size=64 * 1024,
                        ws_per_message_deflate=False,
                        timeout_graceful_shutdown=3,
                    )
                )
                tasks = [
                    asyncio.create_task(work())
                    for work in (centre.patrol, centre.tend, centre.live.tick)
                ]
                with _stopping(server):
                    announce(f"http://{monitor.http_host}:{port}/")
                    await server.serve(sockets=[listener])
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            centre.store.close()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: the program decides how it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _stopping(server: uvicorn.Server) -> Iterator[None]:
    """Let SIGTERM and SIGINT end the server; a second one does not wait for connections."""

    def stop(*_: object) -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    names = (signal.SIGINT, signal.SIGTERM)
    if sys.platform == "win32":
        before = {name: signal.signal(name, stop) for name in names}
        yield
        for name, handler in before.items():
            signal.signal(name, handler)
        return
    loop = asyncio.get_running_loop()
    for name in names:
        loop.add_signal_handler(name, stop)
    yield
    for name in names:
        loop.remove_signal_handler(name)


def _listen(host: str, port: int) -> socket.socket:
    """Open the page's port before anything else is opened."""
    address = (host.strip("[]"), port)
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    try:
        return socket.create_server(address, family=family, backlog=512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy("monitor.port_busy", address=f"{host}:{port}") from None
        why = error.strerror or str(error)
        raise PortBusy("monitor.address", address=f"{host}:{port}", why=why) from None


def _silence(site: state.Site, stop_ns: int = 0) -> Notice:
    """A site that does not talk: nothing is known about it, which is not "all is well"."""
    return Notice(
        site=site.heartbeat.site,
        sensor="",
        level="warning",
        note=Note(id="notice.silent", args={"seconds": round(state.SILENT_S)}),
        start_ns=site.silent_since_ns,
        stop_ns=stop_ns,
    )
