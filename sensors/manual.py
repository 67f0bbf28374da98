"""``--help`` in Chinese: texts, headings, and lines that break where Chinese breaks.

English is in the commands themselves; ``locale/help.zh.json`` has the Chinese by the name of the
command, or by its name and an option's: ``keys rotate --finish``.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Iterator
from copy import copy
from functools import cache
from importlib import resources

import click

WORDS = {
    "Options": "选项",
    "Commands": "命令",
    "[default: ": "[默认：",
    "[required]": "[必填]",
    "Example: ": "示例：",
}
FIRST_COLUMN = 28
"""Cells; what is wider gets a line of its own."""
NOT_FIRST = "，。：；、）！？》”"
"""No line begins with one of these."""


@cache
def texts() -> dict[str, str]:
    """Chinese help by the name of a command or of its option."""
    path = resources.files("sensors") / "locale" / "help.zh.json"
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


class _Formatter(click.HelpFormatter):
    """Chinese headings; a character may be two cells wide and needs no space to break after."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{WORDS.get(heading, heading)}：\n")

    def write_text(self, text: str) -> None:
        indent = " " * self.current_indent
        for number, paragraph in enumerate(_translated(text).split("\n\n")):
            if number:
                self.write_paragraph()
            for line in wrapped(paragraph, self.width - self.current_indent):
                self.write(f"{indent}{line}\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = FIRST_COLUMN, col_spacing: int = 2
    ) -> None:
        rows = list(rows)
        indent = " " * self.current_indent
        column = min(max(cells(term) for term, _ in rows), col_max) + col_spacing
        for term, text in rows:
            lines = wrapped(_translated(text), self.width - self.current_indent - column)
            room = " " * (column - cells(term))
            if cells(term) > col_max or not lines:
                self.write(f"{indent}{term}\n")
            else:
                self.write(f"{indent}{term}{room}{lines.pop(0)}\n")
            for line in lines:
                self.write(f"{indent}{' ' * column}{line}\n")


class _Context(click.Context):
    formatter_class = _Formatter


def in_chinese(command: click.Command, name: str) -> click.Command:
    """A copy of a command whose help, options and commands below it speak Chinese."""
    known = texts()
    command = copy(command)
    command.context_class = _Context
    command.help = known.get(name, command.help)
    command.params = [copy(parameter) for parameter in command.params]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            parameter.help = known.get(f"{name} {parameter.opts[-1]}", parameter.help)
    asked = command.get_help_option(click.Context(command, help_option_names=["-h", "--help"]))
    if asked is not None:
        asked.help = "显示本说明后退出。"
    if isinstance(command, click.Group):
        below = command.commands.items()
        command.commands = {word: in_chinese(one, f"{name} {word}") for word, one in below}
    return command


def cells(text: str) -> int:
    """Width of a text on a terminal."""
    return sum(1 + (unicodedata.east_asian_width(one) in "WF") for one in text)


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many cells.

    Examples
    --------
    >>> wrapped("先学习基线，再据此监测。", 12)
    ['先学习基', '线，再据此', '监测。']
    """
    lines = [""]
    for piece in _pieces(" ".join(text.split())):
        if cells(lines[-1]) + cells(piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece if lines[-1] else piece.lstrip()
    return [line.rstrip() for line in lines if line.strip()]


def _pieces(text: str) -> Iterator[str]:
    """What stays together: a word with the space after it, a Chinese character with its stops."""
    piece = ""
    for one in text:
        wide = unicodedata.east_asian_width(one) in "WF"
        alone = piece and unicodedata.east_asian_width(piece[-1]) in "WF"
        if piece and one not in NOT_FIRST and one != " " and (wide or alone or piece[-1] == " "):
            yield piece
            piece = ""
        piece += one
    yield piece


def _translated(text: str) -> str:
    for english, chinese in WORDS.items():
        text = text.replace(english, chinese)
    return text
