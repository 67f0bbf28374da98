"""The small modules: colours, proof of silence, band plan, and texts that are made of parts."""

from __future__ import annotations

import ast
import json
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dashboard.state import WORST_FIRST, beat, coverage
from sensors.messages import BandWatch, Heartbeat, SensorHealth

pytestmark = pytest.mark.browser

LANGS = ("en", "zh")


def words(repository: Path, lang: str) -> dict[str, str]:
    """What the page gets: texts of messages, and its own over them."""
    folders = ("sensors/locale", "dashboard/static/locale")
    texts: dict[str, str] = {}
    for folder in folders:
        texts |= json.loads((repository / folder / f"{lang}.json").read_text(encoding="utf-8"))
    return texts


def test_colours_grow_evenly_brighter(modules: Any) -> None:
    """A grey print and a colour-blind eye see the same order: luminance only ever rises."""
    colours = modules.evaluate(
        """async () => {
        const { WORDS, css } = await import("/static/colormap.js");
        const parts = (word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255];
        return [Array.from(WORDS, parts), css(-1), css(2)];
        }"""
    )
    luminance = [0.2126 * r + 0.7152 * g + 0.0722 * b for r, g, b in colours[0]]
    assert all(b >= a - 0.5 for a, b in zip(luminance, luminance[4:], strict=False))
    assert colours[0][0] == [0, 0, 4]
    assert colours[0][255] == [252, 255, 164]
    assert colours[1:] == ["rgb(0 0 4)", "rgb(252 255 164)"]


def test_colours_are_matplotlibs(modules: Any) -> None:
    """Reports and page must agree: the same dB has the same colour within 2 of 255."""
    import matplotlib

    rgb = modules.evaluate(
        """async () => Array.from((await import("/static/colormap.js")).WORDS,
        (word) => [word & 255, (word >> 8) & 255, (word >> 16) & 255])"""
    )
    table = matplotlib.colormaps["inferno"]
    away = [
        abs(255 * table(i)[channel] - rgb[i][channel]) for i in range(256) for channel in range(3)
    ]
    assert max(away) <= 2.5


BAND = {"start_hz": 167e6, "stop_hz": 175e6, "p_2s": 0.998}


def proof(modules: Any, sensors: list[tuple[str, list[dict[str, float]]]], alarms: Any) -> Any:
    rows = [
        {
            "site": {"site": "s", "started_ns": 1_000_000_000_000},
            "sensor": {"state": state, "bands": bands},
        }
        for state, bands in sensors
    ]
    return modules.evaluate(
        """async ([rows, alarms]) =>
        (await import("/static/proof.js")).proof(rows, alarms)""",
        [rows, alarms],
    )


def test_proof_counts_what_is_really_heard(modules: Any) -> None:
    other = {"start_hz": 403e6, "stop_hz": 423e6, "p_2s": 0.4}
    said = proof(modules, [("go", [BAND, other])], [])
    assert (said["watched"], said["total"], said["chance"]) == (1, 2, 0.998)
    assert said["since"] == 1_000_000


@pytest.mark.parametrize("state", ["silent", "blind", "survey"])
def test_a_deaf_sensor_proves_nothing(modules: Any, state: str) -> None:
    said = proof(modules, [(state, [BAND])], [])
    assert (said["watched"], said["total"], said["chance"]) == (0, 1, 0)


def test_the_better_sensor_of_a_band_counts(modules: Any) -> None:
    said = proof(modules, [("silent", [BAND]), ("go", [{**BAND, "p_2s": 0.95}])], [])
    assert (said["watched"], said["total"], said["chance"]) == (1, 1, 0.95)


def test_page_and_interface_mean_the_same_chance(modules: Any) -> None:
    """Any mixture of sensors and states: `coverage` and the page's proof find the same numbers."""
    rng = random.Random(7)
    for _ in range(25):
        names = rng.sample(range(5), rng.randrange(1, 5))
        health = [
            SensorHealth(
                f"s/{name}",
                "hall",
                "x",
                rng.choice(WORST_FIRST),
                bands=[
                    BandWatch(f"b{k}", 1e8 * k, 1e8 * k + 1e6, 0.5, rng.choice([0.5, 0.9, 0.95, 1]))
                    for k in rng.sample(range(1, 4), rng.randrange(1, 4))
                ],
            )
            for name in names
        ]
        said = Heartbeat("s", "S", 1, 1, health)
        bands = coverage(beat({}, said, 0)["s"], 0).bands
        good = [band.p_2s for band in bands if band.p_2s >= 0.9]
        rows = [(one.state, msgspec.to_builtins(one.bands)) for one in health]
        shown = proof(modules, rows, [])
        found = (shown["total"], shown["watched"], shown["chance"])
        assert found == (len(bands), len(good), min(good, default=0))


