"""I/Q in WAV files: every sample type, the auxi chunk, names, unended and damaged files."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import numpy as np
import pytest

from dsp.iq import to_complex
from sdr.recording import open_recording
from sdr.source import BadSource

RATE = 2_048_000


def wav(path, values, *, tag=1, channels=2, auxi=b"", length=None, extensible=False):
    data = values.tobytes()
    bits = 8 * values.dtype.itemsize
    form = struct.pack("<HHIIHH", tag, channels, RATE, RATE * bits // 4, bits // 4, bits)
    if extensible:
        form = struct.pack("<H", 0xFFFE) + form[2:] + struct.pack("<HHIH", 22, bits, 3, tag)
        form += bytes(14)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form
    if auxi:
        chunks += b"auxi" + struct.pack("<I", len(auxi)) + auxi
    chunks += b"data" + struct.pack("<I", len(data) if length is None else length) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks)
    return path


def auxi(center_hz):
    moment = (2026, 6, 6, 6, 9, 5, 30, 250)
    return struct.pack("<8H", *moment) * 2 + struct.pack("<I", center_hz) + bytes(128)


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize(
    ("kind", "tag", "scale"),
    [("u1", 1, 127.5), ("<i2", 1, 2**15), ("<i4", 1, 2**31), ("<f4", 3, 1.0), ("<f8", 3, 1.0)],
)
def test_every_sample_type_is_read(tmp_path, rng, kind, tag, scale, extensible):
    wanted = rng.uniform(-0.9, 0.9, 400)
    zero = 127.5 if kind == "u1" else 0.0
    values = wanted * scale + zero
    stored = (values if kind[1] == "f" else np.floor(values + 0.5)).astype(kind)
    name = "SDRSharp_20260606_090530Z_169000000Hz_IQ.wav"
    path = wav(tmp_path / name, stored, tag=tag, extensible=extensible)
    with open_recording(path) as opened:
        assert (opened.num_samples, opened.sample_rate_hz) == (200, RATE)
        assert opened.center_freq_hz == 169e6
        block = opened.read(1000)
    got = to_complex(block.raw, block.sample_format).view(np.float32)
    assert got == pytest.approx(wanted, abs=0.6 / scale if kind == "u1" else 1e-4)


def test_the_auxi_chunk_tells_centre_and_date(tmp_path):
    path = wav(tmp_path / "a.wav", np.zeros(400, "<i2"), auxi=auxi(169_000_000))
    with open_recording(path) as opened:
        block = opened.read(10)
    assert block.center_freq_hz == 169e6
    began = datetime(2026, 6, 6, 9, 5, 30, 250_000, tzinfo=UTC)
    assert block.time_ns == int(began.timestamp() * 1000) * 1_000_000


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF, 123_456])
def test_a_recorder_that_did_not_end_leaves_what_it_wrote(tmp_path, length):
    path = wav(
        tmp_path / "HDSDR_20260606_090530Z_7087kHz_RF.wav", np.zeros(400, "<i2"), length=length
    )
    with open_recording(path) as opened:
        assert (opened.num_samples, opened.center_freq_hz) == (200, 7.087e6)


def test_what_cannot_be_read_is_said(tmp_path):
    zeros = np.zeros(400, "<i2")
    cases = {
        "source.wav_channels": wav(tmp_path / "mono.wav", zeros, channels=1),
        "source.wav_type": wav(tmp_path / "law.wav", zeros, tag=6),
        "source.empty": wav(tmp_path / "none.wav", zeros[:0]),
    }
    (tmp_path / "text.wav").write_bytes(b"not a wave at all, only a name")
    cases["source.wav_damaged"] = tmp_path / "text.wav"
    for message_id, path in cases.items():
        with pytest.raises(BadSource) as error:
            open_recording(path)
        assert error.value.message_id == message_id


@pytest.mark.parametrize("size", range(0, 60, 3))
def test_cut_anywhere_it_is_refused_or_read(tmp_path, size):
    whole = wav(tmp_path / "a.wav", np.zeros(40, "<i2")).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[:size])
    try:
        open_recording(tmp_path / "cut.wav").close()
    except BadSource as error:
        assert error.message_id in ("source.wav_damaged", "source.empty")
