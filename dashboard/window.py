"""``rfproctor window``: the live view on a technician's desktop, from a site or from the centre."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import click

from sdr.number import Finite
from sensors.messages import SensorHealth, SpectrumReference, SpectrumRow
from sensors.text import Lang, say
from sensors.toml import BadConfig

if TYPE_CHECKING:
    from dashboard.window_feed import Heard
    from dashboard.window_figure import Picture

SIZE_IN = (12.8, 8.0)
SAVE_DPI = 150
HEADLESS_S = 10.0
QUIET_S = 1.5
"""No row for so long: time goes on without them, hatched."""


class Feed(Protocol):
    """Where the window hears from."""

    @property
    def trouble(self) -> str:
        """Message id of what is wrong with the line; empty when nothing is."""
        ...

    def choose(self, health: SensorHealth) -> None:
        """Hear the rows of this sensor and of no other."""
        ...

    def take(self) -> list[Heard]:
        """What has come since last asked."""
        ...

    def close(self) -> None:
        """Stop."""
        ...


class Session:
    """What a window knows: the picture and the sensors that can be chosen.

    Parameters
    ----------
    feed : Feed
    picture : Picture
    sensor : str
        Wanted first; empty: the first that hears.

    Attributes
    ----------
    sensors : dict
        Site's name and state of every sensor by its id.
    rows : int
        Received of the chosen sensor.
    """

    def __init__(self, feed: Feed, picture: Picture, sensor: str = "") -> None:
        self.picture = picture
        self.sensors: dict[str, tuple[str, SensorHealth]] = {}
        self.sensor = sensor
        self._wanted = bool(sensor)
        self.rows = 0
        self._feed = feed
        self._row_s = time.monotonic()

    def step(self) -> bool:
        """Take in what has come; True when there is something new to draw."""
        from dashboard.window_feed import Flag

        heard = self._feed.take()
        paused = self.picture.look.paused
        for message in heard:
            if isinstance(message, Flag):
                self.picture.alarm(message)
            elif isinstance(message, SpectrumReference):
                if message.sensor == self.sensor:
                    self.picture.rows.refer(message)
            elif isinstance(message, SpectrumRow):
                if message.sensor == self.sensor and not paused:
                    self._row_s = time.monotonic()
                    self.rows += 1
                    self.picture.rows.take(message)
            else:
                for health in message.sensors:
                    self.sensors[health.sensor] = (message.site_name, health)
                self.choose(self._first())
        self.picture.scene.trouble = self._feed.trouble
        return bool(heard) or self._pass_time(paused=paused)

    def _pass_time(self, *, paused: bool) -> bool:
        rows = self.picture.rows
        quiet_s = time.monotonic() - self._row_s
        if paused or not rows.newest_ns or quiet_s < QUIET_S:
            return False
        rows.fade()
        return rows.advance(rows.newest_ns + round((quiet_s - 1.0) * 1e9)) > 0

    def _first(self) -> str:
        """The sensor shown; until somebody chose or a row came, one that hears."""
        heard = self.sensors.get(self.sensor)
        hears = heard is not None and heard[1].state not in ("silent", "blind")
        if hears or self._wanted or self.rows:
            return self.sensor
        states = {sensor: health.state for sensor, (_, health) in self.sensors.items()}
        hearing = [sensor for sensor, is_ in states.items() if is_ not in ("silent", "blind")]
        return next(iter([*hearing, *states]), "")

    def choose(self, sensor: str) -> None:
        """Show this sensor from now on, once it has been heard of."""
        self.sensor = sensor
        if sensor in self.sensors:
            site, health = self.sensors[sensor]
            self.picture.watch(health, site)
            self._feed.choose(health)

    def next(self, step: int = 1) -> None:
        """Show the next sensor (or the one before)."""
        ids = sorted(self.sensors)
        if ids:
            self._wanted = True
            at = ids.index(self.sensor) if self.sensor in ids else 0
            self.choose(ids[(at + step) % len(ids)])

    def key(self, key: str) -> bool:
        """Do what a key means; False when it means nothing here."""
        look = self.picture.look
        if key == "e":
            look.excess = not look.excess
        elif key == "m":
            look.hold = not look.hold
        elif key == "b":
            look.baseline = not look.baseline
        elif key == "c":
            self.picture.rows.forget_hold()
        elif key in {"space", " "}:
            look.paused = not look.paused
        elif key in {"n", "down", "right"}:
            self.next()
        elif key in {"p", "up", "left"}:
            self.next(-1)
        else:
            return False
        return True


@click.command(epilog="Example: rfproctor window tcp://127.0.0.1:8480")
@click.argument("address")
@click.option("--sensor", default="", help="Shown first; else the first that is heard of.")
@click.option("--token", default="", help="For a monitor; default RFPROCTOR_TOKEN.")
@click.option("--ca", default="", type=click.Path(), help="Certificate of a monitor with https.")
@click.option("--raw", is_flag=True, help="Begin with dBFS instead of dB over the baseline.")
@click.option("--save", default="", type=click.Path(), help="No window: write a PNG and end.")
@click.option(
    "--seconds", default=HEADLESS_S, show_default=True, type=Finite(1),
    help="What the picture of --save shows.",
)  # fmt: skip
@click.pass_obj
def window(
    lang: Lang, address: str, sensor: str, token: str, ca: str, raw: bool, save: str, seconds: float
) -> None:
    """Live spectrum of a sensor: ADDRESS is a site's `local` address or a monitor's page.

    tcp://127.0.0.1:8480 shows a site on this machine, without any monitor; http://HOST:8470 what
    the monitor receives.  Keys: E excess or raw, space pause, N next sensor, M max hold,
    B baseline, C clear the hold, S save a picture, Q quit.
    """
    feed = feed_of(address, token or os.environ.get("RFPROCTOR_TOKEN", ""), ca)
    try:
        if save:
            headless(feed, lang, sensor, save, seconds, raw=raw)
            click.echo(say("window.saved", lang, file=save))
        else:
            from dashboard.window_desktop import show

            show(feed, lang, sensor, raw=raw)
    finally:
        feed.close()


def feed_of(address: str, token: str, ca: str) -> Feed:
    """Feed of an address.

    Raises
    ------
    UserError
        It is neither a site's nor a monitor's.
    """
    from dashboard.window_feed import MonitorFeed, SiteFeed

    if address.startswith(("http://", "https://")):
        return MonitorFeed(address, token, ca)
    if address.startswith("tcp://"):
        return SiteFeed(address)
    raise BadConfig("window.bad_address", address=address)


def headless(feed: Feed, lang: Lang, sensor: str, path: str, seconds: float, *, raw: bool) -> None:
    """Listen for a while and write the picture.

    Raises
    ------
    UserError
        Nothing came, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from dashboard.window_figure import Picture

    figure = Figure(figsize=SIZE_IN, dpi=SAVE_DPI)
    FigureCanvasAgg(figure)
    picture = Picture(figure, lang)
    picture.look.excess = not raw
    session = Session(feed, picture, sensor)
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        session.step()
        time.sleep(0.05)
    if not session.rows:
        known = ", ".join(sorted(session.sensors)) or "-"
        raise Nothing("window.nothing", seconds=f"{seconds:g}", sensors=known)
    save(picture, path)


class Nothing(BadConfig):
    """The peer said nothing in time."""

    exit_code = 3


def save(picture: Picture, path: str) -> None:
    """Write what is shown as PNG.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    try:
        picture.save(path)
    except (OSError, ValueError) as error:
        raise BadConfig("picture.unwritable", path=path, why=str(error)) from None
