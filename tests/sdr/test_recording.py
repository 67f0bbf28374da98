"""Reading recordings: every datatype, any length, and each way in which one can be wrong."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dsp.iq import to_complex
from sdr import recording
from sdr.recording import open_recording
from sdr.sigmf_layout import time_ns_of
from sdr.source import BadSource, EndOfRecording

RATE_HZ = 1e6
START = "2026-06-07T01:00:00.25Z"
START_NS = time_ns_of(START)


@pytest.fixture
def write_pair(tmp_path):
    """Write a SigMF pair; keyword arguments change the metadata. Returns the meta's path."""

    def write(data: bytes, datatype="cu8", captures=None, annotations=(), hashed=True, **top):
        meta_path = tmp_path / "one.sigmf-meta"
        (tmp_path / "one.sigmf-data").write_bytes(data)
        world = {
            "core:datatype": datatype,
            "core:sample_rate": RATE_HZ,
            "core:version": "1.2.0",
            **top,
        }
        if hashed:
            world["core:sha512"] = hashlib.sha512(data).hexdigest()
        world = {key: value for key, value in world.items() if value is not None}
        if captures is None:
            captures = [{"core:sample_start": 0, "core:frequency": 169e6, "core:datetime": START}]
        metadata = {"global": world, "captures": captures, "annotations": list(annotations)}
        meta_path.write_text(json.dumps(metadata), encoding="utf-8")
        return meta_path

    return write


def refused(path, **options) -> str:
    with pytest.raises(BadSource) as error:
        open_recording(path, **options)
    assert error.value.exit_code == 2
    return error.value.message_id


@pytest.mark.parametrize(
    ("datatype", "stored", "sample_format"),
    [
        ("cu8", "u1", "cu8"),
        ("ci8", "i1", "cs8"),
        ("ci16_le", "<i2", "ci16"),
        ("ci16_be", ">i2", "ci16"),
        ("cu16_le", "<u2", "cf32"),
        ("cu16_be", ">u2", "cf32"),
        ("ci32_le", "<i4", "cf32"),
        ("cu32_be", ">u4", "cf32"),
        ("cf32_le", "<f4", "cf32"),
        ("cf32_be", ">f4", "cf32"),
        ("cf64_le", "<f8", "cf32"),
    ],
)
def test_every_datatype_gives_the_same_signal(write_pair, rng, datatype, stored, sample_format):
    signal = rng.uniform(-0.9, 0.9, 2 * 500)
    kind = np.dtype(stored)
    if kind.kind == "f":
        values = signal
    elif kind.kind == "i":
        values = np.rint(signal * 2.0 ** (8 * kind.itemsize - 1))
    else:
        values = np.rint((signal + 1) * (2.0 ** (8 * kind.itemsize - 1) - 0.5))
    path = write_pair(values.astype(kind).tobytes(), datatype)
    with open_recording(path) as opened:
        block = opened.read(10_000)
    assert block.sample_format == opened.sample_format == sample_format
    step = 2.0 ** (1 - 8 * min(kind.itemsize, 3)) if kind.kind != "f" else 1e-6
    got = to_complex(block.raw, block.sample_format)
    np.testing.assert_allclose(got, signal[::2] + 1j * signal[1::2], atol=step)


def test_sigmf_tells_everything(write_pair):
    note = {
        "core:sample_start": 10,
        "core:sample_count": 20,
        "core:freq_lower_edge": 168.99e6,
        "core:freq_upper_edge": 169.01e6,
        "core:label": "text",
        "core:comment": "2FSK",
    }
    top = {"core:hw": "R820T", "core:description": "hall"}
    path = write_pair(bytes(200), annotations=[note], **top)
    for either in (path, path.with_suffix(".sigmf-data")):
        with open_recording(either) as opened:
            assert opened.num_samples == 100
            assert opened.sample_rate_hz == RATE_HZ
            assert opened.center_freq_hz == 169e6
            assert opened.layout.hardware == "R820T"
            assert opened.layout.description == "hall"
            assert opened.layout.dated
            (annotation,) = opened.layout.annotations
            assert (annotation.sample_start, annotation.sample_count) == (10, 20)
            assert (annotation.low_hz, annotation.high_hz) == (168.99e6, 169.01e6)
            assert (annotation.label, annotation.comment) == ("text", "2FSK")
            assert opened.read(1).time_ns == START_NS
            assert opened.read(1).time_ns == START_NS + 1000


