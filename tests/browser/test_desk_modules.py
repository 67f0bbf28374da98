"""The desk's own modules: what the pictures and the beat of an alarm are made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

ANSWERS = """(answers) => {
  globalThis.fetch = async (path) => {
    const found = Object.entries(answers).find(([part]) => String(path).includes(part));
    return { ok: found !== undefined, json: async () => found?.[1] ?? { text: "no" } };
  };
}"""
CUTOUT = """async () => {
  const { cutoutOf } = await import("/static/alarm_cutout.js");
  const { value, failure } = await cutoutOf("alarms/a", "clip");
  if (failure) return failure;
  const { floors, traces, bursts } = value;
  return { floor: Array.from(floors.rows[0]), traces, bursts };
}"""


def cutout(rows: list[list[int]], bursts: list[tuple[int, int]]) -> dict[str, Any]:
    """A recording of one second a row, 10 columns of 10 kHz, the emission in columns 4 and 5."""
    import base64

    codes = bytes(code for row in rows for code in row)
    return {
        **{"sensor": "s", "start_ns": 0, "stop_ns": len(rows) * 10**9, "width": 10},
        **{"start_hz": 0, "stop_hz": 100e3, "height": len(rows), "offset_db": -140, "step_db": 0.5},
        **{"low_hz": 40e3, "high_hz": 60e3, "levels": base64.b64encode(codes).decode()},
        "bursts": [[first * 10**9, last * 10**9] for first, last in bursts],
        "before": base64.b64encode(bytes(10)).decode(),
        "during": base64.b64encode(bytes([100] * 10)).decode(),
    }


QUIET = [60, 60, 60, 60, 62, 62, 60, 60, 60, 60]
LOUD = [60, 60, 60, 80, 150, 150, 80, 60, 60, 60]
UNSEEN = [0] * 10


def test_the_floor_is_what_is_there_while_the_emitter_is_silent(modules: Any) -> None:
    made = cutout([QUIET, QUIET, UNSEEN, LOUD, LOUD, LOUD, LOUD], [(3, 7)])
    modules.evaluate(ANSWERS, {"waterfall": made})
    found = modules.evaluate(CUTOUT)
    assert found["floor"] == QUIET
    assert found["bursts"] == [[3, 7]]
    # No mean from before: that trace is left out instead of drawn at nothing.
    assert [trace["id"] for trace in found["traces"]] == ["during"]
    assert found["traces"][0]["levels"] == [-90.0] * 10


def test_an_emitter_that_never_pauses_is_compared_with_its_neighbourhood(modules: Any) -> None:
    modules.evaluate(ANSWERS, {"waterfall": cutout([LOUD] * 5, [(0, 5)])})
    assert modules.evaluate(CUTOUT)["floor"] == [60] * 10


def test_a_refusal_is_told_in_words(modules: Any) -> None:
    modules.evaluate(ANSWERS, {})
    assert modules.evaluate(CUTOUT) == "no"


RHYTHM = """async ([known, now_s, words]) => {
  const { rhythm } = await import("/static/alarm_rhythm.js");
  const { render } = await import("/static/vendor/lit-html.js");
  const state = await import("/static/state.js");
  const { speak } = await import("/static/i18n.js");
  globalThis.fetch = async () => ({ json: async () => words });
  await speak("en");
  state.now.value = now_s * 1000;
  const dossier = { sightings: { value: known }, alarm: { value: { on_air: false } } };
  render(rhythm(dossier, 800), document.body);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const x = (selector) => all(selector).map((e) => +e.getAttribute("x1"));
  return {
    rects: all("rect").map((e) => [e.x.baseVal.value, e.width.baseVal.value]),
    beats: x(".beat"), next: x(".next"), now: x(".now"),
    words: document.querySelector(".rhythm-words")?.textContent ?? document.body.textContent,
  };
}"""


@pytest.fixture
def words(repository: Path) -> dict[str, str]:
    path = repository / "dashboard" / "static" / "locale" / "en.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_beat_goes_on_after_the_last_sighting(modules: Any, words: dict[str, str]) -> None:
    """Bursts of 3 s every 12 s; the last one was missed, and the next is still ahead."""
    begin_s = 1_800_000_000
    sightings = [
        {"sensor": "a", "start_ns": (begin_s + 12 * k) * 10**9, "count": 1,
         "stop_ns": (begin_s + 12 * k + 3) * 10**9}
        for k in range(5)
    ]  # fmt: skip
    beat = {"period_s": 12, "spread_s": 0.1, "next_ns": (begin_s + 60) * 10**9}
    known = {"sightings": sightings, "beat": beat, "since_ns": 0}
    found = modules.evaluate(RHYTHM, [known, begin_s + 65, words])
    (first, width), (second, _) = found["rects"][:2]
    pixels = (second - first) / 12
    assert width == pytest.approx(3 * pixels, abs=0.1)
    assert (found["next"][0] - first) / pixels == pytest.approx(72, abs=0.1)
    assert (found["now"][0] - first) / pixels == pytest.approx(65, abs=0.1)
    assert "7.0\u00a0s" in found["words"]
    assert "Heard 5 times" in found["words"]


def test_without_a_beat_nothing_is_expected(modules: Any, words: dict[str, str]) -> None:
    one = {"sensor": "a", "start_ns": 10**18, "stop_ns": 10**18 + 10**9, "count": 1}
    known = {"sightings": [one], "beat": None, "since_ns": 0}
    found = modules.evaluate(RHYTHM, [known, 10**9 + 5, words])
    assert found["next"] == found["beats"] == []
    assert "no regular beat" in found["words"]


def test_the_editor_begins_with_what_the_site_says_that_it_runs(modules: Any) -> None:
    """It began with the last text pushed, also where the site had taken that back."""
    found = modules.evaluate(
        """async () => {
        const { running } = await import("/static/orders_configuration.js");
        const one = (version, id) => ({ version, outcome: id && { id: `config.${id}` } });
        const [tried, back] = [one(4, null), one(3, "taken_back")];
        const [old, oldest] = [one(2, "adopted"), one(1, "adopted")];
        const pushed = [[tried, back, old, oldest], [back], []];
        return pushed.map((each) => running(each)?.version ?? 0);
        }"""
    )
    assert found == [2, 0, 0]
