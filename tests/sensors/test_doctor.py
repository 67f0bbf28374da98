"""GO or NO-GO: every verdict from measurements that are given, and whole runs on real processes."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs

from sdr.calibrate import GainStep, Look, Settling, Station
from sdr.flow import Flow
from sdr.ppm import CrystalError
from sdr.source import BadSource
from sensors import doctor, doctor_dongles, doctor_host, doctor_judge
from sensors.bands import settle_bands
from sensors.calibration import Calibration, calibrations, remember
from sensors.doctor import Finding, Patient, is_go
from sensors.doctor_command import banner, centers_of, line
from sensors.doctor_command import doctor as command
from sensors.text import catalogue, say


def readable(finding):
    """Both languages can say it: no placeholder is missing, nothing is untranslated."""
    for lang in ("en", "zh"):
        for message in (f"doctor.name_{finding.check}", finding.message, finding.remedy):
            if message:
                assert message in catalogue(lang), message
                say(message, lang, **finding.fields)
    return finding


def flow(**changes):
    good = Flow(5.0, 12_000_000, dropped=0, late_s=0.0002, jumps=0, counted_lost=0)
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "ok"),
        ({"jumps": None}, "ok"),
        ({"jumps": 1, "counted_lost": 136}, "fail"),
        ({"dropped": 4096}, "fail"),
        ({"late_s": 0.0068}, "fail"),
        ({"late_s": -0.003}, "ok"),
        ({"short_transfers": 40}, "warn"),
    ],
)
def test_flow(changes, verdict):
    assert readable(doctor_judge.judge_flow(flow(**changes))).verdict == verdict


def test_lost_samples_are_told_as_a_number():
    assert doctor_judge.judge_flow(flow(late_s=0.0068)).fields["missing"] == 16_320


def steps(floors, told=None):
    gains = np.linspace(0, 48, len(floors))
    told = gains if told is None else told
    return [GainStep(g, t, f, 1.0, 0.0) for g, t, f in zip(gains, told, floors, strict=True)]


def test_gain_that_acts_that_does_not_and_that_is_not_obeyed():
    good = doctor_judge.judge_gains(steps([-109, -108, -102, -93]))
    deaf = doctor_judge.judge_gains(steps([-109, -109, -108.5, -108]))
    wrong = doctor_judge.judge_gains(steps([-109, -108, -102, -93], [0, 0, 0, 0]))
    assert [readable(f).verdict for f in (good, deaf, wrong)] == ["ok", "fail", "fail"]
    assert deaf.message == "doctor.gain_flat"
    assert wrong.message == "doctor.gain_wrong"


def one_look(floor_dbfs_per_hz, clipped=0.0, lsb=1.0, center_hz=100e6):
    power = np.full(819, 1e-8, dtype=np.float32)
    freqs = center_hz + (np.arange(819) - 409) * 2343.75
    return Look(center_hz, power, freqs, floor_dbfs_per_hz, lsb, clipped)


def test_antenna_by_stations_by_wide_signals_or_dead():
    quiet = [one_look(-100)] * 5
    heard = doctor_judge.judge_antenna([Station(98e6, 40.0)], quiet)
    wide = doctor_judge.judge_antenna([], [*quiet, one_look(-80, center_hz=763e6)])
    dead = doctor_judge.judge_antenna([], quiet)
    assert [readable(f).verdict for f in (heard, wide, dead)] == ["ok", "ok", "fail"]


def test_lock():
    assert readable(doctor_judge.judge_lock(20, [])).verdict == "ok"
    refused = readable(doctor_judge.judge_lock(18, [410e6, 412e6]))
    assert refused.verdict == "fail"
    assert "410 MHz" in refused.fields["refused"]


@pytest.mark.parametrize(
    ("settling", "verdict"),
    [
        (Settling(0.020, 0.004, 0.0001, 24), "ok"),
        (Settling(0.020, 0.014, 0.0001, 24), "fail"),
        (Settling(0.070, 0.004, 0.0001, 24), "warn"),
        (None, "skip"),
    ],
)
def test_settling(settling, verdict):
    assert readable(doctor_judge.judge_settling(settling, 0.010)).verdict == verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (CrystalError(0.5, 0.3, 5, 5), "ok"),
        (CrystalError(37.0, 0.3, 5, 5), "warn"),
        (CrystalError(400.0, 0.3, 5, 5), "fail"),
        (CrystalError(4.0, 30.0, 1, 0), "warn"),
        (None, "skip"),
    ],
)
def test_crystal(error, verdict):
    assert readable(doctor_judge.judge_crystal(error, 0.0)).verdict == verdict


def test_the_correction_to_write_includes_the_one_in_force():
    found = doctor_judge.judge_crystal(CrystalError(7.0, 0.3, 5, 5), 30.0)
    assert found.fields["total"] == "37.0"
    assert found.measured["ppm"] == 37.0


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (
            "System time     : 0.000012345 seconds slow of NTP\nRoot dispersion : 0.0009 s",
            "ok",
        ),
        (
            "System time     : 0.400000000 seconds slow of NTP\nRoot dispersion : 0.0009 s",
            "warn",
        ),
        ("Leap status     : Not synchronised", "warn"),
        ("", "warn"),
    ],
)
def test_chrony(answer, verdict):
    assert readable(doctor_host.judge_chrony(answer)).verdict == verdict


@pytest.mark.parametrize(
    ("bits", "verdict"),
    [(0x0, "ok"), (0x50000, "warn"), (0x1, "fail"), (0x50005, "fail"), (0x40000, "warn")],
)
def test_supply_of_a_raspberry_pi(bits, verdict):
    assert readable(doctor_host.judge_throttled(bits)).verdict == verdict


@pytest.mark.parametrize(("heat", "verdict"), [(55_000, "ok"), (72_500, "warn"), (84_000, "fail")])
def test_heat(tmp_path, heat, verdict):
    for name, value in (("thermal_zone0", heat), ("thermal_zone1", 20_000)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "temp").write_text(f"{value}\n")
    (found,) = doctor_host.check_heat(tmp_path)
    assert readable(found).verdict == verdict
    assert list(doctor_host.check_heat(tmp_path / "none")) == []


def test_disk_of_this_machine_and_a_folder_that_refuses(tmp_path):
    found = readable(doctor_host.check_disk(tmp_path / "not" / "yet" / "there"))
    assert found.fields["folder"] == str(tmp_path)
    if os.geteuid() == 0:
        target = Path("/proc")  # root may write anywhere else
    else:
        target = tmp_path / "locked"
        target.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
    assert readable(doctor_host.check_disk(target)).verdict == "fail"
    assert list(tmp_path.glob(".rfproctor*")) == []


def test_speed_of_this_machine():
    found = readable(doctor_host.check_speed())
    assert float(found.fields["speed"]) > 1


def test_tv_drivers(tmp_path):
    modules = tmp_path / "modules"
    modules.write_text(
        "rtl2832 36864 1 dvb_usb_rtl28xxu, Live 0x0\ndvb_usb_rtl28xxu 40960 0 - Live\n"
    )
    (found,) = doctor_dongles.check_drivers(modules)
    assert readable(found).verdict == "fail"
    assert "dvb_usb_rtl28xxu" in found.fields["modules"]
    modules.write_text("snd 1 0 - Live 0x0\n")
    (found,) = doctor_dongles.check_drivers(modules)
    assert found.verdict == "ok"


def test_a_dongle_at_full_speed(tmp_path):
    device = tmp_path / "1-1"
    device.mkdir()
    words = {"idVendor": "0bda", "idProduct": "2838", "serial": "7", "speed": "12"}
    for name, value in words.items():
        (device / name).write_text(value + "\n")
    (found,) = doctor_dongles.check_bus(tmp_path)
    assert readable(found).verdict == "fail"
    (device / "speed").write_text("480\n")
    assert list(doctor_dongles.check_bus(tmp_path)) == []


def test_one_fault_is_no_go_and_warnings_are_not():
    assert is_go([Finding("disk", "ok", "x"), Finding("disk", "warn", "x")])
    assert not is_go([Finding("disk", "ok", "x"), Finding("disk", "fail", "x")])


def test_the_banner_is_large():
    assert banner(True).count("\n") == 4
    assert "█" in banner(False)


def test_default_frequencies_reach_from_band_to_band():
    made = centers_of(settle_bands([], Path()), 2.4e6)
    assert 30 <= len(made) <= 64
    assert min(made) < 139e6
    assert max(made) > 468e6


def test_line_says_sign_name_text_and_remedy():
    finding = doctor_judge.judge_crystal(CrystalError(37.0, 0.3, 5, 5), 0.0)
    text = line(finding, "zh", several=False)
    assert "频率误差" in text
    assert "ppm = 37.0" in text.splitlines()[1]


def test_what_was_measured_is_remembered_by_serial(tmp_path):
    opened = Finding("open", "ok", "x", {"serial": "7"}, source="rtl:7", measured={"gain_db": 40.2})
    settling = Settling(tune_s=0.02, settle_s=0.004, spread_s=0.0002, repeats=24)
    settle = structs.replace(doctor_judge.judge_settling(settling, 0.01), source="rtl:7")
    crystal = Finding(
        "crystal", "ok", "x", source="rtl:7", measured={"ppm": 12.0, "sigma_ppm": 0.3}
    )
    remember(tmp_path, [opened, settle, crystal])
    remember(tmp_path, [opened, Finding("settle", "skip", "x", source="rtl:7")])
    known = calibrations(tmp_path)["7"]
    assert isinstance(known, Calibration)
    assert (known.settle_s, known.ppm) == (0.004, 12.0)
    assert known.discard_s == pytest.approx(0.004 + 2 * 0.0002 + 0.0003)
    (tmp_path / "dongles.json").write_text("{")
    assert calibrations(tmp_path) == {}


# ---- whole runs


def test_a_scene_is_go_and_ends_within_a_minute():
    result = CliRunner().invoke(command, ["scene:quiet", "--json"], obj="en")
    records = [json.loads(one) for one in result.output.splitlines()]
    assert result.exit_code == 0, result.output
    assert records[-1]["kind"] == "verdict"
    assert records[-1]["go"] is True
    assert records[-1]["seconds"] < 60
    assert {r["check"] for r in records[:-1]} >= {
        "open",
        "flow",
        "lock",
        "antenna",
        "gain",
        "level",
    }
    assert all(r["text"] for r in records[:-1])


@pytest.mark.parametrize("source", ["file:/nowhere.cu8", "scene:nowhere", "scene:quiet?x=1"])
def test_a_source_that_cannot_be_is_wrong_usage_and_nothing_is_tested(source, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text(f'[site]\nid = "s"\n[[dongle]]\nsource = "{source}"\n')
    for argument in (source, str(site)):
        result = CliRunner().invoke(command, [argument], obj="en")
        assert isinstance(result.exception, BadSource)
        assert result.exception.exit_code == 2
        assert result.output == ""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import time; time.sleep(60)", "doctor.process_hung"),
        ("import os; os.abort()", "doctor.process_died"),
    ],
)
def test_a_driver_that_hangs_or_crashes_is_a_finding(monkeypatch, code, message):
    class Child(subprocess.Popen):
        def __init__(self, _command, **more):
            super().__init__([sys.executable, "-c", code], **more)

    monkeypatch.setattr(doctor.subprocess, "Popen", Child)
    (found,) = doctor.examine_sources([Patient("rtl:")], 1.5)
    assert readable(found).message == message
    assert found.verdict == "fail"


def run_doctor(emudongle, repository, *settings):
    scene = emudongle.parent / "scenes" / "test.scene"
    scene.write_text("tx id=a freq_hz=98.8M type=wfm power_dbm=-82\n")
    done = subprocess.run(
        [
            *(str(emudongle), f"EMU_SCENE={scene}", *settings),
            *(sys.executable, "-m", "rfproctor", "doctor", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        cwd=repository,
    )
    records = [json.loads(one) for one in done.stdout.splitlines()]
    assert records[-1]["seconds"] < 60
    assert done.returncode == (0 if records[-1]["go"] else 1)
    return records


FAULTS = {
    "access": ("access", "access", "udev"),
    "busy": ("busy", "open", "in use"),
    "kdriver": ("kdriver", "open", "dvb_usb_rtl28xxu"),
    "unplug": ("unplug ref=stream after_s=2", "lost", "vanished"),
    "stall": ("stall ref=stream after_s=2", "lost", "no data"),
}


@pytest.mark.emudongle
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_named_in_plain_words(emudongle, repository, name):
    fault, check, words = FAULTS[name]
    records = run_doctor(emudongle, repository, f"EMU_FAULTS={fault}")
    (found,) = [r for r in records if r["kind"] == "check" and r["verdict"] == "fail"]
    assert found["check"] == check
    assert words in found["text"] + found["remedy_text"]


@pytest.mark.emudongle
def test_two_dongles_with_one_serial(emudongle, repository):
    records = run_doctor(emudongle, repository, "EMU_COUNT=2", "EMU_SERIAL=7,7")
    (found,) = [r for r in records if r["kind"] == "check" and r["verdict"] == "fail"]
    assert found["check"] == "serials"
    assert "rtl_eeprom -s" in found["remedy_text"]


@pytest.mark.emudongle
def test_no_dongle(emudongle, repository):
    records = run_doctor(emudongle, repository, "EMU_COUNT=0")
    assert [r["check"] for r in records if r.get("verdict") == "fail"] == ["dongles"]


@pytest.mark.emudongle
def test_a_tuner_that_does_not_lock_and_a_crystal_that_is_off(emudongle, repository):
    records = run_doctor(
        emudongle, repository, "EMU_FAULTS=nolock lo_hz=400M hi_hz=480M", "EMU_PPM=40"
    )
    checks = {r["check"]: r for r in records if r["kind"] == "check"}
    assert checks["lock"]["verdict"] == "fail"
    assert "403.9" in checks["lock"]["text"]
    assert checks["crystal"]["measured"]["ppm"] == pytest.approx(40.0, abs=1.0)
    assert checks["settle"]["measured"]["settle_s"] < 0.008
