"""Board, exams, fleet, history and replay: the real monitor, real sensors in a simulated hall."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.browser.demos import api
from tests.browser.test_page import READABLE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.system]

SENSOR = "school-3/hall"
HISTORY = "#/history/school-3%2Fhall"


@pytest.fixture(scope="module")
def signed_in(browser: Any, demo: dict[str, str]) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1600, "height": 1000}, locale="en-GB")
    page = context.new_page()
    page.goto(demo["page"])
    page.close()
    yield context
    context.close()


@pytest.fixture
def watched(signed_in: Any, demo: dict[str, str]) -> Iterator[Watched]:
    """The board with all sensors on it; at the end nothing may have been complained about."""
    watched = Watched(signed_in)
    watched.page.goto(demo["url"] + "?lang=en&theme=dark#/board")
    watched.page.wait_for_selector(".row >> nth=2")
    yield watched
    watched.page.evaluate("localStorage.clear()")
    watched.page.close()
    assert watched.complaints == []


@pytest.fixture
def page(watched: Watched) -> Any:
    return watched.page


def go(page: Any, address: str) -> None:
    page.evaluate("address => (location.hash = address)", address)


def test_from_the_board_to_a_sensors_spectrum_by_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    for _ in range(3):
        page.locator("#view .row").first.press("ArrowDown")
    page.locator(".row", has_text="gate").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#scope .pane")
    page.wait_for_function("() => document.querySelector('.where').innerText.endsWith('gate')")


def fill_exam(page: Any, name: str, begins: datetime, ends: datetime) -> None:
    page.get_by_role("button", name="Add an exam").click()
    page.fill("input[name=name]", name)
    page.fill("input[name=date]", f"{begins:%Y-%m-%d}")
    page.fill("input[name=start]", f"{begins:%H:%M}")
    page.fill("input[name=stop]", f"{ends:%H:%M}")
    page.get_by_role("button", name="Save").click()


def test_an_exam_is_added_counts_down_and_is_taken_out(
    watched: Watched, demo: dict[str, str]
) -> None:
    page = watched.page
    go(page, "#/sessions")
    begins = datetime.now() - timedelta(minutes=5)
    ends = begins + timedelta(minutes=100)
    if ends.date() != begins.date():
        pytest.skip("an exam does not last over midnight")
    fill_exam(page, "Paper 2", begins, ends)
    card = page.locator(".exam-card", has_text="Paper 2")
    card.wait_for()
    assert card.locator(".phase").inner_text() == "OPEN"
    assert card.locator(".phases-bar span").count() == 4
    page.wait_for_function(
        "() => /OPEN\\s+Paper 2, 01:3\\d left/.test(document.querySelector('.exam')?.innerText)"
    )
    (kept,) = api(demo, "api/v1/sessions")
    assert (kept["stop_ns"] - kept["start_ns"]) / 1e9 == 6000
    fill_exam(page, "Paper 3", begins, ends)
    page.locator(".page-head .failure").wait_for()
    assert "Paper 2" in page.locator(".page-head .failure").inner_text()
    (refusal,) = watched.complaints
    assert "409" in refusal
    watched.complaints.clear()
    card.get_by_role("button", name="Remove").click()
    assert api(demo, "api/v1/sessions")[0]["ended_ns"] == 0, "one click is not enough"
    card.get_by_role("button", name="Remove").click()
    page.wait_for_selector(".exam-card.removed")
    assert api(demo, "api/v1/sessions")[0]["ended_ns"] > 0


def test_baselines_in_use_are_listed(page: Any, demo: dict[str, str]) -> None:
    go(page, "#/sessions")
    page.wait_for_selector("#view .list tbody tr >> nth=2")
    told = page.locator("#view .list").inner_text()
    for card in api(demo, "api/v1/baselines"):
        assert (card["baseline"] or "none:") in told


def test_events_beyond_the_fifty_in_memory_and_their_filters(
    page: Any, demo: dict[str, str]
) -> None:
    go(page, "#/fleet/all/all/0")
    page.wait_for_selector(".events tbody tr")
    info = len(api(demo, "api/v1/notices?level=info&limit=100"))
    page.get_by_role("button", name="Note", exact=True).click()
    page.wait_for_function(f"() => document.querySelectorAll('.events tbody tr').length >= {info}")
    assert page.locator(".events tbody tr:not(.info)").count() == 0
    assert "/fleet/all/info/0" in page.url
    assert "0.1" in page.locator(".fleet").inner_text()


@pytest.mark.parametrize(
    ("width", "height", "lang", "theme"),
    [(1280, 800, "zh", "light"), (1920, 1080, "en", "dark"), (390, 844, "zh", "dark")],
)
def test_every_page_is_readable(
    signed_in: Any, demo: dict[str, str], width: int, height: int, lang: str, theme: str
) -> None:
    """Nothing sticks out, no text below 14 px, contrast of at least 7:1 on everything shown."""
    watched = Watched(signed_in)
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{demo['url']}?lang={lang}&theme={theme}#/board")
    page.wait_for_selector("#view .row")
    for address in (
        "#/board",
        "#/sessions",
        "#/fleet/all/all/0",
        f"{HISTORY}/now/600",
        "#/plan/school-3",
    ):
        go(page, address)
        page.wait_for_selector("#view h1")
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        assert page.evaluate(READABLE) == [], address
        ids = re.findall(r"\b[a-z]+(?:\.[a-z_]+)+ ·|\{\w+\}", page.locator("#view").inner_text())
        assert ids == [], address
    page.close()
    assert watched.complaints == []


def test_history_shows_what_was_recorded_and_reads_it(page: Any) -> None:
    go(page, f"{HISTORY}/now/60")
    page.wait_for_selector(".lane .times span")
    glows = """() => {
        const canvas = document.querySelector("canvas.field");
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        let most = 0;
        for (let i = 0; i < data.length; i += 4) most = Math.max(most, data[i]);
        return most > 200; }"""
    page.wait_for_function(glows)
    box = page.locator(".field").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 4)
    page.wait_for_function(
        "() => /\\d dBFS/.test(document.querySelector('.archive-read').innerText)"
    )
    text = page.locator(".archive-read").inner_text()
    assert re.search(r"16\d\.\d{4}\sMHz", text)
    assert re.search(r"[+−]\d+\.\d dB over baseline", text)
    page.mouse.move(1, 1)
    page.wait_for_function(
        "() => /over baseline [0-9a-f]{8}, since \\d.* not signed for an exam/"
        ".test(document.querySelector('.archive-read').innerText)"
    )


def test_history_zooms_goes_back_and_is_shared_by_its_address(page: Any) -> None:
    go(page, f"{HISTORY}/now/600")
    page.wait_for_selector(".lane .times span")
    box = page.locator(".field").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 140, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "() => /Z\\/\\d+\\/16\\d\\.\\d+-1\\d\\d\\.\\d+\\/excess/.test(location.hash)"
    )
    span_s = int(re.search(r"Z/(\d+)/", page.url)[1])
    assert span_s == pytest.approx(600 * 100 / box["height"], rel=0.1)
    shared = page.url
    page.keyboard.press("e")
    page.wait_for_function("() => location.hash.includes('/raw/')")
    page.mouse.dblclick(box["x"] + 160, box["y"] + 140)
    page.wait_for_function("() => location.hash.includes('/now/600/all/')")
    page.goto("about:blank")
    page.goto(shared)
    page.wait_for_selector(".lane .times span")
    assert page.url == shared


def test_from_an_alarm_to_its_minute(page: Any) -> None:
    go(page, f"{HISTORY}/now/600")
    tick = page.locator(".ticks-of-alarms button").first
    tick.click(timeout=60_000)
    page.wait_for_function("() => /Z\\/60\\/\\d+\\.\\d{4}-\\d+\\.\\d{4}\\//.test(location.hash)")
    page.wait_for_selector(".overlay .frame")


def test_the_board_tells_of_every_sensor_in_every_size(page: Any) -> None:
    page.wait_for_function(
        "() => /P\\(2 s\\) [\\d.]+\\s%/.test(document.querySelector('.rows').innerText)"
    )
    tile = page.locator(".tile").inner_text()
    assert "No. 3 Middle School" in tile
    for word in ("fence", "gate", "hall", "clock", "round trip", "drill", "lost samples"):
        assert word in tile, word
    page.get_by_role("button", name="Medium", exact=True).click()
    assert page.locator(".medium .chip").count() == 3
    for size in ("Small", "Tiny"):  # what is not well is told in full at any size
        page.get_by_role("button", name=size, exact=True).click()
        assert page.locator("#view .tile").count() == 1
    page.get_by_role("button", name="Auto", exact=True).click()
    page.keyboard.press("/")
    page.keyboard.type("no such school")
    assert page.locator(".tile").count() == 0
    page.fill(".board-head input", "hall")
    assert page.locator(".tile").count() == 1


def test_a_replay_runs_is_marked_and_tells_what_came(page: Any, demo: dict[str, str]) -> None:
    alarm = min(api(demo, "api/v1/alarms"), key=lambda card: card["opened_ns"])
    stamp = datetime.fromtimestamp(alarm["opened_ns"] // 10**9 + 2).astimezone()
    utc = f"{stamp.astimezone(tz=None) - stamp.utcoffset():%Y%m%dT%H%M%SZ}"
    go(page, f"#/replay/school-3%2Fhall/{utc}-20/5")
    page.wait_for_selector(".stamp b")
    assert "REPLAY" in page.locator(".stamp").inner_text()
    first = page.locator(".stamp").inner_text()
    page.wait_for_function(
        "first => document.querySelector('.stamp').innerText !== first", arg=first
    )
    page.wait_for_selector(".feed li.alarm")
    assert f"{alarm['center_freq_hz'] / 1e6:.4f}"[:7] in page.locator(".feed").inner_text()
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#view')).borderTopWidth") == "8px"
    )
    assert page.locator("#alarms .card").count() > 0, "the rail goes on being live"
    go(page, "#/board")
    page.wait_for_selector(".tile")
    assert (
        page.evaluate("getComputedStyle(document.querySelector('#view')).borderTopWidth") == "0px"
    )
