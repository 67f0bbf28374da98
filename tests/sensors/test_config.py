"""site.toml: right ones are settled, wrong ones are answered with the key and what to do."""

from pathlib import Path

import pytest

from sensors.bands import DEFAULT_BANDS, presets
from sensors.config import load_site
from sensors.text import LANGS, say
from sensors.toml import BadConfig

MINIMAL = """
[site]
id = "s1"
[[dongle]]
source = "scene:quiet"
position = "hall"
"""


def site_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_shipped_reference_loads():
    site = load_site(Path(__file__).parents[2] / "sensors" / "site.toml")
    assert [band.name for band in site.bands] == ["tv3-low", "school-radio"]
    assert site.bands[0].mode == "stare"
    assert site.bands[0].max_revisit_s == 0.25
    assert site.sensor_ids == ("school-3/hall",)


def test_a_minimal_file_gets_the_default_bands_and_paths(tmp_path):
    site = load_site(site_file(tmp_path, MINIMAL))
    assert tuple(band.name for band in site.bands) == DEFAULT_BANDS
    assert site.data == tmp_path / "var" / "s1"
    assert site.baseline is None


def test_every_preset_is_complete_and_sourced():
    for name, preset in presets().items():
        assert {"start_hz", "stop_hz", "max_revisit_s", "priority", "why"} <= preset.keys(), name
        assert preset["start_hz"] < preset["stop_hz"]


def test_sources_replace_dongles_and_names_stay_apart(tmp_path):
    site = load_site(site_file(tmp_path, MINIMAL), ("scene:exam", "scene:quiet"))
    assert [dongle.source for dongle in site.file.dongle] == ["scene:exam", "scene:quiet"]
    assert site.sensor_ids == ("s1/hall", "s1/hall-2")


def test_a_chinese_position_gets_a_plain_sensor_id(tmp_path):
    site = load_site(site_file(tmp_path, MINIMAL.replace('"hall"', '"考场"')))
    assert site.sensor_ids == ("s1/d1",)
    assert site.file.dongle[0].position == "考场"


@pytest.mark.parametrize(
    ("change", "message_id", "names"),
    [
        (("position =", "gian_db = 3\nposition ="), "config.unknown_key_suggest", "gain_db"),
        (("position =", "gain_db = 'x'\nposition ="), "config.wrong_type", "gain_db"),
        (("position =", "gain_db = -3\nposition ="), "config.impossible", "gain_db"),
        (("[site]", "[site"), "config.syntax", "site.toml"),
        (("[[dongle]]", "[[band]]\nname='x'\n[[dongle]]"), "config.band_unknown", "start_hz"),
        (
            ("[[dongle]]", "[[band]]\nname='tv3-low'\nstop_hz=1e6\n[[dongle]]"),
            "config.band_order",
            "1",
        ),
        (
            ("[[dongle]]", "[[band]]\nname='tv3-low'\n[[band]]\nname='tv3-low'\n[[dongle]]"),
            "config.band_twice",
            "tv3-low",
        ),
    ],
)
def test_mistakes_are_named(tmp_path, change, message_id, names):
    with pytest.raises(BadConfig) as caught:
        load_site(site_file(tmp_path, MINIMAL.replace(*change)))
    assert caught.value.message_id == message_id
    for lang in LANGS:
        text = say(message_id, lang, **caught.value.fields)
        assert names in text and "{" not in text and "\n" not in text