def test_quiet_begins_after_the_last_sighting_but_not_of_a_drill(modules: Any) -> None:
    heard = [
        {"last_seen_ns": 2_000_000_000_000, "drill": False},
        {"last_seen_ns": 9_000_000_000_000, "drill": True},
    ]
    assert proof(modules, [("go", [BAND])], heard)["since"] == 2_000_000


def test_recorded_rows_carry_their_second(modules: Any) -> None:
    """Base64 codes become rows of the same grid as live ones; empty seconds are left out."""
    rows = modules.evaluate(
        """async () => {
        const asked = [];
        globalThis.fetch = async (url) => {
          asked.push(String(url));
          const levels = btoa(String.fromCharCode(0, 0, 80, 0, 0, 90));
          return { ok: true, json: async () => ({ levels, offset_db: -140, step_db: 0.5 }) };
        };
        const { recall } = await import("/static/past.js");
        const piece = { start_hz: 100e6, stop_hz: 102e6, bins: 2 };
        const rows = await recall("s-1/a hall", [piece], 1003.7, 3);
        return [asked, rows.map((r) => [r.time_s, r.bin_width_hz, r.n_bins, Array.from(r.codes)])];
        }"""
    )
    assert rows[0][0].startswith("api/v1/spectrum/s-1/a%20hall?start_ns=1000000000000&stop_ns=1003")
    assert rows[1] == [[1001, 1e6, 2, [80, 0]], [1002, 1e6, 2, [0, 90]]]


def test_a_monitor_without_records_is_no_failure(modules: Any) -> None:
    rows = modules.evaluate(
        """async () => {
        globalThis.fetch = async () => ({ ok: false, status: 404 });
        const { recall } = await import("/static/past.js");
        return recall("s/a", [{ start_hz: 1e6, stop_hz: 2e6, bins: 4 }], 100, 10);
        }"""
    )
    assert rows == []


def test_strip_shows_gaps_as_gaps_and_forgets(modules: Any) -> None:
    series = modules.evaluate(
        """async () => {
        const { Peaks } = await import("/static/strip.js");
        const { decode } = await import("/static/levels.js");
        const peaks = new Peaks(4);
        const grid = { start_hz: 0, bin_width_hz: 1, n_bins: 3, offset_db: -140, step_db: 0.5 };
        const add = (time_s, ...codes) =>
          peaks.add(decode({ ...grid, time_s, codes: Uint8Array.from(codes) }));
        add(90.5, 80, 80, 200);
        add(100.1, 80, 80, 100);
        add(100.9, 80, 80, 90);
        add(101.5, 0, 0, 0);
        add(102.5, 80, 80, 80);
        const seen = [peaks.series(102.9), peaks.bySecond.size];
        peaks.recall(98, [3, null, 4]);
        const day = new Peaks(360, 120);
        for (const time_s of [1000.5, 1201, 1430, 1510])
            day.add(decode({ ...grid, time_s, codes: Uint8Array.of(80, 80, 80 + time_s / 100) }));
        day.recall(1080, [7, null, 30, 1]);
        return [...seen, peaks.series(102.9)[1], day.series(1511), day.bySecond.size];
        }"""
    )
    assert series == [
        [[98, 99, 100, 101, 102], [None, None, 10, None, 0]],
        2,
        [3, None, 10, None, 0],
        [[1080, 1200, 1320, 1440], [7, 6, 30, 7.5]],
        4,
    ]


def test_of_alarms_that_are_over_a_page_holds_the_latest(modules: Any) -> None:
    left = modules.evaluate(
        """async () => {
        const { withoutOldest } = await import("/static/state.js");
        const alarm = (id, state, last_seen_ns) => [id, { id, state, last_seen_ns }];
        const held = new Map([alarm("a", "new", 1), alarm("b", "closed", 2),
          alarm("c", "dismissed", 5), alarm("d", "closed", 4), alarm("e", "acknowledged", 0)]);
        return [[...withoutOldest(new Map(held), 2).keys()], withoutOldest(held, 3).size];
        }"""
    )
    assert left == [["a", "c", "d", "e"], 5]


