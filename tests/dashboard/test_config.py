from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from dashboard.config import MonitorFile, load_config
from dashboard.fuse import Weights
from sensors.text import LANGS, say
from sensors.toml import BadConfig

GOOD = """\
[monitor]
id = "city"
http = "127.0.0.1:8470"
events = "tcp://127.0.0.1:8471"
store = "sqlite:///var/monitor.db"
insecure = true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "monitor.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_store_lies_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    config = load_config(write(tmp_path, GOOD))
    assert config.monitor.store == f"sqlite:///{tmp_path}/var/monitor.db"
    assert config.history.folder == tmp_path / "var/history"
    assert (config.monitor.http_host, config.monitor.http_port) == ("127.0.0.1", 8470)


def test_the_commented_reference_is_what_you_get_when_you_say_nothing(tmp_path: Path) -> None:
    reference = resources.files("dashboard").joinpath("monitor.toml").read_text(encoding="utf-8")
    said = load_config(write(tmp_path, reference))
    silent = load_config(write(tmp_path, '[monitor]\nid = "city"\ninsecure = true\n'))
    assert said == silent
    for struct in (*MonitorFile.__struct_fields__, *Weights.__struct_fields__):
        assert struct in reference


def test_another_database_keeps_its_url(tmp_path: Path) -> None:
    url = "postgresql://monitor:secret@db/monitor"
    config = load_config(write(tmp_path, GOOD.replace("sqlite:///var/monitor.db", url)))
    assert config.monitor.store == url
    assert config.history.folder == tmp_path / "history"


@pytest.mark.parametrize(
    ("old", "new", "message_id", "hint"),
    [
        ("insecure", "insecur", "config.unknown_key_suggest", "insecure"),
        ("http =", "htttp =", "config.unknown_key_suggest", "http"),
        ("insecure = true", "", "config.keys_missing", "insecure = true"),
        ("insecure = true", 'insecure = "yes"', "config.want_flag", "true or false, not 'yes'"),
        ('"127.0.0.1:8470"', '"8470"', "config.http_address", "127.0.0.1:8470"),
        ('"127.0.0.1:8470"', '"127.0.0.1:99999"', "config.http_address", "127.0.0.1:8470"),
        ('"tcp://127.0.0.1:8471"', '"127.0.0.1:8471"', "config.tcp_address", "tcp://"),
        ('"127.0.0.1:8470"', '"0.0.0.0:8470"', "config.insecure_not_loopback", "monitor.http: "),
        (
            "sqlite:///var/monitor.db",
            "nonsense",
            "config.store_url",
            'monitor.store: must look like "sqlite:///',
        ),
        ('id = "city"', "", "config.missing_key", "monitor.id"),
        ('id = "city"', 'id = "a city"', "config.want_form", 'monitor.id: must look like "city"'),
        (
            "[monitor]",
            '[[plan]]\nsite = "a"\nimage = "a.png"\nsensors = {"a/h" = [0.2, 3]}\n[monitor]',
            "config.want_number",
            "must be a number (0 … 1), not {'a/h': [0.2, 3]}",
        ),
        (
            "[monitor]",
            '[[plan]]\nsite = "a"\nimage = "a.png"\nsensors = {"a/h" = [0.2]}\n[monitor]',
            "config.want_so_many",
            "must be a list of 2 values, not {'a/h': [0.2]}",
        ),
        ("[monitor]", '[upstream]\nevents = "tcp://*:1"\n[monitor]', "config.tcp_address", "*"),
        (
            "[monitor]",
            "[history]\ndays = -1\n[monitor]",
            "config.want_whole",
            "days: must be a whole number",
        ),
    ],
)
def test_mistakes(tmp_path: Path, old: str, new: str, message_id: str, hint: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load_config(write(tmp_path, GOOD.replace(old, new)))
    assert caught.value.message_id == message_id
    assert hint in say(message_id, "en", **caught.value.fields)
    for lang in LANGS:
        assert "\n" not in say(message_id, lang, **caught.value.fields)
