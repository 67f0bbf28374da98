"""The terminal's block: state in shape and word, log lines above it, nothing lost."""

import io

import pytest
from msgspec.structs import replace

from sensors.messages import BandWatch, Heartbeat, Note, SensorHealth
from sensors.status import SIGNS, StatusBlock, lines_of

BANDS = [BandWatch("a", 167e6, 175e6, 0.5, 1.0), BandWatch("b", 175e6, 223e6, 4.0, 0.52)]


def beat(state="go", notes=()):
    health = SensorHealth("s/hall", "hall", "rtl:1", state, list(notes), BANDS, emitters=2)
    return Heartbeat("s", "No. 3 School", 1, 1, [health], outbox_depth=5)


@pytest.mark.parametrize("state", SIGNS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_state_has_a_shape_and_a_word(state, lang):
    text = "\n".join(lines_of(beat(state), lang))
    assert SIGNS[state][0] in text
    assert f"state.{state}" not in text and "52.0" in text


def test_remarks_are_told_in_words():
    note = Note("health.no_samples", {"seconds": 4})
    assert any("no samples for 4 s" in line for line in lines_of(beat("silent", [note]), "en"))


def test_what_is_wrong_with_the_link_is_told_in_words():
    said = replace(beat(), link_notes=[Note("outbox.full", {"file": "outbox.db"})])
    assert any("outbox.db has reached its size limit" in line for line in lines_of(said, "en"))


def test_log_lines_stay_above_the_block():
    stream = io.StringIO()
    block = StatusBlock(stream, "en")
    block.write("first\n")
    block.show(beat())
    block.write("second\n")
    screen = play(stream.getvalue())
    assert screen[:2] == ["first", "second"]
    assert "No. 3 School" in screen[3]
    assert len(screen) == 2 + len(lines_of(beat(), "en"))


def play(text: str) -> list[str]:
    """What a terminal shows after cursor-up and erase-below."""
    lines = [""]
    row = 0
    rest = text
    while rest:
        if rest.startswith("\x1b[") and "F" in rest[:6]:
            count, rest = rest[2:].split("F", 1)
            row = max(0, row - int(count))
        elif rest.startswith("\x1b[J"):
            del lines[row:]
            lines.append("")
            rest = rest[3:]
        elif rest.startswith("\n"):
            row += 1
            lines.append("") if row == len(lines) else None
            rest = rest[1:]
        else:
            lines[row] += rest[0]
            rest = rest[1:]
    return lines[:-1]
