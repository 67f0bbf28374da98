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
        (("position =", "gain_db = 'x'\nposition ="), "config.want_number", "gain_db"),
        (("position =", "gain_db = -3\nposition ="), "config.want_number", "gain_db"),
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


BEFORE_DONGLE = "[[dongle]]"
BEFORE_SITE = "[site]"


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("scene:quiet", "dongle one", 5, "dongle[0].source: must be rtl:SERIAL"),
        ('"s1"', '"our school"', 3, "site.id: must look like \"school-3\", not 'our school'"),
        ('"s1"', "7", 3, "site.id: must be text in quotes, not 7"),
        (BEFORE_DONGLE, "[detect]\non_db = -1", 5, "on_db: must be a number (0 … 40), not -1"),
        (BEFORE_DONGLE, "[scan]\nnfft = 1000", 5, "nfft: `1000` is not known; choose one of 256,"),
        (BEFORE_DONGLE, "[evidence]\nkeep = 1", 5, "keep: must be true or false, not 1"),
        (
            BEFORE_DONGLE,
            '[[band]]\nname = "x"\nmax_revisit_s = inf',
            6,
            "band[0].max_revisit_s: must be a number (> 0 … 86400), not inf",
        ),
        ("[[dongle]]", "[dongle]", 4, "dongle: must be a list (a [[dongle]] table for each"),
        (
            BEFORE_SITE,
            '[monitor]\nevents = "city"',
            3,
            "monitor.events: must look like \"tcp://127.0.0.1:8471\", not 'city'",
        ),
        *(
            (BEFORE_SITE, f'[monitor]\nevents = "{bad}"', 3, "monitor.events: must look like")
            for bad in ("tcp://*:8471", "tcp://city:99999", "tcp://a b:1", "tcp://city:65533")
        ),
        (BEFORE_DONGLE, "[detect]\non_db = 3\noff_db = 4", 6, "off_db: must not be above on_db"),
        (
            BEFORE_DONGLE,
            '[[band]]\nname = "x"\nstop_hz = 2e6\nstart_hz = 3e6\nmax_revisit_s = 1',
            6,
            "stop_hz (2 MHz) must be above start_hz",
        ),
        (BEFORE_DONGLE, '[[band]]\nname = "x"', 5, "`x` is no preset"),
        (
            BEFORE_SITE,
            '[monitor]\nevents = "tcp://city:8471"\nserver_key = "' + " " * 40 + '"',
            4,
            "monitor.server_key: must be the 40 characters",
        ),
        (
            BEFORE_SITE,
            '[monitor]\nevents = "tcp://city:8471"\nserver_key = "abc"',
            4,
            "monitor.server_key: must be the 40 characters",
        ),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path, old, new, line, says):
    if old in (BEFORE_DONGLE, BEFORE_SITE) and new != "[dongle]":
        new = f"{new}\n{old}"
    path = site_file(tmp_path, MINIMAL.replace(old, new, 1))
    with pytest.raises(BadConfig) as caught:
        load_site(path)
    english = say(caught.value.message_id, "en", **caught.value.fields)
    assert english.startswith(f"{path}:{line}: "), english
    assert says in english
    chinese = say(caught.value.message_id, "zh", **caught.value.fields)
    assert chinese.startswith(f"{path}:{line}：")
    for text in (english, chinese):
        assert "\n" not in text
        words = set(text.replace("`", " ").split())
        assert not {"float", "str", "regex", "array", "object"} & words


def test_a_site_without_dongles_is_told_what_to_write(tmp_path):
    for text in ('[site]\nid = "s1"\n', 'dongle = []\n[site]\nid = "s1"\n'):
        with pytest.raises(BadConfig) as caught:
            load_site(site_file(tmp_path, text))
        assert "[[dongle]] table" in say(caught.value.message_id, "en", **caught.value.fields)
