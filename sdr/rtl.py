"""One RTL-SDR dongle as a source."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dsp.values import IQBlock, Raw
from sdr.bus import TRANSFER_BYTES, TRANSFERS, Handle, find_dongle, load_library
from sdr.frequency import format_freq
from sdr.source import DeviceLost, SourceInfo, TunerNotLocked
from sdr.stream import Ended, SampleStream, Silent
from sdr.tuner import TUNERS, TunedSource, check_freq, true_rate_hz

RING_S = 1.0
PATIENCE_S = 1.0
"""Without a byte for so long the dongle has stalled: a transfer takes 1.7 ms."""
LAG = TRANSFER_BYTES // 2 + 1200
"""Samples that may be under way when their time is over: a transfer, and 0.5 ms on the bus."""
STEP_S = 250e-6
"""Losses from here on are counted: 600 samples of 2.4 MS/s; the chip's own buffer is as long."""
TUNE_TRIES = 2
TUNE_LIMIT_S = 1.0
"""A healthy dongle tunes in 20 ms; control transfers that time out take seconds."""

NOT_LOCKED = -1
"""Answer of ``rtlsdr_set_center_freq`` in the libraries that tell at all."""


class RtlSource(TunedSource):
    """One dongle, opened by serial.

    Samples stream all the time into a ring of one second, so that a stall is noticed, the next
    dwell fills up while the last one is computed, and nothing between two reads is lost.

    Parameters
    ----------
    serial : str
        Empty: the only dongle.
    uri : str
    library : object, optional
        Has librtlsdr's functions; default the real one.

    Attributes
    ----------
    settle_s : float
        Discarded after each retune.

    Raises
    ------
    BadSource
        Several dongles and no serial, or two with this one.
    DeviceNotFound, DeviceBusy, SourceError
    """

    def __init__(self, serial: str, uri: str, library: Any = None) -> None:
        library = load_library() if library is None else library
        self._dongle = Handle(library, *find_dongle(library, serial))
        self.settle_s = 0.01
        self._stream: SampleStream | None = None
        self._first_index = 0
        self._untold = 0  # samples lost in earlier streams that no block has told
        self._slope = 0.0
        self._center_hz, self._locked = 100e6, True
        self._ppm, self._hardware_ppm = 0.0, 0
        self._gone: DeviceLost | None = None
        try:
            tuner = self._dongle.attempt("get_tuner_type")
            if tuner not in TUNERS:
                raise DeviceLost("source.no_tuner", serial=self._dongle.serial)
            name, low_hz, high_hz = TUNERS[tuner]
            self._info = SourceInfo(
                uri=uri,
                kind="rtl",
                serial=self._dongle.serial,
                tuner=name,
                sample_format="cu8",
                tunable=True,
                freq_low_hz=low_hz,
                freq_high_hz=high_hz,
                gains_db=self._dongle.gains_db(),
            )
            # The chip's own gain control would make levels of two dwells incomparable.
            self._dongle.call("set_agc_mode", 0)
            self.configure(sample_rate_hz=2.4e6, gain_db=40.2)
        except BaseException:
            self.close()
            raise

    def tune(self, center_freq_hz: float) -> float:
        """Go to a frequency; what is read next was received after settling there.

        Raises
        ------
        BadSource
            Outside the tuner's range.
        TunerNotLocked
            The tuner cannot hold this frequency; another can be tuned to.
        DeviceLost
            It does not obey.
        """
        check_freq(self._info, center_freq_hz)
        fraction_ppm = self._ppm - self._hardware_ppm
        asked_hz = round(center_freq_hz * (1.0 - fraction_ppm * 1e-6))
        started_s = time.monotonic()
        self._center_hz = center_freq_hz
        for _ in range(TUNE_TRIES):
            code = self._dongle.attempt("set_center_freq", asked_hz)
            slow = time.monotonic() - started_s > TUNE_LIMIT_S
            if slow and code < 0:  # asking on would take seconds more
                self._dongle.refused("set_center_freq", code)
            if self._stream is not None:
                self._stream.skip_to(self.settle_s)
            # Most libraries answer "done" whether the PLL locked or not; asking costs no time on
            # the air, because the tuner settles meanwhile.
            unlocked = self._dongle.unlocked()
            if code >= 0 and not unlocked:
                break
        else:
            if not unlocked or slow or code not in (0, NOT_LOCKED):
                self._dongle.refused("set_center_freq", code)
            # A dongle that cannot be asked any more looks unlocked too: this one call tells.  It
            # also puts the gain to zero, so the gain is set again.
            self._dongle.call("set_tuner_gain_mode", 1)
            self._dongle.call("set_tuner_gain", round(10 * self._gain_db))
            self._locked = False
            raise self._not_locked()
        self._locked = True
        return center_freq_hz

    def read(self, num_samples: int) -> IQBlock:
        """Return the next samples.

        Raises
        ------
        TunerNotLocked
            The last `tune` failed: these samples are of no known frequency.
        DeviceLost
            Vanished or stalled; closed then.
        """
        stream, block = self._listening()
        try:
            with self._losses_told():
                return block(*stream.read(num_samples, PATIENCE_S))
        except DeviceLost:
            self.close()
            raise

    def begin(
        self, num_samples: int, enough: threading.Event | None = None
    ) -> Callable[[], IQBlock]:
        """Return once the next samples have been on the air; their last transfer may still fill.

        Raises
        ------
        TunerNotLocked
            The last `tune` failed: these samples are of no known frequency.
        DeviceLost
            Vanished or stalled, here or in what is returned; it is the caller's to close it.
        """
        stream, block = self._listening()
        first = stream.claim(num_samples)
        with self._losses_told():
            sure = stream.wait_on_air(first + num_samples, LAG, PATIENCE_S, enough)

        def finish() -> IQBlock:
            with self._losses_told():
                return block(*stream.take(first, num_samples, PATIENCE_S, sure))

        return finish

    def _listening(self) -> tuple[SampleStream, Callable[[Raw, int, int], IQBlock]]:
        """Return the running stream, and what makes blocks of it as things are tuned now."""
        if self._gone is not None:  # who asked for the next visit does not wait as long again
            raise DeviceLost(self._gone.message_id, **self._gone.fields)
        if not self._locked:
            raise self._not_locked()
        stream = self._stream or self._start()
        first_index, center_hz, rate_hz = self._first_index, self._center_hz, self._rate_hz
        untold, self._untold = self._untold, 0

        def block(raw: Raw, position: int, dropped: int) -> IQBlock:
            return IQBlock(
                raw=raw,
                sample_format="cu8",
                center_freq_hz=center_hz,
                sample_rate_hz=rate_hz,
                time_ns=stream.time_ns(position),
                sample_index=first_index + position,
                dropped_samples=dropped + untold,
            )

        return stream, block

    @property
    def short_transfers(self) -> int:
        """USB transfers of the running stream that ended early; what was in them is not lost."""
        return self._stream.short_transfers if self._stream is not None else 0

    def test_counter(self, on: bool) -> None:
        """Let the chip send a byte that counts up instead of samples, so that every loss shows.

        Raises
        ------
        DeviceLost
            It does not obey.
        """
        self._dongle.call("set_testmode", int(on))

    def _set_rate(self, sample_rate_hz: float) -> float:
        self._stop()
        self._dongle.call("set_sample_rate", round(sample_rate_hz))
        return true_rate_hz(self._dongle.attempt("get_sample_rate"))

    def _set_gain(self, gain_db: float) -> float:
        self._dongle.call("set_tuner_gain_mode", 1)
        self._dongle.call("set_tuner_gain", round(10 * gain_db))
        return self._dongle.attempt("get_tuner_gain") / 10

    def _set_ppm(self, ppm: float) -> None:
        """Whole ppm go into the chip, the fraction into the frequency that is asked for."""
        # An unchanged value is answered with -2, which is no fault.
        if round(ppm) != self._hardware_ppm:
            self._dongle.call("set_freq_correction", round(ppm))
            # It moves the sample clock too.
            self._slope = 0.0
            if self._stream is not None:
                self._stream.retime()
        self._hardware_ppm = round(ppm)

    def _settle(self) -> None:
        if self._stream is not None:
            self._stream.skip_to(self.settle_s)

    def close(self) -> None:
        """Stop the stream and release the dongle."""
        self._stop()
        self._dongle.close()

    def _start(self) -> SampleStream:
        """Let the dongle stream into a new ring."""
        # Arrivals can be late by the whole queue without a loss; by more they cannot.
        queue_s = TRANSFERS * TRANSFER_BYTES / 2 / self._rate_hz
        stream = SampleStream(self._rate_hz, RING_S, queue_s, STEP_S, self._slope)
        stream.skip_to(self.settle_s)
        self._dongle.start(stream)
        self._stream = stream
        return stream

    def _stop(self) -> None:
        """End streaming and count on from there next time."""
        stream, self._stream = self._stream, None
        self._dongle.stop()
        if stream is not None:
            self._first_index += stream.count
            self._untold += stream.untold
            self._slope = stream.slope

    @contextmanager
    def _losses_told(self) -> Iterator[None]:
        """Say in the words of a source why a stream gives nothing any more."""
        serial = self._dongle.serial
        try:
            yield
            return
        except Silent:
            gone = DeviceLost("source.dongle_silent", serial=serial, seconds=PATIENCE_S)
        except Ended as end:
            gone = DeviceLost("source.dongle_lost", serial=serial, reason=str(end))
        self._dongle.lost()
        self._gone = gone
        raise gone

    def _not_locked(self) -> TunerNotLocked:
        freq = format_freq(self._center_hz)
        return TunerNotLocked("source.not_locked", serial=self._dongle.serial, freq=freq)
