"""Listening to a recording: off unless the monitor's file says so, for radio staff, never unseen.

What is heard is content, which the law protects: here are the conditions under which it may be
made audible, and each time is in the audit log before a sound leaves.
"""

from __future__ import annotations

import hashlib
import io
import wave
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from dashboard.errors import Refused
from dashboard.evidence import Evidence
from dashboard.samples import Recording
from dashboard.saving import OpenFile
from dashboard.store import Store
from dsp.values import Real
from sensors.bandplan import BandPlan

PROTECTED = ("safety", "cellular")
"""Kinds of service in the band plan whose content is nobody's business: air, distress, police,
phones."""
SHORTEST_S = 0.1
"""A shorter stretch is one look of a receiver that had more to do: no word fits in."""
PAUSE_S = 0.25
"""Between two stretches."""
MOST_GAIN = 30.0


class ContentSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[content]``: whether recordings may be listened to at all.

    Attributes
    ----------
    enabled : bool
    """

    enabled: bool = False


class AudioQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET .../audio``: how it was modulated, and from which second how many of them."""

    modulation: Literal["fm", "am"] = "fm"
    start_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    seconds: Annotated[float, Meta(gt=0, le=60)] = 60.0


class Content:
    """Makes recordings audible, or refuses to.

    Parameters
    ----------
    enabled : bool
    evidence : Evidence
    store : Store
        For the audit log.
    plan : BandPlan
        Whose content is nobody's business.
    """

    def __init__(self, enabled: bool, evidence: Evidence, store: Store, plan: BandPlan) -> None:
        self.enabled = enabled
        self._evidence = evidence
        self._store = store
        self._protected = [one for one in plan.services if one.kind in PROTECTED]

    def audio(self, alarm_id: str, clip: str, query: AudioQuery, author: str) -> OpenFile:
        """Demodulate a recording's own channel.

        Returns
        -------
        OpenFile
            WAV, one channel of 16 bit at `dsp.demod.AUDIO_HZ`.

        Raises
        ------
        Refused
            Switched off (409), in a protected band (403), nothing long enough to hear (409), or as
            `Evidence.open_recording`.
        """
        if not self.enabled:
            raise Refused("content.off", 409)
        with self._evidence.open_recording(alarm_id, clip, author) as recording:
            low_hz, high_hz = recording.description.band
            self._check_band(low_hz, high_hz)
            heard, rate_hz = _sound(recording, low_hz, high_hz, query)
        if not heard.size:
            raise Refused("content.too_short", 409, file=clip)
        detail = {
            "file": clip,
            "signed_sha256": recording.signed_sha256,
            "center_freq_hz": (low_hz + high_hz) / 2,
            "seconds": round(heard.size / rate_hz, 2),
            "modulation": query.modulation,
            "start_s": query.start_s,
        }
        with self._store.writing() as connection:
            self._store.note(connection, author, "content.heard", alarm_id, detail)
        return _wav(clip, heard, rate_hz)

    def _check_band(self, low_hz: float, high_hz: float) -> None:
        for one in self._protected:
            if low_hz < one.stop_hz and high_hz > one.start_hz:
                low, high = one.start_hz / 1e6, one.stop_hz / 1e6
                raise Refused("content.protected", 403, low=low, high=high)


def _sound(
    recording: Recording, low_hz: float, high_hz: float, query: AudioQuery
) -> tuple[Real, int]:
    """Every stretch that is long enough, a pause between two, and the rate of it."""
    # scipy.signal is a second and 40 MB, which a monitor need not spend before somebody listens.
    from dsp.demod import AUDIO_HZ, channel_hz, cut_channel, demodulate

    about = recording.description
    rate_hz, middle_hz = about.about.sample_rate_hz, about.center_freq_hz or 0.0
    offset_hz, width_hz = (low_hz + high_hz) / 2 - middle_hz, channel_hz(high_hz - low_hz)
    width_hz = min(width_hz, 2 * (rate_hz / 2 - abs(offset_hz)))
    left = round(query.seconds * rate_hz)
    pieces: list[Real] = []
    for stretch in recording.stretches():
        skip = max(0, round((query.start_s - stretch.start_s) * rate_hz))
        count = min(stretch.count - skip, left)
        if count < SHORTEST_S * rate_hz or width_hz <= 0:
            continue
        left -= count
        blocks = recording.read(stretch.first + skip, count)
        narrow, narrow_hz = cut_channel(blocks, rate_hz, offset_hz, width_hz)
        pieces.append(demodulate(narrow, narrow_hz, width_hz, query.modulation))
        pieces.append(np.zeros(round(PAUSE_S * AUDIO_HZ), dtype=np.float32))
    audio = np.concatenate(pieces[:-1]) if pieces else np.zeros(0, dtype=np.float32)
    return audio, AUDIO_HZ


def _wav(clip: str, audio: Real, rate_hz: int) -> OpenFile:
    """As loud as it gets; noise alone is not made a roar."""
    gain = min(0.9 / max(float(np.abs(audio).max()), 1e-9), MOST_GAIN)
    values: npt.NDArray[np.int16] = np.round(audio * gain * 32767).astype("<i2")
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(values.tobytes())
    content = out.getvalue()
    digest = hashlib.sha256(content).digest()
    return OpenFile(f"{clip}.wav", io.BytesIO(content), len(content), digest, "audio/wav")