@settings(max_examples=30, deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=20))
def test_reading_in_pieces_changes_nothing(tmp_path_factory, sizes):
    data = np.random.default_rng(1).integers(0, 256, 2 * 1000, np.uint8)
    path = tmp_path_factory.mktemp("cut") / "a_100M_1000k.cu8"
    data.tofile(path)
    pieces, index = [], 0
    with open_recording(path) as opened:
        for size in sizes:
            try:
                block = opened.read(size)
            except EndOfRecording:
                assert index == 1000
                break
            assert block.sample_index == index
            assert block.num_samples == min(size, 1000 - index)
            index += block.num_samples
            pieces.append(block.raw)
    assert np.array_equal(np.concatenate(pieces), data[: 2 * index])


def test_seek(cu8_file):
    with open_recording(cu8_file) as opened:
        whole = opened.read(1000).raw
        opened.seek(400)
        assert opened.position == 400
        assert np.array_equal(opened.read(600).raw, whole[800:])


def test_a_gap_ends_a_block_and_is_told(write_pair):
    captures = [
        {"core:sample_start": 0, "core:frequency": 169e6, "core:datetime": START},
        {"core:sample_start": 60, "core:frequency": 169e6, "core:global_index": 1060},
        {"core:sample_start": 80, "core:frequency": 169e6, "core:global_index": 1080},
    ]
    with open_recording(write_pair(bytes(200), captures=captures)) as opened:
        before, after = opened.read(100), opened.read(100)
        assert (before.num_samples, before.dropped_samples) == (60, 0)
        # Nothing was lost at 80: that capture is no reason to cut.
        assert (after.num_samples, after.dropped_samples) == (40, 1000)
        assert after.sample_index == 1060
        assert after.time_ns == START_NS + 1060 * 1000
        with pytest.raises(EndOfRecording):
            opened.read(1)


def test_a_recording_longer_than_memory_is_streamed(tmp_path, monkeypatch):
    path = tmp_path / "long_100M_2400k.cu8"
    with path.open("wb") as file:
        file.truncate(200 * 2**30)  # sparse: 200 GiB of zeros that nobody could load
    asked = []
    real = np.fromfile

    def counted(file, dtype, count):
        asked.append(count)
        return real(file, dtype=dtype, count=count)

    monkeypatch.setattr(recording.np, "fromfile", counted)
    with open_recording(path) as opened:
        assert opened.num_samples == 100 * 2**30
        opened.seek(opened.num_samples - 10)
        assert opened.read(4096).num_samples == 10
    assert asked == [20]


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("hall_433.92M_250k.cu8", {}, ("cu8", 250e3, 433.92e6)),
        ("g001_868M_1024k.cs16", {}, ("ci16", 1.024e6, 868e6)),
        ("x_1090M_2.4M.cf32", {}, ("cf32", 2.4e6, 1090e6)),
        ("nocentre_1000k.cs8", {}, ("cs8", 1e6, 0.0)),
        ("gqrx_20260606_090500_169000000_1800000_fc.raw", {}, ("cf32", 1.8e6, 169e6)),
        ("x_169000000Hz_250k.cu8", {}, ("cu8", 250e3, 169e6)),
        ("x_169M_250k.complex16s", {}, ("cs8", 250e3, 169e6)),
        ("plain.bin", {"sample_format": "cu8", "sample_rate_hz": 1e6}, ("cu8", 1e6, 0.0)),
        (
            "hall_433.92M_250k.cu8",
            {"sample_format": "cs8", "sample_rate_hz": 5e5, "center_freq_hz": 1e8},
            ("cs8", 5e5, 1e8),
        ),
    ],
)
def test_headerless(tmp_path, name, options, expected):
    path = tmp_path / name
    path.write_bytes(bytes(160))
    with open_recording(path, **options) as opened:
        assert (opened.sample_format, opened.sample_rate_hz, opened.center_freq_hz) == expected
        assert not opened.layout.dated


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("hall.cu8", "--sample-rate (rate=)"),
        ("hall_100M_250k.iq", "--sample-format cu8|cs8|ci16|cf32 (format=)"),
        ("hall", "--sample-format cu8|cs8|ci16|cf32 (format=), --sample-rate (rate=)"),
        ("hall_2.4M.cu8", "--sample-rate (rate=)"),
    ],
)
def test_what_is_missing_is_said_at_once(tmp_path, name, missing):
    (tmp_path / name).write_bytes(bytes(160))
    with pytest.raises(BadSource) as error:
        open_recording(tmp_path / name)
    assert error.value.message_id == "source.undescribed"
    assert error.value.fields["missing"] == missing


