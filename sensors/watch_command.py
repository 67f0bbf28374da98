"""``rfproctor watch``: a running site in a terminal, over ssh, without a browser."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

import click
import zmq

from sdr.source import BadSource, SourceError
from sensors.messages import EmitterEvent, Heartbeat, NoticeEvent
from sensors.text import Lang
from sensors.watch_view import SiteView
from sensors.wire import Plane, Refused

ADDRESS = "tcp://127.0.0.1:8480"
LOCAL = Plane("local", 64 * 1024, (Heartbeat, EmitterEvent, NoticeEvent))
REDRAW_S = 0.5
UPDATE_S = 2.5
"""An emitter on the air is told again every 2 s."""

PATIENCE_S = 5.0
"""Heartbeats come every second: nothing for so long means that no site is there."""


@click.command(epilog="Example: rfproctor watch")
@click.argument("address", default=ADDRESS)
@click.option("--plain", is_flag=True, help="Without panes and waterfall.")
@click.option("--once", is_flag=True, help="One screen, then end (as when stdout is no terminal).")
@click.pass_obj
def watch(lang: Lang, address: str, plain: bool, once: bool) -> None:
    """Show a site that runs on this machine: sensors, emitters, what happened.

    ADDRESS is `local` of the site's configuration.  With the extra `rfproctor[tui]` there is a
    waterfall too: N next sensor, Q ends.  Ctrl-C ends.
    """
    if sys.stdout.isatty() and not (once or plain) and find_spec("textual") is not None:
        _panes(lang, address)
        return
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVHWM, 1000)
    view = SiteView(lang)
    try:
        try:
            socket.connect(address)
        except zmq.ZMQError as error:
            raise BadSource("watch.bad_address", address=address, why=str(error)) from None
        for topic in ("heartbeat/", "event/"):
            socket.subscribe(topic)
        _wait(socket, view, address)
        if once or not sys.stdout.isatty():
            if view.beat is not None and any(one.emitters for one in view.beat.sensors):
                _take(socket, view, UPDATE_S)
            click.echo("\n".join(view.screen(200, 200, time.monotonic())))
            return
        _redraw(socket, view)
    finally:
        socket.close()
        context.term()


def _panes(lang: Lang, address: str) -> None:
    """Show the view of textual."""
    from sensors.local_feed import LocalFeed
    from sensors.watch_app import WatchApp

    feed = LocalFeed(address)
    try:
        WatchApp(feed, lang).run()
    finally:
        feed.close()


def _wait(socket: zmq.Socket[bytes], view: SiteView, address: str) -> None:
    """Take messages until the site has said how it is.

    Raises
    ------
    SourceError
        It says nothing.
    """
    end_s = time.monotonic() + PATIENCE_S
    while view.beat is None:
        if time.monotonic() > end_s:
            raise SourceError("watch.nobody", address=address)
        _take(socket, view, 0.2)


def _redraw(socket: zmq.Socket[bytes], view: SiteView) -> None:
    """Draw again and again on the terminal's other page, until Ctrl-C."""
    sys.stdout.write("\x1b[?1049h\x1b[?25l")
    try:
        while True:
            size = shutil.get_terminal_size()
            lines = view.screen(size.columns, size.lines - 1, time.monotonic())
            sys.stdout.write("\x1b[H" + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
            sys.stdout.flush()
            _take(socket, view, REDRAW_S)
    except KeyboardInterrupt:
        pass
    finally:
        sys.stdout.write("\x1b[?25h\x1b[?1049l")
        sys.stdout.flush()


def _take(socket: zmq.Socket[bytes], view: SiteView, seconds: float) -> None:
    """Take in what comes in so many seconds."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0 and socket.poll(max(1, round(1000 * left_s))):
        for message in _messages(socket):
            view.take(message, time.monotonic())


def _messages(socket: zmq.Socket[bytes]) -> Iterator[Heartbeat | EmitterEvent | NoticeEvent]:
    """One message; what is not understood is left out (a site of another version)."""
    frames = socket.recv_multipart()
    try:
        yield LOCAL.decode(frames[1:])
    except Refused:
        return
