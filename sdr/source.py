"""The one protocol behind which every source of samples stands, and its small error tree."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from dsp.values import IQBlock, SampleFormat


class UserError(Exception):
    """Something that a person can put right; the command line turns it into one clear line.

    The text lives in ``sensors/locale/*.json`` under ``message_id`` with ``fields`` as its named
    placeholders, so that it can be said in Chinese or English at the edge.

    Attributes
    ----------
    message_id : str
        For example ``"source.file_missing"``.
    fields : dict
        Plain values for the text's placeholders.
    exit_code : int
        2 bad input, 3 a device or peer failed.
    """

    exit_code = 2

    def __init__(self, message_id: str, **fields: object) -> None:
        self.message_id = message_id
        self.fields = fields
        super().__init__(f"{message_id}: " + ", ".join(f"{k}={v}" for k, v in fields.items()))


class SourceError(UserError):
    """A source cannot be opened, set or read."""

    exit_code = 3


class BadSource(SourceError):
    """The URI, the file or the requested setting is wrong; trying again does not help."""

    exit_code = 2


class DeviceNotFound(SourceError):
    """No such dongle, or no such peer: what was asked for is not there."""

    exit_code = 2


class DeviceBusy(SourceError):
    """Someone else has the device, or we may not open it."""

    exit_code = 2


class DeviceLost(SourceError):
    """It was there and vanished or went silent; opening it again may help."""


class TunerNotLocked(SourceError):
    """The tuner did not settle on this frequency; the others still work."""


class EndOfRecording(Exception):
    """A recording has been read to its end."""


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source is and can do, known once it is open.

    Attributes
    ----------
    uri : str
        As given.
    kind : str
        ``rtl``, ``rtl_tcp``, ``file`` or ``scene``.
    serial : str
        Identifies the hardware (or the recording, or the simulated sensor) in a baseline.
    tuner : str
        For people.
    sample_format : SampleFormat
    tunable : bool
        False for a recording: it has one centre and one rate.
    freq_low_hz, freq_high_hz : float
        Centres that can be tuned to.
    gains_db : tuple of float
        Gain steps, ascending; empty where there is no gain.
    """

    uri: str
    kind: str
    serial: str
    tuner: str
    sample_format: SampleFormat
    tunable: bool
    freq_low_hz: float
    freq_high_hz: float
    gains_db: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the hardware really did: requested and actual are two things.

    Attributes
    ----------
    sample_rate_hz : float
    gain_db : float or None
        None where the source has no gain.
    ppm : float
        Frequency correction in force (hardware part plus software part).
    settle_s : float
        Discarded after each retune.
    """

    sample_rate_hz: float
    gain_db: float | None
    ppm: float
    settle_s: float


@runtime_checkable
class Source(Protocol):
    """Samples from a receiver or something that behaves like one.

    Use it as a context manager.  All calls come from one thread.  Every source derives from this
    class, so that a method it lacks is found by the type checker.
    """

    @property
    def info(self) -> SourceInfo:
        """What it is."""
        ...

    @property
    def settings(self) -> Settings:
        """What is in force now."""
        ...

    def configure(
        self,
        *,
        sample_rate_hz: float | None = None,
        gain_db: float | None = None,
        ppm: float | None = None,
    ) -> Settings:
        """Set rate, manual gain and correction; None leaves a setting as it is.

        Raises
        ------
        BadSource
            If it cannot be done; the message says what can.
        """
        ...

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency and return the one really reached (hertz).

        Every sample read afterwards was received there with the receiver settled.

        Raises
        ------
        BadSource
            Outside the tuner's range, or not this recording's frequency.
        TunerNotLocked
            What it would deliver is of an unknown frequency; the source stays open.
        DeviceLost
            The device is gone.
        """
        ...

    def read(self, num_samples: int) -> IQBlock:
        """Return the next ``num_samples`` samples.

        Consecutive reads without a retune are contiguous in ``sample_index`` except for what
        ``dropped_samples`` says.  Only a recording gives a shorter block: the one before a gap
        in it, and its last.

        Raises
        ------
        EndOfRecording
            Nothing is left.
        DeviceLost
            Gone, stalled or short; the source is closed then.
        """
        ...

    def begin(
        self, num_samples: int, enough: threading.Event | None = None
    ) -> Callable[[], IQBlock]:
        """Return once the next samples have been on the air, so that it can be tuned at once.

        Parameters
        ----------
        num_samples : int
        enough : Event, optional
            Set by another thread: they are not wanted any more.  A source may return at once then.

        Returns
        -------
        callable
            Waits for those samples and gives them, as `read` does; another thread may call it.
            A short block is one whose end may have been received after the retune.
        """
        block = self.read(num_samples)
        return lambda: block

    def close(self) -> None:
        """Release the device; may be called twice."""
        ...

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
