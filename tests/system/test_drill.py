"""A drill on the real daemon over a simulated hall: heard, marked and kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SITE = """\
[site]
id = "school-3"
data = "site"
[[dongle]]
source = "scene:hall?sensor=hall&exam_s=9999"
position = "hall"
[[band]]
name = "tv3-quiet"
start_hz = 167.5e6
stop_hz = 170.5e6
max_revisit_s = 1.0
"""


@pytest.mark.system
def test_a_drill_is_heard_and_marked(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "rfproctor", "--lang", "en", "drill", "site.toml"),
            *("--minutes", "0.2", "--survey", "5", "--json"),
        ],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
    )
    assert ended.returncode in {0, 1}, ended.stderr  # 1: a busy computer may miss one
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [line["band"] for line in lines] == ["tv3-quiet"]
    assert 1 <= lines[0]["heard"] <= lines[0]["sent"]
    assert (ended.returncode == 0) == (lines[0]["heard"] == lines[0]["sent"])
    kept = json.loads((tmp_path / "site" / "drills.jsonl").read_text(encoding="utf-8"))
    heard = [one for one in kept["transmissions"] if one["heard_s"]]
    assert len(heard) == lines[0]["heard"]
    assert all(0 < late < 4 for one in heard for late in one["heard_s"].values())
    # Nobody else transmits there before the exam: whatever was told is of the drill and says so.
    told = [line for line in ended.stderr.splitlines() if "emitter  " in line]
    assert told
    assert all("drill=True" in line for line in told)
    clips = list((tmp_path / "site" / "evidence").rglob("*.sigmf-meta"))
    assert clips
    assert all("_drill_" in clip.name for clip in clips)
