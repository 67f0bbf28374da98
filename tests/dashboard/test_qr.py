"""The QR code in a terminal: module by module what was meant, or nothing where it cannot be."""

from __future__ import annotations

import io

import segno

from dashboard.keyring import Keyring
from dashboard.qr import BORDER, draw, qr_picture
from sensors.enrol import read_token

UPPER, LOWER = "▀█", "▄█"  # light is drawn


class Terminal(io.StringIO):
    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


def test_what_is_drawn_is_the_code_with_its_border(tmp_path) -> None:
    ring = Keyring(tmp_path)
    token = ring.token("school-3", "tcp://monitor.example.org:8471", "test").text()
    ring.close()
    code = segno.make(token, error="l", micro=False)
    assert code.mode == "alphanumeric"  # letters and digits in groups: the smallest code
    modules = []
    for line in draw(code).split("\n"):
        modules.append([char not in UPPER for char in line])
        modules.append([char not in LOWER for char in line])
    size = len(code.matrix) + 2 * BORDER
    inner = [row[BORDER:-BORDER] for row in modules[BORDER : size - BORDER]]
    assert inner == [[bool(module) for module in row] for row in code.matrix]
    assert not any(any(row) for row in (*modules[:BORDER], *modules[size - BORDER : size]))
    assert max(len(line) for line in draw(code).split("\n")) <= 80
    assert read_token(token).site == "school-3"


def test_only_a_terminal_that_can_show_it_gets_it() -> None:
    assert qr_picture("ABC", Terminal("utf-8")) == draw(segno.make("ABC", error="l", micro=False))
    assert qr_picture("ABC", Terminal("ascii")) == ""
    assert qr_picture("ABC", Terminal("latin-1")) == ""
    assert qr_picture("ABC", io.StringIO()) == ""