def test_a_changed_byte_is_found(write_pair):
    path = write_pair(bytes(200))
    data = bytearray(200)
    data[77] ^= 1
    path.with_suffix(".sigmf-data").write_bytes(data)
    assert refused(path) == "source.wrong_hash"


@pytest.mark.parametrize("size", [199, 198, 100])
def test_truncated_data_are_found(write_pair, size):
    note = {"core:sample_start": 10, "core:sample_count": 90}
    path = write_pair(bytes(200), annotations=[note], hashed=False)
    path.with_suffix(".sigmf-data").write_bytes(bytes(size))
    assert refused(path) == "source.truncated"


def test_a_file_that_shrinks_while_it_is_read(cu8_file):
    with open_recording(cu8_file) as opened:
        opened.read(10)
        with cu8_file.open("r+b") as file:
            file.truncate(1000)
        with pytest.raises(BadSource) as error:
            opened.read(100_000)
    assert error.value.message_id == "source.truncated"


def test_missing_files(write_pair, tmp_path):
    assert refused(tmp_path / "none.cu8") == "source.file_missing"
    assert refused(tmp_path / "none.sigmf-meta") == "source.file_missing"
    assert refused(tmp_path) == "source.is_folder"
    path = write_pair(bytes(200))
    path.with_suffix(".sigmf-data").unlink()
    assert refused(path) == "source.data_missing"
    path.with_suffix(".sigmf-data").write_bytes(bytes(200))
    path.unlink()
    assert refused(path) == "source.meta_missing"
    path.with_name("one.sigmf-meta.part").write_text("{}")
    assert refused(path) == "source.meta_part"
    assert refused(tmp_path / "x.sigmf") == "source.archive"


@pytest.mark.parametrize(
    ("change", "message_id"),
    [
        ({"datatype": "ru8"}, "source.real_valued"),
        ({"datatype": "rf32_le"}, "source.real_valued"),
        ({"datatype": "cu12"}, "source.meta_invalid"),
        ({"datatype": "cf32_lex"}, None),
        ({"core:num_channels": 2}, "source.channels"),
        ({"core:sample_rate": None}, "source.meta_no_rate"),
        ({"core:version": None}, "source.meta_invalid"),
        ({"core:dataset": "../../etc/passwd"}, "source.meta_invalid"),
        ({"captures": [{"core:sample_start": -1}]}, "source.meta_invalid"),
        ({"captures": [{"core:sample_start": 100}]}, "source.truncated"),
        (
            {"captures": [{"core:sample_start": 9}, {"core:sample_start": 3}]},
            "source.meta_invalid",
        ),
        (
            {
                "captures": [
                    {"core:sample_start": 0, "core:frequency": 1e8},
                    {"core:sample_start": 5, "core:frequency": 2e8},
                ]
            },
            "source.several_centers",
        ),
    ],
)
def test_metadata_that_cannot_be_used(write_pair, change, message_id):
    size = 800 if "datatype" in change else 200
    path = write_pair(bytes(size), **change)
    if message_id is None:
        open_recording(path).close()
    else:
        assert refused(path) == message_id


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"', "\udcff"])
def test_metadata_that_are_no_json_object(write_pair, text):
    path = write_pair(bytes(200))
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert refused(path) == "source.meta_invalid"


