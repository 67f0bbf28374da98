"""Every command and every option explains itself in Chinese, on a terminal of 80 columns."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

import rfproctor
from sensors.manual import cells, texts, wrapped

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def tree() -> Iterator[tuple[str, click.Command]]:
    """Every command by its name, those below a group too."""
    context = click.Context(rfproctor.cli)
    waiting = [(name, rfproctor.cli.get_command(context, name)) for name in rfproctor.COMMANDS]
    while waiting:
        name, command = waiting.pop()
        assert command is not None
        yield name, command
        if isinstance(command, click.Group):
            waiting += [(f"{name} {word}", one) for word, one in command.commands.items()]


def test_nothing_is_missing_and_nothing_is_of_no_use() -> None:
    wanted = set()
    for name, command in tree():
        wanted.add(name)
        options = [one for one in command.params if isinstance(one, click.Option)]
        wanted |= {f"{name} {one.opts[-1]}" for one in options if not one.hidden}
    assert texts().keys() == wanted
    assert [name for name, text in texts().items() if not CHINESE.search(text)] == []


@pytest.mark.parametrize("name", [name for name, _ in tree()])
def test_chinese_help_fits_the_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        rfproctor.main(["--lang", "zh", *name.split(), "--help"])
    said = capsys.readouterr().out
    assert said.startswith("用法：")
    assert "选项：\n" in said and "显示本说明后退出。" in said
    assert "Options" not in said and "Example" not in said
    assert max(cells(line) for line in said.splitlines()) <= 80
    first = wrapped(texts()[name], 70)[0]
    assert first[:10] in said


def test_english_stays_english_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    for lang, word in (("zh", "考点"), ("en", "daemon")):
        with pytest.raises(SystemExit):
            rfproctor.main(["--lang", lang, "sensor", "--help"])
        said = capsys.readouterr().out
        assert word in said
    assert not CHINESE.search(said)
