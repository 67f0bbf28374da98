"""The monitor put together: one asyncio loop for ZeroMQ and HTTP, one store, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog
import uvicorn
from starlette.types import ASGIApp

from dashboard.access import Door
from dashboard.answers import Monitor
from dashboard.asking import Asking
from dashboard.bundle import Bundles, Signing
from dashboard.centre import Centre
from dashboard.config import MonitorFile, MonitorSection
from dashboard.content import Content
from dashboard.cutout import Cutouts
from dashboard.errors import PortBusy, StoreError
from dashboard.evidence import Evidence
from dashboard.keyring import Keyring
from dashboard.known import KnownEmitters
from dashboard.metrics import prometheus_text
from dashboard.passing import Passing
from dashboard.plans import Plans
from dashboard.process import raise_file_limit
from dashboard.receiver import Receiver
from dashboard.relaying import open_upstream
from dashboard.server import Server
from dashboard.staff import Staff
from dashboard.taking import Taking
from dashboard.tls import fingerprint, own_certificate
from dashboard.upstream_watch import UpstreamWatch, still_told
from dashboard.web import build
from sensors.bandplan import band_plan

log: structlog.stdlib.BoundLogger = structlog.get_logger("monitor")


async def run(
    config: MonitorFile,
    token: str,
    announce: Callable[[str, str], None],
    *,
    admin_link: bool = False,
) -> None:
    """Run a monitor until SIGTERM or SIGINT.

    Parameters
    ----------
    config : MonitorFile
    token : str
        Of RFPROCTOR_TOKEN; opens everything on loopback, where the file says ``insecure``.
    announce : callable
        Told the page's address once everything listens, and the token of the link that opens it:
        empty when people have accounts and nothing else opens it.
    admin_link : bool
        Make such a link although there is an administrator, who forgot the password.

    Raises
    ------
    PortBusy, StoreError, UserError
        Before anything runs.
    """
    raise_file_limit()
    monitor = config.monitor
    listener = _listen(monitor.http_host, monitor.http_port)
    port = listener.getsockname()[1]
    certificate = _certificate(monitor)
    plans = Plans(config.plan)
    scheme = "https" if certificate else "http"
    page = f"{scheme}://{(monitor.hosts or [monitor.http_host])[0]}:{port}/"
    with contextlib.closing(listener):
        centre = Centre(config, page)
        accounts = centre.accounts
        master = token if monitor.insecure else ""
        if not master and (admin_link or monitor.insecure or not accounts.has_admin()):
            master = secrets.token_urlsafe(24)
        evidence = Evidence(evidence_folder(config), centre.store)
        plan = band_plan(monitor.band_plan)
        keyring = Keyring(monitor.keys) if monitor.keys and not monitor.insecure else None
        centre.keyring = keyring
        try:
            async with Receiver(
                monitor.events,
                centre.store,
                monitor=monitor.id,
                on_heartbeat=centre.on_heartbeat,
                on_row=centre.on_row,
                on_refused=centre.on_refused,
                keyring=keyring,
                evidence=evidence_folder(config),
                on_file=evidence.arrived,
                is_gone=evidence.is_gone,
            ) as receiver:
                centre.watch_through(receiver)
                asking = Asking(
                    centre.store,
                    receiver,
                    asyncio.get_running_loop(),
                    keyring,
                    lambda: centre.board,
                )
                taking = Taking(centre.store, evidence, centre.pairs)
                signing = Signing(monitor.id, evidence_folder(config), keyring, receiver.signers_of)
                application = build(
                    Monitor(
                        store=centre.store,
                        board=lambda: centre.board,
                        clock_ns=time.time_ns,
                        recorder=centre.recorder,
                        accounts=accounts,
                        known=KnownEmitters(centre.store, centre.pairs.strong),
                        evidence=evidence,
                        cutouts=Cutouts(evidence),
                        content=Content(config.content.enabled, evidence, centre.store, plan),
                        band_plan=plan,
                        timetable=centre.timetable,
                        plans=plans,
                        drills=centre.drills,
                        pairs=centre.pairs,
                        second=centre.second,
                        reviews=centre.reviews,
                        staff=Staff(centre.store, accounts, centre.pairs),
                        taking=taking,
                        bundles=Bundles(centre.store, evidence, taking, signing),
                        asking=asking,
                        file=config,
                    ),
                    centre.live,
                    Door(accounts, master, f"rfproctor-{port}", time.time_ns),
                    {"localhost", monitor.http_host, *monitor.hosts},
                    prometheus_text(
                        lambda: centre.board,
                        centre.live,
                        centre.store.reader,
                        lambda: receiver.counters() | centre.recorder.counters(),
                        time.time_ns,
                    ),
                )
                server = Server(_server_config(application, certificate))
                tasks = centre.work()
                if config.upstream is not None:
                    upstream = open_upstream(config, keyring, receiver, centre.store.reader)
                    upstream.passing = Passing(upstream.link, evidence_folder(config), asking)
                    upstream.watch = UpstreamWatch(
                        centre.store.notice, time.time_ns, still_told(centre.store.reader)
                    )
                    tasks.append(
                        asyncio.create_task(upstream.run(receiver.watch, receiver.unwatch))
                    )
                with _stopping(server):
                    announce(f"{scheme}://{monitor.http_host}:{port}/", master)
                    await server.serve(sockets=[listener])
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.to_thread(asking.close)
        finally:
            centre.close()
            if keyring:
                keyring.close()


def evidence_folder(config: MonitorFile) -> Path:
    """Where the sites' recordings arrive: beside the history, one folder per site."""
    assert config.history.folder is not None
    return config.history.folder.parent / "evidence"


def _server_config(application: ASGIApp, certificate: tuple[Path, Path] | None) -> uvicorn.Config:
    """Settings of the web server; no log of requests: addresses may hold the token."""
    return uvicorn.Config(
        application,
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=3,
        ssl_certfile=certificate[0] if certificate else None,
        ssl_keyfile=certificate[1] if certificate else None,
    )


def _certificate(monitor: MonitorSection) -> tuple[Path, Path] | None:
    """Certificate and key of the page; None on loopback, where none was given."""
    if monitor.certificate is not None and monitor.certificate_key is not None:
        pair = (monitor.certificate, monitor.certificate_key)
        if missing := [path for path in pair if not path.is_file()]:
            raise StoreError("config.file_missing", file=missing[0])
        return pair
    if monitor.is_local or monitor.keys is None:
        return None
    pair = own_certificate(monitor.keys, [monitor.http_host, "localhost", *monitor.hosts])
    log.info("page is served over HTTPS", fingerprint=fingerprint(pair[0]))
    return pair


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
