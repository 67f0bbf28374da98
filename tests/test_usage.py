"""Wrong usage of the command line: one clear line in the user's language, exit code 2."""

from __future__ import annotations

import pytest

from rfproctor import main

SWEEP = ["sweep", "scene:quiet", "--band", "167M:168M"]
RECORD = ["record", "scene:quiet", "--center-freq", "169.5M", "--out", "never"]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["nonsense"], "nonsense"),
        (["--lang", "fr"], "--lang"),
        (["devices", "more"], "more"),
        (["record"], "SOURCE is missing"),
        ([*RECORD], "--seconds is missing"),
        ([*RECORD, "--second", "1"], "--second"),
        ([*RECORD, "--seconds", "nan"], "not a finite number"),
        ([*RECORD, "--seconds", "inf"], "not a finite number"),
        ([*RECORD, "--seconds", "0"], "x>0"),
        ([*RECORD, "--seconds", "1", "--gain", "nan"], "--gain"),
        ([*SWEEP, "--gain", "1e9"], "--gain"),
        ([*SWEEP, "--bin", "0"], "--bin 0"),
        ([*SWEEP, "--bin", "0.001"], "--bin 0.001"),
        ([*SWEEP, "--bin", "1G"], "--bin 1G"),
        ([*SWEEP[:-1], "168M:167M"], "168M:167M"),
        (["analyze", "x.cu8", "--picture", "nowhere/x.png"], "nowhere"),
        (["analyze", "x.cu8", "--picture", "x.doc"], ".png"),
        (["ledger", "site.toml", "--at", "10:00"], "--freq"),
        (["watch", "nonsense"], "tcp://"),
    ],
)
def test_wrong_usage_is_one_line(arguments, words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["--lang", "en", *arguments])
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert out == ""
    assert err.count("\n") == 1 and err.startswith("rfproctor: ")
    assert words in err
    assert list(tmp_path.iterdir()) == []


def test_in_chinese(capsys):
    with pytest.raises(SystemExit):
        main(["--lang", "zh", "record"])
    assert capsys.readouterr().err == "rfproctor: 缺少 SOURCE；用法见 rfproctor record --help\n"


def test_the_list_of_commands_is_in_chinese_too(capsys):
    for arguments in (["--lang", "zh", "--help"], ["--lang=zh", "-h"], ["--help", "--lang", "zh"]):
        with pytest.raises(SystemExit) as end:
            main(arguments)
        said = capsys.readouterr().out
        assert end.value.code == 0
        assert "考点的守护程序" in said and "daemon" not in said
        assert len(said.splitlines()) <= 28


def test_a_survey_that_cannot_be_kept_is_not_begun(capsys, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text('[site]\nid = "a"\nname = "a"\n[[dongle]]\nsource = "scene:quiet"\n')
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as end:
        main(["survey", str(site), "--seconds", "3600", "--out", str(tmp_path / "file" / "b.npz")])
    assert end.value.code == 2
    assert "b.npz" in capsys.readouterr().err


def test_no_arguments_show_the_help(capsys):
    with pytest.raises(SystemExit) as end:
        main([])
    out, err = capsys.readouterr()
    assert end.value.code == 2
    assert "demo" in out + err


def test_a_band_that_a_recording_does_not_hold(capsys, repository):
    recording = repository / "recordings" / "voice_210.3M.sigmf-meta"
    with pytest.raises(SystemExit) as end:
        main(["sweep", f"file:{recording}", "--band", "160M:170M"])
    assert end.value.code == 2
    assert "160 MHz - 170 MHz" in capsys.readouterr().err