def test_no_samples(write_pair, tmp_path):
    assert refused(write_pair(b"")) == "source.empty"
    (tmp_path / "a_1M_250k.cu8").write_bytes(b"x")
    assert refused(tmp_path / "a_1M_250k.cu8") == "source.empty"


def test_options_win_over_the_metadata(write_pair):
    captures = [
        {"core:sample_start": 0, "core:frequency": 1e8},
        {"core:sample_start": 5, "core:frequency": 2e8},
    ]
    path = write_pair(bytes(200), captures=captures)
    with open_recording(path, sample_rate_hz=2e6, center_freq_hz=5e8) as opened:
        assert (opened.sample_rate_hz, opened.center_freq_hz) == (2e6, 5e8)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
PLACES = (
    *(("global", f"core:{key}") for key in ("datatype", "sample_rate", "version", "num_channels")),
    *(("global", f"core:{key}") for key in ("dataset", "trailing_bytes", "sha512", "hw")),
    *(("captures", f"core:{key}") for key in ("sample_start", "frequency", "datetime")),
    *(("captures", f"core:{key}") for key in ("global_index", "header_bytes")),
    *(("annotations", f"core:{key}") for key in ("sample_start", "sample_count", "label")),
    *(("annotations", f"core:{key}") for key in ("freq_lower_edge", "comment")),
)


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(PLACES), value=ANYTHING)
def test_damaged_metadata_are_refused_or_read_but_never_crash(tmp_path_factory, place, value):
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "a.sigmf-data").write_bytes(bytes(200))
    metadata = {
        "global": {"core:datatype": "cu8", "core:sample_rate": RATE_HZ, "core:version": "1.2.0"},
        "captures": [{"core:sample_start": 0, "core:frequency": 169e6, "core:datetime": START}],
        "annotations": [{"core:sample_start": 3, "core:sample_count": 4}],
    }
    part, key = place
    target = metadata[part] if part == "global" else metadata[part][0]
    target[key] = value
    (folder / "a.sigmf-meta").write_text(json.dumps(metadata), encoding="utf-8")
    try:
        with open_recording(folder / "a.sigmf-meta") as opened:
            opened.read(1000)
    except BadSource as error:
        assert error.message_id.startswith("source.")


@pytest.mark.parametrize(
    "text",
    ["2026-06-07T01:00:00+08:00", "2026-13-07T01:00:00Z", "yesterday", "2026-06-07T01:00:00.Z"],
)
def test_a_date_that_is_none(write_pair, text):
    captures = [{"core:sample_start": 0, "core:frequency": 169e6, "core:datetime": text}]
    assert refused(write_pair(bytes(200), captures=captures)) == "source.meta_invalid"


@pytest.mark.parametrize("text", ["1e400", "NaN", "-Infinity"])
def test_numbers_that_are_none(write_pair, text):
    path = write_pair(bytes(200))
    path.write_text(path.read_text().replace("1000000.0", text))
    assert refused(path) == "source.meta_invalid"


def test_floats_that_are_no_samples_are_silence(tmp_path, rng):
    values = rng.normal(0, 0.1, 4000).astype("<f4")
    path = tmp_path / "hall_100M_1000k.cf32"
    values[[3, 400, 401, 2000]] = np.nan, np.inf, -np.inf, 1e30
    path.write_bytes(values.tobytes())
    with open_recording(path) as opened:
        got = opened.read(2000).raw
    assert np.isfinite(got).all() and not got[[3, 400, 401, 2000]].any()
    rest = np.delete(np.arange(4000), [3, 400, 401, 2000])
    assert np.array_equal(got[rest], values[rest])
