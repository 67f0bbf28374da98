"""From the text of a SOURCE argument to an open source: ``rtl:00000001``, ``scene:hall?seed=3``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, cast
from urllib.parse import parse_qsl

from dsp.values import SampleFormat
from sdr.frequency import parse_freq
from sdr.source import BadSource, Source

FORMATS: tuple[SampleFormat, ...] = ("cu8", "cs8", "ci16", "cf32")
RTL_TCP_PORT = 1234


def open_source(uri: str, **options: object) -> Source:
    """Open the source that a URI names.

    ============================================================  =================================
    ``rtl:``  ``rtl:SERIAL``                                      the only dongle; one by serial
    ``rtl_tcp://HOST:PORT``                                       a dongle behind rtl_tcp
    ``file:PATH?loop=1&pace=0&format=&rate=&center=&time=``       a recording
    ``scene:NAME_OR_PATH?sensor=&pace=0&seed=&epoch_ns=&exam_s=`` a simulated hall, ``&exam_file=``
    ============================================================  =================================

    Parameters
    ----------
    uri : str
    **options
        As after the ``?``, and winning over it; None means not given.

    Raises
    ------
    BadSource
        Not a source, an unknown option, a value that cannot be used.
    SourceError
        What the source itself says.

    Notes
    -----
    ``pace=0`` reads as fast as asked.  ``time`` of a recording is ``now``, ``recorded`` or UTC
    nanoseconds; paced replay defaults to now, unpaced to the recording's date.
    """
    kind, target, values = split_uri(uri)
    values |= {name: str(value) for name, value in options.items() if value is not None}
    read = _Options(uri, values)
    if kind == "rtl":
        read.allow()
        from sdr.rtl import RtlSource

        return RtlSource(target, uri)
    if kind == "rtl_tcp":
        read.allow()
        from sdr.rtl_tcp import RtlTcpSource

        host, port = _host_port(uri, target)
        return RtlTcpSource(host, port, uri)
    if kind == "file":
        read.allow("loop", "pace", "format", "rate", "center", "time")
        return _open_file(uri, target, read)
    read.allow("sensor", "pace", "seed", "epoch_ns", "exam_s", "exam_file")
    from sdr.scene import SceneSource

    return SceneSource(
        target,
        uri,
        sensor=read.text("sensor"),
        pace=read.flag("pace", default=True),
        seed=read.whole("seed"),
        epoch_ns=read.whole("epoch_ns"),
        exam_s=read.number("exam_s"),
        exam_file=read.text("exam_file"),
    )


def split_uri(uri: str) -> tuple[str, str, dict[str, str]]:
    """Kind, target and options of a source URI.

    Examples
    --------
    >>> split_uri("file:hall.cu8?loop=1")
    ('file', 'hall.cu8', {'loop': '1'})

    Raises
    ------
    BadSource
    """
    kind, colon, rest = uri.partition(":")
    if not colon or kind not in ("rtl", "rtl_tcp", "file", "scene"):
        raise BadSource("source.bad_uri", uri=uri)
    if kind == "file" and rest.startswith("///"):
        rest = rest[2:]
    elif kind == "rtl_tcp":
        rest = rest.removeprefix("//")
    target, mark, query = rest.partition("?")
    if kind in ("file", "scene") and not target:
        raise BadSource("source.bad_uri", uri=uri)
    # A file may have a question mark in its name; then what lies on the disk decides.
    if mark and kind == "file" and Path(rest).is_file():
        return kind, rest, {}
    return kind, target, dict(parse_qsl(query, keep_blank_values=True))


def _open_file(uri: str, target: str, read: _Options) -> Source:
    """Replay of a recording."""
    from sdr.recording import open_recording
    from sdr.replay import Replay

    sample_format = read.text("format")
    if sample_format is not None and sample_format not in FORMATS:
        raise read.wrong("format", "|".join(FORMATS))
    pace = read.flag("pace", default=True)
    times: str | int = read.text("time") or ("now" if pace else "recorded")
    if times not in ("now", "recorded"):
        times = read.whole("time") or 0
    recording = open_recording(target, sample_format, read.freq("rate"), read.freq("center"))
    try:
        return Replay(
            recording,
            uri,
            pace=pace,
            loop=read.flag("loop", default=False),
            times=cast("Literal['now', 'recorded'] | int", times),
        )
    except BaseException:
        recording.close()
        raise


def _host_port(uri: str, target: str) -> tuple[str, int]:
    """Host and port; brackets around an IPv6 address."""
    host, colon, port = target.rpartition(":")
    if not colon or target.endswith("]"):
        host, port = target, str(RTL_TCP_PORT)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise BadSource("source.bad_uri", uri=uri)
    return host, int(port)


class _Options:
    """The options of one URI, read one by one with errors that name them."""

    def __init__(self, uri: str, values: dict[str, str]) -> None:
        self._uri = uri
        self._values = values

    def allow(self, *names: str) -> None:
        """Refuse every other option."""
        for name in self._values:
            if name not in names:
                known = ", ".join(names) or "-"
                raise BadSource("source.bad_option", uri=self._uri, option=name, known=known)

    def wrong(self, name: str, expected: str) -> BadSource:
        """An error about one option's value."""
        value = self._values[name]
        return BadSource(
            "source.bad_value", uri=self._uri, option=name, value=value, expected=expected
        )

    def text(self, name: str) -> str | None:
        return self._values.get(name) or None

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.text(name)
        if value not in (None, "0", "1"):
            raise self.wrong(name, "0|1")
        return default if value is None else value == "1"

    def freq(self, name: str) -> float | None:
        value = self.text(name)
        return None if value is None else parse_freq(value)

    def number(self, name: str) -> float | None:
        value = self.text(name)
        try:
            return None if value is None else float(value)
        except ValueError:
            raise self.wrong(name, "1.5") from None

    def whole(self, name: str) -> int | None:
        value = self.text(name)
        try:
            return None if value is None else int(value)
        except ValueError:
            raise self.wrong(name, "1, 2, 3 ...") from None
