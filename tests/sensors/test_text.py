"""Words for people, also where ids and fields come from somebody who means no good."""

from __future__ import annotations

import pytest

from sensors.text import plain, say


def test_a_field_is_put_into_its_text() -> None:
    assert say("health.no_samples", "en", seconds=4) == "no samples for 4 s"


@pytest.mark.parametrize("fields", [{}, {"lang": "x", "message_id": "y"}, {"other": 1}])
def test_a_text_that_cannot_be_filled_in_shows_what_there_is(fields: dict[str, object]) -> None:
    told = say("health.no_samples", "en", **fields)
    assert told.startswith("health.no_samples")
    assert all(f"{name}={value}" in told for name, value in fields.items())


def test_fields_write_no_lines_and_move_no_cursor() -> None:
    why = "x\n169.5 MHz: all clear\x1b[2J\u202e\x9b"
    told = say("link.says", "zh", text=why)
    assert told.count("\n") == 0 and "\x1b" not in told and "\u202e" not in told
    assert "\x1b" not in say("no.such\x1b[2J", "en", a="\x1b")


@pytest.mark.parametrize("text", ["plain", "第一中学　考场", "ÄÖ 😀", ""])
def test_what_is_harmless_stays(text: str) -> None:
    assert plain(text) == text
