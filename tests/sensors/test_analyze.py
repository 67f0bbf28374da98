"""The command `analyze`: the JSON contract, the table, several files, pictures, bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from rfproctor import cli
from sdr.source import UserError
from sensors.findings import Job, collect
from sensors.text import say

RATE = 250_000

EMISSION = [
    "kind", "file", "start_s", "stop_s", "center_freq_hz", "bandwidth_hz", "snr_db", "peak_dbfs",
    "label", "label_confidence",
]  # fmt: skip
SUMMARY = [
    "kind", "file", "emissions", "seconds", "samples", "noise_dbfs_per_hz", "clipped_fraction",
]  # fmt: skip


@pytest.fixture
def recording(tmp_path, rng):
    """One second around 433.92 MHz with a 2FSK burst 40 kHz above, from 0.3 s to 0.4 s."""
    samples = 0.01 * (rng.standard_normal(RATE) + 1j * rng.standard_normal(RATE))
    tone = np.repeat(rng.choice([-1, 1], 481), 52)[: RATE // 10]
    phase = np.cumsum(2400.0 * tone + 40e3) / RATE
    samples[75_000:100_000] += 0.2 * np.exp(2j * np.pi * phase)
    values = np.stack([samples.real, samples.imag], axis=1) * 127.5 + 127.5
    path = tmp_path / "hall_433.92M_250k.cu8"
    np.clip(np.round(values), 0, 255).astype(np.uint8).tofile(path)
    return path


def run(*arguments):
    result = CliRunner().invoke(cli, ["--lang", "en", "analyze", *map(str, arguments)])
    assert result.exception is None, result.exception
    return result.stdout


def test_json_has_exactly_the_fields_of_the_contract(recording):
    emission, summary = (json.loads(line) for line in run(recording, "--json").splitlines())
    assert list(emission) == EMISSION
    assert list(summary) == SUMMARY
    assert (emission["kind"], summary["kind"]) == ("emission", "summary")
    assert emission["start_s"] == pytest.approx(0.3, abs=2e-3)
    assert emission["stop_s"] == pytest.approx(0.4, abs=2e-3)
    assert emission["center_freq_hz"] == pytest.approx(433.96e6, abs=500)
    assert emission["label"] == "fsk"
    assert (summary["emissions"], summary["samples"], summary["seconds"]) == (1, RATE, 1.0)
    noise = 10 * np.log10(2 * 0.01**2 / RATE)
    assert summary["noise_dbfs_per_hz"] == pytest.approx(noise, abs=0.7)
    assert summary["clipped_fraction"] == 0.0


def test_options_win_over_the_name(recording):
    lines = run(recording, "--json", "--sample-rate", "500k", "--center-freq", "868.3M")
    emission = json.loads(lines.splitlines()[0])
    assert emission["start_s"] == pytest.approx(0.15, abs=2e-3)
    assert emission["center_freq_hz"] == pytest.approx(868.38e6, abs=1000)


def test_the_table_is_for_people_in_both_languages(recording):
    assert "FSK data" in run(recording)
    chinese = CliRunner().invoke(cli, ["--lang", "zh", "analyze", str(recording)]).stdout
    assert say("label.fsk", "zh") in chinese


def test_several_files_give_the_same_lines_in_order(recording):
    other = recording.with_name("other_433.92M_250k.cu8")
    other.write_bytes(recording.read_bytes())
    both = run(recording, other, "--json", "--jobs", "2").splitlines()
    assert both == [*run(recording, "--json").splitlines(), *run(other, "--json").splitlines()]


def test_the_picture_is_drawn(recording):
    run(recording, "--picture", recording.with_suffix(".png"))
    assert recording.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_that_cannot_be_written_is_said(recording, tmp_path):
    with pytest.raises(UserError) as raised:
        collect(Job(str(recording), picture=str(tmp_path / "nowhere" / "x.png")))
    assert raised.value.message_id == "picture.unwritable"


@pytest.mark.parametrize("case", ["missing", "undescribed", "empty", "truncated", "hash"])
def test_bad_input_is_one_clear_line_and_exit_code_2(case, recording, tmp_path):
    path = tmp_path / "x_433.92M_250k.cu8"
    expected = {
        "missing": "source.file_missing",
        "undescribed": "source.undescribed",
        "empty": "source.empty",
        "truncated": "source.truncated",
        "hash": "source.wrong_hash",
    }[case]
    if case == "undescribed":
        path = tmp_path / "x.bin"
        path.write_bytes(recording.read_bytes())
    elif case == "empty":
        path.touch()
    elif case in ("truncated", "hash"):
        path = tmp_path / "x.sigmf-meta"
        described = {
            "global": {"core:datatype": "cu8", "core:sample_rate": RATE, "core:version": "1.2.0"},
            "captures": [{"core:sample_start": 0, "core:frequency": 433.92e6}],
            "annotations": [],
        }
        if case == "hash":
            described["global"]["core:sha512"] = "0" * 128
        else:
            annotation = {"core:sample_start": 0, "core:sample_count": 2 * RATE}
            described["annotations"].append(annotation)
        path.write_text(json.dumps(described), encoding="utf-8")
        path.with_suffix(".sigmf-data").write_bytes(recording.read_bytes())
    with pytest.raises(UserError) as raised:
        collect(Job(str(path)))
    assert raised.value.message_id == expected
    assert raised.value.exit_code == 2
    line = say(expected, "en", **raised.value.fields)
    assert "\n" not in line
    assert str(tmp_path) in line
