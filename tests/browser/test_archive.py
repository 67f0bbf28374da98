"""The arithmetic of the history page: its address, the usual level, phases, round times."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

pytestmark = pytest.mark.browser

PICTURE = """(rows) => ({ width: rows[0].length, height: rows.length, offset_db: -140, step_db: 0.5,
    pieces: [{ x0: 0, x1: rows[0].length }], codes: Uint8Array.from(rows.flat()) })"""


def test_an_address_says_what_is_shown(modules: Any) -> None:
    there, back, fresh, odd = modules.evaluate(
        """async () => {
        const { windowOf, wordsOf } = await import("/static/archive_window.js");
        const view = { sensor: "s/a b", end_s: 1795509660, span_s: 90, low_hz: 169e6,
          high_hz: 170.25e6, excess: false, value: "mean" };
        return [wordsOf(view), windowOf(wordsOf(view)), windowOf([]),
          windowOf(["s", "2026-11-24", "-5", "9-1", "x", "<img>"])];
        }"""
    )
    assert there == ["s/a b", "20261124T084100Z", "90", "169.0000-170.2500", "raw", "mean"]
    assert back["end_s"] == 1795509660
    assert (back["low_hz"], back["high_hz"]) == (169e6, 170.25e6)
    assert (fresh["sensor"], fresh["end_s"], fresh["span_s"]) == (None, None, 3600)
    assert {**odd, "sensor": None} == fresh, "what cannot be read is as on a fresh page"


def test_the_minute_of_an_alarm_is_wide_enough_and_holds_its_beginning(modules: Any) -> None:
    view = modules.evaluate(
        """async () => (await import("/static/archive_window.js")).minuteOf({
        sensors: ["s/a", "s/b"], first_seen_ns: 1795509660e9,
        center_freq_hz: 169.5e6, bandwidth_hz: 12e3 })"""
    )
    assert view["sensor"] == "s/a"
    assert view["end_s"] - view["span_s"] < 1795509660 < view["end_s"]
    assert view["high_hz"] - view["low_hz"] == pytest.approx(120e3)


def test_up_to_now_goes_on_with_the_clock(modules: Any) -> None:
    views = modules.evaluate(
        """async () => {
        const { inTime, PLAIN } = await import("/static/archive_window.js");
        return [[900, 1001], [800, 900], [500, 501]].map(([a, b]) => inTime(PLAIN, a, b, 1000));
        }"""
    )
    assert [(one["end_s"], one["span_s"]) for one in views] == [
        (None, 101),
        (900, 100),
        (505.5, 10),
    ]


def test_what_is_new_glows_and_the_lift_of_long_pixels_is_taken_off(modules: Any) -> None:
    """A carrier that is always there is usual; a burst is not; +4 on every column is a lift."""
    usual, floor, excess = modules.evaluate(
        f"""async () => {{
        const {{ usualOf, floorOf, cell }} = await import("/static/archive_picture.js");
        const {{ sameFloor }} = await import("/static/archive_reference.js");
        const picture = {PICTURE};
        const day = picture([[80, 120, 0], [82, 121, 0], [80, 120, 0], [140, 119, 0]]);
        const long = picture([[84, 123, 90], [84, 163, 0]]);
        const usual = usualOf(day), floor = floorOf(long, usual);
        const excess = [0, 1, 2].map((x) => cell(long, sameFloor(floor, 2), x, 1)?.excess ?? null);
        return [[...usual], [...floor], excess];
        }}"""
    )
    assert usual == [80, 119, 0]
    assert floor == [84, 123, 90]
    assert excess == [0, 20, None]


def test_each_row_is_over_the_baseline_of_its_time_else_over_the_usual(modules: Any) -> None:
    """Rows of a second: two without, three under one baseline, one unseen, two under another."""
    rows, based, over, bounded = modules.evaluate(
        f"""async () => {{
        const {{ floorsOf, overWhat }} = await import("/static/archive_reference.js");
        const picture = ({PICTURE})([[80, 80, 80], [80, 80, 80], [84, 84, 184], [84, 84, 184],
          [84, 84, 84], [0, 0, 0], [90, 90, 90], [90, 90, 90]]);
        Object.assign(picture, {{ start_s: 0, stop_s: 8 }});
        const one = (start_s, stop_s, levels) => ({{ start_s, stop_s, levels }});
        const known = [one(2, 5, [80, 80, 80]), one(6, 8, [88, 0, 88])];
        const usual = new Float32Array([70, 71, 72]);
        const floors = floorsOf(picture, usual, known);
        const loud = {{ ...picture, codes: picture.codes.map((code) => code && code + 60) }};
        return [floors.rows.map((row) => [...row]), floors.based, [overWhat(floors),
          overWhat({{ based: [null, true] }}), overWhat({{ based: [null, false] }})],
          [...floorsOf(loud, usual, known).rows[2]]];
        }}"""
    )
    assert rows[:2] == [[70, 71, 72]] * 2
    assert rows[2:5] == [[84, 84, 84]] * 3, "with the lift of these rows, which the burst is not"
    assert rows[6:] == [[90, 71, 90]] * 2, "the usual where this baseline says nothing"
    assert based == [False, False, True, True, True, None, True, True]
    assert over == ["both", "baseline", "usual"]
    assert bounded == [100, 100, 100], "a whole band 32 dB up is no lift"


def test_unseen_is_hatched_and_gaps_between_bands_are_not(modules: Any) -> None:
    words = modules.evaluate(
        f"""async () => {{
        const {{ colourRow }} = await import("/static/archive_picture.js");
        const picture = ({PICTURE})([[0, 0, 0, 80, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 80]]);
        picture.pieces = [{{ x0: 0, x1: 14 }}];
        const words = new Uint32Array(16);
        const floors = {{ rows: [new Float32Array(16).fill(80)] }};
        colourRow(words, picture, floors, [-3, 30], true, 0, 0);
        return [...words].map((word) => (word >>> 0).toString(16));
        }}"""
    )
    hatch = words[:3] + words[5:14]
    assert set(hatch) == {"ff332c27", "ff25201c"}
    assert words[0] == words[1] == words[2] != words[5]
    assert words[4] == "ffa4fffc", "far above the usual is the brightest colour"
    assert words[14] == words[15] == "ff130e0b"


def test_phases_are_those_of_the_monitor(modules: Any) -> None:
    from dashboard.phases import SECOND, Session

    exam = Session(
        "x", 10_000 * SECOND, 20_000 * SECOND, "*", 3600, 600, 900, id=1, author="li", created_ns=0
    )
    said = modules.evaluate(
        "async (exam) => (await import('/static/archive_marks.js')).phasesOf(exam)",
        {
            name: getattr(exam, name)
            for name in ("start_ns", "stop_ns", "drill_s", "armed_s", "closing_s")
        },
    )
    wanted = [(name, end_ns / SECOND) for name, end_ns in exam.until() if name != "survey"]
    assert [(one["phase"], one["stop_s"]) for one in said] == wanted
    assert all(a["stop_s"] == b["start_s"] for a, b in itertools.pairwise(said))


def test_what_most_names_end_with_tells_no_site_apart(modules: Any) -> None:
    endings = modules.evaluate(
        """async () => {
        const { commonEnding } = await import("/static/board_tiles.js");
        return [["A No. 1 Middle School", "B No. 12 Middle School", "Lab"],
          ["第三中学", "第十一中学"], ["Hall", "Gate"], ["One"]].map(commonEnding);
        }"""
    )
    assert endings == [" Middle School", "中学", "", ""]


def test_times_are_round_and_apart(modules: Any) -> None:
    ticks = modules.evaluate(
        """async () => {
        const { timeTicks } = await import("/static/archive_time.js");
        const s = 1795500000;
        return [60, 3600, 86400, 1209600].map((span) => timeTicks(s, s + span, 700, 44));
        }"""
    )
    for span_s, marks in zip((60, 3600, 86_400, 1_209_600), ticks, strict=True):
        steps = {b["s"] - a["s"] for a, b in itertools.pairwise(marks)}
        (step,) = steps
        assert step / span_s * 700 >= 44
        assert 4 <= len(marks) <= 16


def test_a_replay_knows_the_state_at_each_moment(modules: Any) -> None:
    states = modules.evaluate(
        """async () => {
        const { statesAt } = await import("/static/replay_feed.js");
        const alarm = { id: "a" };
        const entries = [{ time_s: 10, kind: "alarm", alarm }, { time_s: 12, kind: "notice" },
          { time_s: 20, kind: "action", alarm, action: { state_after: "acknowledged" } }];
        return [9, 10, 19, 25].map((t) => statesAt(entries, t).get("a") ?? null);
        }"""
    )
    assert states == [None, "new", "new", "acknowledged"]


def test_lines_of_a_replay_come_in_order_and_never_early(modules: Any) -> None:
    """Row k of the monitor is level k: at a time is shown what was received by then."""
    shown = modules.evaluate(
        """async () => {
        globalThis.fetch = async (url) => {
          const asked = new URL(url, location).searchParams;
          const first = Number(asked.get("start_ns")) / 1e9;
          const length = Number(asked.get("height"));
          const rows = Array.from({ length }, (_, y) => ((first + y) % 200) + 1);
          const levels = btoa(String.fromCharCode(...rows));
          return { ok: true, json: async () => ({ levels, offset_db: -140, step_db: 0.5 }) };
        };
        const { Reel } = await import("/static/replay_reel.js");
        let told;
        const came = new Promise((done) => (told = done));
        let open = 3;
        const reel = new Reel(() => --open || told());
        const pieces = [{ x0: 0, x1: 1, start_hz: 1, stop_hz: 2 }];
        reel.show({ sensor: "s", pieces, width: 1, slot_s: 1, value: "max" });
        const before = [reel.ready(1030.7, 10), [...reel.compose(1030.7, 10).codes]];
        reel.ready(1030.7, 10);
        await came;
        const { codes, start_s, stop_s } = reel.compose(1030.7, 10);
        return [before, [...codes], start_s, stop_s, reel.ready(1030.7, 10)];
        }"""
    )
    assert shown[0] == [False, [0] * 10]
    assert shown[1] == [s % 200 + 1 for s in range(1020, 1030)]
    assert shown[2:] == [1020, 1030, True]


def test_the_size_of_tiles_follows_their_number(modules: Any) -> None:
    sizes = modules.evaluate(
        """async () => {
        const { sizeFor, groups } = await import("/static/board.js");
        const site = (site) => ({ site, state: "go" });
        const row = (id, state) => ({ site: id, sensor: { state } });
        const [a, b, c] = ["c/2", "c/10", "c/1"].map(site);
        const order = groups([row(b, "blind"), row(c, "go"), row(a, "go"), row(a, "go")]);
        return [[sizeFor(1, 3), sizeFor(30, 80), sizeFor(100, 300), sizeFor(300, 900)],
          order.map((group) => [group.site.site, group.worst, group.sensors.length])];
        }"""
    )
    assert sizes[0] == ["large", "medium", "small", "tiny"]
    assert sizes[1] == [["c/10", "blind", 1], ["c/1", "go", 1], ["c/2", "go", 2]]


def test_portions_of_events_join_without_a_gap(modules: Any) -> None:
    """Bands of one drill begin in the same moment: the next portion begins with that moment."""
    joined, after = modules.evaluate(
        """async () => {
        const { joined, justAfter } = await import("/static/fleet.js");
        const of = (k, start_ns) => ({ site: "a", note: { id: "x", args: { k } }, start_ns });
        const first = [of(3, 2e18), of(2, 1e18)], more = [of(2, 1e18), of(1, 1e18), of(0, 5e17)];
        return [joined(first, more).map(({ note }) => note.args.k), justAfter(1795509660123456789)];
        }"""
    )
    assert joined == [3, 2, 1, 0]
    assert int(after) > 1795509660123456789
