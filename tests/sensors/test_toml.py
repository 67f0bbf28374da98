from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from sensors.text import LANGS, say
from sensors.toml import BadConfig, load_toml


class Dongle(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    source: str
    gain_db: Annotated[float, Meta(ge=0, le=60)] | None = None
    mode: Literal["sweep", "stare"] = "sweep"
    low_hz: float = 0.0
    high_hz: float = 1.0

    def __post_init__(self) -> None:
        if self.high_hz <= self.low_hz:
            raise ValueError("high_hz: config.source")


class Site(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Annotated[str, Meta(min_length=1)]
    data: Path = Path("var")
    baseline: Path | None = None


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    site: Site
    dongle: list[Dongle] = []


GOOD = """\
# a comment
[site]
id = "school-3"
data = "var/x"

[[dongle]]
source = "rtl:1"

[[dongle]]
source = "rtl:2"
gain_db = 40
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_good_file_is_typed_and_paths_count_from_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, GOOD)
    monkeypatch.chdir("/")
    config = load_toml(path, Config)
    assert config.site.data == tmp_path / "var/x"
    assert config.site.baseline is None
    assert [dongle.gain_db for dongle in config.dongle] == [None, 40.0]


@pytest.mark.parametrize(
    ("old", "new", "message_id", "fields"),
    [
        ("gain_db", "gian", "config.unknown_key_suggest",
         {"suggestion": "gain_db", "path": "dongle[1].gian", "line": 11}),
        ("[site]", "[sight]", "config.unknown_key_suggest", {"suggestion": "site", "line": 2}),
        ("gain_db", "colour", "config.unknown_key", {"path": "dongle[1].colour", "line": 11}),
        ('id = "school-3"', "", "config.missing_key", {"path": "site.id", "line": 2}),
        ("40", '"40"', "config.want_number", {"got": "'40'", "line": 11}),
        ("40", "-3", "config.want_number",
         {"path": "dongle[1].gain_db", "limits": " (0 … 60)", "got": "-3", "line": 11}),
        ("gain_db = 40", 'mode = "swep"', "config.bad_choice_suggest", {"suggestion": "sweep"}),
        ("gain_db = 40", 'mode = "xyz"', "config.bad_choice", {"known": "stare, sweep"}),
        ("gain_db = 40", "low_hz = 7", "config.source",
         {"path": "dongle[1].high_hz", "line": 9}),
        ('"var/x"', "7", "config.path_expected", {"path": "site.data", "line": 4}),
        ("[site]", "[site", "config.syntax", {}),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_place(
    tmp_path: Path, old: str, new: str, message_id: str, fields: dict[str, object]
) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(BadConfig) as caught:
        load_toml(path, Config)
    error = caught.value
    assert error.message_id == message_id
    assert error.exit_code == 2
    line = fields.pop("line", None)
    if line is not None:
        assert error.fields["file"] == f"{path}:{line}"
    assert {key: error.fields[key] for key in fields} == fields
    for lang in LANGS:
        text = say(error.message_id, lang, **error.fields)
        assert "\n" not in text
        assert str(path) in text


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"config\.file_missing"):
        load_toml(tmp_path / "no.toml", Config)


def test_not_text(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_bytes('[site]\nid = "a"\nname = "第一中学"\n'.encode("gb18030"))
    with pytest.raises(BadConfig, match=r"config\.not_utf8") as caught:
        load_toml(path, Config)
    assert caught.value.fields["file"] == f"{path}:3"
    with pytest.raises(BadConfig, match=r"config\.unreadable"):
        load_toml(tmp_path, Config)


def test_the_mark_of_windows_editor_is_no_mistake(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_toml(path, Config) == load_toml(write(tmp_path, GOOD), Config)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab_[].=\"'\n", max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["site", "dongle", "id", "source", "mode"]), inner)
        ),
        max_leaves=8,
    )
)
def test_any_shape_is_answered(tmp_path_factory: pytest.TempPathFactory, shape: object) -> None:
    """Whatever is in the file: a configuration or one of our errors, never a traceback."""

    def toml(value: object) -> str:
        if isinstance(value, dict):
            return "{" + ",".join(f"{k}={toml(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(toml, value)) + "]"
        return repr(value).lower() if not isinstance(value, str) else f"'''{value}'''"

    path = write(tmp_path_factory.mktemp("toml"), f"site={toml(shape)}\ndongle={toml(shape)}\n")
    try:
        load_toml(path, Config)
    except BadConfig as error:
        assert str(path) in say(error.message_id, "en", **error.fields)