def test_a_number_stays_with_its_alarm(modules: Any) -> None:
    """A second and more suspicious alarm comes first in the list, and is still number 2."""
    numbers = modules.evaluate(
        """async () => {
        const state = await import("/static/state.js");
        const alarm = (id, suspicion, name = "new") =>
          [id, { id, suspicion, state: name, first_seen_ns: 1 }];
        const tell = (...alarms) => {
          state.alarms.value = new Map(alarms);
          return Object.fromEntries(state.numbers.value);
        };
        return [
          tell(alarm("a", 50)), tell(alarm("a", 50), alarm("b", 90)),
          tell(alarm("a", 50, "closed"), alarm("b", 90)), tell(alarm("b", 90), alarm("c", 10)),
          tell(), tell(alarm("d", 1)),
        ];
        }"""
    )
    assert numbers == [{"a": 1}, {"a": 1, "b": 2}, {"b": 2}, {"b": 2, "c": 3}, {}, {"d": 1}]


def test_every_guard_band_has_a_name(repository: Path) -> None:
    presets = re.findall(r"(?m)^\[([\w-]+)\]", (repository / "sensors/presets.toml").read_text())
    assert len(presets) > 10
    for lang in LANGS:
        texts = words(repository, lang)
        assert [name for name in presets if f"band.{name}" not in texts] == []


def literals(repository: Path, module: str, name: str) -> set[str]:
    """Strings of a ``Literal`` of ours."""
    tree = ast.parse((repository / module).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
            constants = [leaf for leaf in ast.walk(node.value) if isinstance(leaf, ast.Constant)]
            return {str(leaf.value) for leaf in constants if leaf.value}
    raise AssertionError(f"{module} has no {name}")


@pytest.mark.parametrize("lang", LANGS)
def test_texts_made_of_parts(repository: Path, lang: str) -> None:
    """``t(`state.${name}`)`` cannot be found by a search: each possible name must be there."""
    texts = words(repository, lang)
    wanted = {f"state.{name}" for name in literals(repository, "sensors/messages.py", "State")}
    wanted |= {
        f"alarm.state.{name}" for name in literals(repository, "dashboard/alarms.py", "AlarmState")
    }
    static = repository / "dashboard" / "static"
    offered = re.search(r"DISMISS_REASONS = (\[.*?\])", (static / "alarms.js").read_text("utf-8"))
    assert offered is not None
    codes = set(json.loads(offered[1]))
    assert codes <= literals(repository, "dashboard/actions.py", "ReasonCode")
    wanted |= {f"dismiss.{code}" for code in codes}
    wanted |= {f"trace.{name}" for name in ("live", "hold", "baseline", "threshold")}
    wanted |= {f"link.{name}" for name in ("live", "lost", "connecting")}
    pages = re.search(r"PAGES = \{(.*?)\n\};", (static / "views.js").read_text("utf-8"), re.DOTALL)
    assert pages is not None
    wanted |= {f"tab.{name}" for name in ("watch", *re.findall(r"(?m)^  (\w+): \{", pages[1]))}
    wanted |= {f"phase.{name}" for name in literals(repository, "dashboard/phases.py", "Phase")}
    assert sorted(wanted - texts.keys()) == []


def test_no_text_of_the_page_is_left_over(repository: Path) -> None:
    static = repository / "dashboard" / "static"
    code = "\n".join(path.read_text(encoding="utf-8") for path in static.glob("*.js"))
    # An id that is made of parts is written as `prefix.${name}`.
    made = ("sentence.", *re.findall(r"`([a-z_]+(?:\.[a-z_]+)*\.)\$\{", code))
    assert {"state.", "tab."} <= set(made), "the search no longer finds them"
    own = json.loads((static / "locale" / "en.json").read_text(encoding="utf-8"))
    unused = [key for key in own if not key.startswith(made) and f'"{key}"' not in code]
    assert unused == []


def test_ids_and_fields_of_a_site_are_only_ever_text(modules: Any) -> None:
    """An id that JavaScript itself knows stopped the page; U+202E turned our own words around."""
    said = modules.evaluate(
        """async () => {
        const { speak, t, knows } = await import("/static/i18n.js");
        await speak("en");
        const strange = ["__proto__", "constructor", "toString", "no.such"];
        return [strange.map((id) => t(id, { a: 1 })), strange.map(knows),
          t("health.no_samples", { seconds: "\\u202e4" }), t("\\u202ex", { b: "\\u2066y" })];
        }"""
    )
    strange = ["__proto__", "constructor", "toString", "no.such"]
    assert said[0] == [f"{name} · a 1" for name in strange]
    assert said[1] == [False] * 4
    assert not set("\u202e\u2066") & set(said[2] + said[3])
