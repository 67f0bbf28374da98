"""What the two READMEs tell people to type exists, is the same in both, and so do their links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from rfproctor import cli

READMES = ("README.md", "README.zh.md")


def commands(text: str) -> list[list[str]]:
    """Every line of every shell block, comments left out, split into words."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```", text)
    return [words for block in blocks for words in map(split, block.splitlines()) if words]


def split(line: str) -> list[str]:
    return shlex.split(line, comments=True)


@pytest.fixture(params=READMES)
def readme(request: pytest.FixtureRequest, repository: Path) -> str:
    return (repository / request.param).read_text(encoding="utf-8")


def test_both_languages_tell_the_same_commands(repository: Path) -> None:
    english, chinese = ((repository / name).read_text(encoding="utf-8") for name in READMES)
    assert commands(english) == commands(chinese)


def test_commands_parse(readme: str, repository: Path) -> None:
    """Options and arguments are known to the command; nothing is run."""
    told = commands(readme)
    assert len(told) > 8
    for words in told:
        if words[0] == "rfproctor":
            command, rest = cli.get_command(click.Context(cli), words[1]), words[2:]
            if isinstance(command, click.Group):
                command, rest = command.get_command(click.Context(command), rest[0]), rest[1:]
            assert command is not None, words
            parser = command.make_parser(click.Context(command, info_name=words[1]))
            _, extra, _ = parser.parse_args(rest)
            takes_arguments = any(isinstance(p, click.Argument) for p in command.params)
            assert takes_arguments or not extra, words
        elif words[:2] == ["python3", "run.py"]:
            assert f"run.py {words[2]} " in (repository / "run.py").read_text(encoding="utf-8")
        else:
            assert words[0] == "cp", words
            assert (repository / words[1]).is_file(), words


def test_links_lead_somewhere(readme: str, repository: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", readme)
    assert len(links) > 4
    assert [link for link in links if "://" not in link and not (repository / link).exists()] == []
