"""The desktop window itself: Tk around the picture of `dashboard.window_figure`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from dashboard.window import SIZE_IN, Feed, Session, save
from dashboard.window_figure import Picture
from sensors import palette
from sensors.text import Lang, say
from sensors.toml import BadConfig

if TYPE_CHECKING:
    import tkinter

DESKTOP_DPI = 100
FRAME_MS = 50


class Desktop:
    """A Tk window with the choice of sensor above the picture.

    Parameters
    ----------
    root : tkinter.Tk
    feed : Feed
    lang : {"en", "zh"}
    sensor : str
    raw : bool

    Attributes
    ----------
    frames : int
        Drawn so far.
    fault : BadConfig or None
        Why it ended by itself.
    """

    def __init__(
        self, root: tkinter.Tk, feed: Feed, lang: Lang, sensor: str = "", *, raw: bool = False
    ) -> None:
        from tkinter import StringVar, ttk

        from matplotlib.backends import backend_tkagg

        self.root = root
        self.frames = 0
        self.fault: BadConfig | None = None
        self._lang: Lang = lang
        root.title("rfproctor")
        root.configure(background=palette.FIELD)
        figure = Figure(figsize=SIZE_IN, dpi=DESKTOP_DPI)
        style = ttk.Style(root)
        style.theme_use("clam")  # the only one that takes colours everywhere
        style.configure(".", background=palette.FIELD, foreground=palette.INK)
        style.configure("TCombobox", arrowcolor=palette.INK, bordercolor=palette.GRID)
        style.map("TCombobox", fieldbackground=[("readonly", palette.PANEL)])
        bar = ttk.Frame(root)
        bar.pack(side="top", fill="x")
        self._said = StringVar()
        self._chosen = StringVar()
        self._choice = ttk.Combobox(bar, textvariable=self._chosen, state="readonly", width=40)
        self._choice.pack(side="left", padx=6, pady=3)
        ttk.Label(bar, textvariable=self._said).pack(side="left", padx=6)
        toolkit: Any = backend_tkagg  # has no types
        self.canvas = toolkit.FigureCanvasTkAgg(figure, master=root)
        self.canvas.get_tk_widget().configure(highlightthickness=0, background=palette.FIELD)
        self.canvas.get_tk_widget().pack(side="top", fill="both", expand=True)
        self.picture = Picture(figure, lang)
        self.picture.look.excess = not raw
        self.session = Session(feed, self.picture, sensor)
        self.canvas.mpl_connect("resize_event", lambda _: self.picture.forget())
        self._choice.bind("<<ComboboxSelected>>", lambda _: self._choose())
        root.bind("<Key>", lambda event: self._key(event.keysym.lower()))

    def tick(self) -> None:
        """Take in what has come, draw it, and come again."""
        started_s = time.monotonic()
        try:
            if self.session.step():
                self.draw()
        except BadConfig as fault:
            self.fault = fault
            self.root.destroy()
            return
        names = sorted(self.session.sensors)
        if list(self._choice["values"]) != names:
            self._choice["values"] = names
        if self._chosen.get() != self.session.sensor:
            self._chosen.set(self.session.sensor)
        took_ms = round((time.monotonic() - started_s) * 1e3)
        self.root.after(max(5, FRAME_MS - took_ms), self.tick)

    def draw(self) -> None:
        """One frame."""
        self.picture.draw()
        self.canvas.blit(self.canvas.figure.bbox)
        self.frames += 1

    def _choose(self) -> None:
        self.session.choose(self._chosen.get())
        self.canvas.get_tk_widget().focus_set()

    def _key(self, key: str) -> None:
        if key == "q":
            self.root.destroy()
        elif key == "s":
            self._save()
        elif self.session.key(key):
            self.draw()

    def _save(self) -> None:
        sensor = self.session.sensor.replace("/", "-") or "window"
        path = f"{sensor}-{time.strftime('%Y%m%d-%H%M%S')}.png"
        try:
            save(self.picture, path)
        except BadConfig as fault:
            self._said.set(say(fault.message_id, self._lang, **fault.fields))
        else:
            self._said.set(say("window.saved", self._lang, file=path))
            self.canvas.blit(self.canvas.figure.bbox)


def show(feed: Feed, lang: Lang, sensor: str, *, raw: bool) -> None:
    """Show the window until it is closed.

    Raises
    ------
    UserError
        There is no display or no tkinter; or the monitor does not let us in.
    """
    try:
        import tkinter
    except ImportError:
        raise BadConfig("window.no_tkinter") from None
    try:
        root = tkinter.Tk()
    except tkinter.TclError as error:
        raise BadConfig("window.no_display", why=str(error)) from None
    desktop = Desktop(root, feed, lang, sensor, raw=raw)
    root.after(10, desktop.tick)
    root.mainloop()
    if desktop.fault is not None:
        raise desktop.fault
