"""The page as a duty officer has it: sensors on a simulated hall, real monitor, real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.demos import api

pytestmark = [pytest.mark.browser, pytest.mark.system]

CHEATING_MHZ = (169.0, 210.3, 409.8)
PATIENCE_MS = 60_000


class Watched:
    """A page, and everything that its console and its policy complained about."""

    def __init__(self, context: Any) -> None:
        self.complaints: list[str] = []
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", lambda m: m.type in ("error", "warning") and self._note(m.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (e) =>"
            " console.error('CSP ' + e.violatedDirective + ' ' + e.blockedURI))"
        )

    def _note(self, text: str) -> None:
        self.complaints.append(text)


@pytest.fixture(scope="module")
def signed_in(browser: Any, demo: dict[str, str]) -> Iterator[Any]:
    """A context that has been through the link which the demo prints."""
    context = browser.new_context(viewport={"width": 1920, "height": 1080}, locale="en-GB")
    page = context.new_page()
    page.goto(demo["page"])
    assert page.url == demo["url"]
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(signed_in: Any, demo: dict[str, str]) -> Iterator[Any]:
    """The page with rows on it; at the end nothing may have been complained about."""
    watched = Watched(signed_in)
    watched.page.goto(demo["url"] + "?lang=en&theme=dark")
    watched.page.wait_for_selector(".sensor")
    watched.page.wait_for_selector(".link.live")
    yield watched.page
    watched.page.evaluate("localStorage.clear()")
    watched.page.close()
    assert watched.complaints == []


def card_near(page: Any, mhz: float) -> Any:
    """The card of the alarm within 30 kHz of a frequency."""
    shown = "|".join(rf"{int((mhz * 1e4) + k) / 1e4:.4f}" for k in range(-300, 301))
    return page.locator(".card", has=page.locator(".jump", has_text=re.compile(shown))).first


def column(
    page: Any, mhz: float, rows: int = 60, canvas: str = "#waterfall canvas"
) -> list[list[int]]:
    """RGB around a frequency: per column of the waterfall the brightest of the newest lines."""
    return page.evaluate(
        """async ([hz, rows, canvasName]) => {
        const state = await import("/static/state.js");
        const canvas = document.querySelector(canvasName);
        const x = Math.round(state.axis.value.xOf(hz, canvas.width));
        const copy = new OffscreenCanvas(25, rows).getContext("2d", { willReadFrequently: true });
        copy.drawImage(canvas, x - 12, 0, 25, rows, 0, 0, 25, rows);
        const { data } = copy.getImageData(0, 0, 25, rows);
        const best = Array.from({ length: 25 }, () => [0, 0, 0]);
        for (let i = 0; i < data.length; i += 4) {
          const c = (i / 4) % 25, rgb = Array.from(data.slice(i, i + 3));
          if (rgb[0] + rgb[1] + rgb[2] > best[c].reduce((a, b) => a + b)) best[c] = rgb;
        }
        return best;
        }""",
        [mhz * 1e6, rows, canvas],
    )


def test_nobody_gets_in_unasked(browser: Any, demo: dict[str, str]) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(demo["url"])
    assert page.locator("#scope").count() == 0
    page.fill("input[name=name]", "nobody")
    page.fill("input[name=password]", "wrong")
    page.click("button")
    assert re.search("[\u4e00-\u9fff]", page.locator("[role=alert]").inner_text())
    page.goto(demo["page"])
    page.wait_for_selector("#scope .pane")
    page.locator(".switches button", has_text="退出").click()
    page.wait_for_selector(".signin input[name=name]")
    context.close()


@pytest.mark.parametrize("mhz", CHEATING_MHZ)
def test_the_alarm_of_each_transmitter_arrives(page: Any, mhz: float) -> None:
    card = card_near(page, mhz)
    card.wait_for()
    words = card.locator(".sentence").inner_text()
    assert "MHz" in words
    assert "sentence." not in words
    assert re.fullmatch(r"\d+\.\d{4}\sMHz", card.locator(".jump").inner_text())


def test_reasons_open_and_are_words(page: Any) -> None:
    card = card_near(page, 210.3)
    card.locator(".more").click()
    reasons = card.locator(".reasons li").all_inner_texts()
    assert len(reasons) >= 2
    assert not any(re.search(r"reason\.|\{", reason) for reason in reasons)
    assert card.locator(".where-heard li").count() >= 1


def test_a_click_on_an_alarm_centres_it(page: Any) -> None:
    card = card_near(page, 210.3)
    card.wait_for()
    page.locator("#alarms").hover()  # while a hand is on the list nothing changes its place
    card.locator(".jump").click()
    view = page.evaluate(
        """async () => {
        const { axis } = await import("/static/state.js");
        return axis.value.pieces(1000).map(({ start_hz, stop_hz }) => [start_hz, stop_hz]);
        }"""
    )
    assert len(view) == 1
    start_hz, stop_hz = view[0]
    assert (start_hz + stop_hz) / 2 == pytest.approx(210.3e6, abs=10e3)
    assert 90e3 <= stop_hz - start_hz <= 4e6
    page.wait_for_function("() => document.querySelector('#readout .full')")
    page.keyboard.press("0")
    page.wait_for_function("() => document.querySelectorAll('.break').length === 3")


def test_a_carrier_of_one_bin_glows_on_the_waterfall(page: Any) -> None:
    """All bands on one screen: 2.3 kHz of 22 MHz must still be seen over a dark field."""
    card_near(page, 210.3).wait_for()
    for _ in range(40):
        brightness = [sum(rgb) for rgb in column(page, 210.3)]
        if max(brightness[10:15]) > 380:
            break
        page.wait_for_timeout(500)
    assert max(brightness[10:15]) > 380, brightness
    assert sorted(brightness)[12] < 200, brightness


def test_unseen_time_is_hatched_not_black(signed_in: Any, demo: dict[str, str]) -> None:
    """Before the page looked nothing is known: two greys in diagonal stripes."""
    watched = Watched(signed_in)
    watched.page.goto(demo["url"])
    watched.page.wait_for_selector(".link.live")
    colors = watched.page.evaluate(
        """() => {
        const canvas = document.querySelector("#waterfall canvas");
        const context = canvas.getContext("2d");
        const { data } = context.getImageData(20, canvas.height - 40, 60, 40);
        const at = (x, y) => Array.from(data.slice(4 * (60 * y + x), 4 * (60 * y + x) + 3)).join();
        const cells = Array.from({ length: 60 * 40 }, (_, i) => at(i % 60, (i / 60) | 0));
        let shifted = 0;
        for (let y = 0; y < 39; y++) {
          for (let x = 1; x < 60; x++) shifted += at(x - 1, y) !== at(x, y + 1);
        }
        return [[...new Set(cells)], shifted];
        }"""
    )
    greys = [[int(part) for part in color.split(",")] for color in colors[0]]
    assert len(greys) == 2
    assert all(max(grey) - min(grey) < 20 and min(grey) > 20 for grey in greys)
    assert colors[1] == 0, "the stripes run along one diagonal"
    watched.page.close()
    assert watched.complaints == []


def test_chinese_and_back(page: Any) -> None:
    card_near(page, 210.3).wait_for()
    page.get_by_role("button", name="中文").click()
    page.wait_for_function("() => document.documentElement.lang === 'zh-CN'")
    body = page.locator("body").inner_text()
    assert "报警" in body
    assert "传感器" in body
    left = re.findall(r"[A-Za-z]{3,} [a-z]{3,}", page.locator("#alarms").inner_text())
    assert left == []
    page.reload()
    page.wait_for_selector(".sensor")
    page.goto(page.url.replace("lang=en", ""))
    page.wait_for_selector(".sensor")
    assert page.evaluate("document.documentElement.lang") == "zh-CN", "the choice is kept"


def test_acknowledge_and_dismiss_reach_the_monitor(page: Any, demo: dict[str, str]) -> None:
    card = card_near(page, 409.8)
    card.wait_for()
    name = card.get_attribute("data-alarm")
    card.locator("button.primary").click()
    page.wait_for_selector(f'.card[data-alarm="{name}"] .mark')
    assert api(demo, f"api/v1/alarms/{name}")["state"] == "acknowledged"
    card = page.locator(f'.card[data-alarm="{name}"]')
    card.locator(".actions button", has_text="Dismiss").click()
    card.locator("input[value=own_equipment]").check()
    card.locator("input[name=note]").fill("guards' handheld")
    card.locator(".dismissal button").click()
    card.wait_for(state="detached")
    assert api(demo, f"api/v1/alarms/{name}")["state"] == "dismissed"


def test_a_refused_action_is_told_on_the_card(page: Any) -> None:
    card = card_near(page, 169.0)
    card.wait_for()
    page.evaluate("() => { globalThis.fetch = () => Promise.reject(new TypeError('no route')) }")
    card.locator(".actions button", has_text="Dismiss").click()
    card.locator("input[value=test]").check()
    card.locator(".dismissal button").click()
    card.locator(".failure").wait_for()
    assert "Not saved" in card.locator(".failure").inner_text()


def test_keys(page: Any) -> None:
    pressed = lambda selector: page.locator(selector).get_attribute("aria-pressed")  # noqa: E731
    page.keyboard.press("e")
    assert pressed(".pair button:last-child") == "true"
    page.keyboard.press("e")
    assert pressed(".pair button:first-child") == "true"
    page.keyboard.press("m")
    assert pressed(".trace.hold") == "false"
    page.keyboard.press("m")
    page.keyboard.press("j")
    page.wait_for_selector('.card[aria-current="true"]')
    assert page.locator(".break").count() == 0
    page.keyboard.press("0")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("no such sensor")
    assert page.locator(".sensor").count() == 0
    page.fill("#filter", "")


def test_pause_stands_and_goes_on(page: Any) -> None:
    shot = "() => document.querySelector('#waterfall canvas').toDataURL()"
    place = "() => JSON.stringify(document.querySelector('#waterfall').getBoundingClientRect())"
    goes_on = f"before => ({shot})() !== before"
    page.wait_for_function(goes_on, arg=page.evaluate(shot))  # rows come
    before = page.evaluate(place)
    page.keyboard.press("Space")
    page.wait_for_timeout(200)
    first = page.evaluate(shot)
    assert page.evaluate(place) == before, "pausing moves nothing"
    page.wait_for_timeout(1000)
    assert page.evaluate(shot) == first
    page.keyboard.press("Space")
    page.wait_for_function(goes_on, arg=first)


def test_wheel_drag_and_double_click(page: Any) -> None:
    span = """async () => { const { axis } = await import("/static/state.js");
        return [axis.value.view.u0, axis.value.view.u1, axis.value.hzOf((axis.value.view.u0 + axis.value.view.u1) / 2)] }"""  # noqa: E501
    box = page.locator("#waterfall").bounding_box()
    y = box["y"] + 100
    page.mouse.move(box["x"] + 200, y)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, y, steps=4)
    page.mouse.up()
    zoomed = page.evaluate(span)
    assert 0 < zoomed[1] - zoomed[0] < 0.15
    page.mouse.wheel(0, -300)
    assert page.evaluate(span)[1] - page.evaluate(span)[0] < zoomed[1] - zoomed[0]
    page.keyboard.down("Shift")
    page.mouse.wheel(0, 100)
    page.keyboard.up("Shift")
    page.mouse.dblclick(box["x"] + 250, y)
    assert page.evaluate(span)[:2] == [0, 1]


def test_the_cursor_reads_frequency_level_excess_and_service(page: Any) -> None:
    box = page.locator("#spectrum").bounding_box()
    page.mouse.move(box["x"] + 40, box["y"] + 60)
    # Until the survey has ended the page counts from the median, and says so.
    page.wait_for_function(
        "() => document.querySelector('#readout').innerText.includes('over baseline')",
        timeout=60_000,
    )
    text = page.locator("#readout").inner_text()
    assert re.search(r"16\d\.\d{4}\sMHz", text)
    assert re.search(r"−\d+\.\d dBFS", text)
    assert re.search(r"[+−]\d+\.\d dB over baseline", text)
    assert "TV ch 6" in text


def test_the_picture_begins_with_what_was_recorded(page: Any) -> None:
    """Half a minute after the demo began a fresh page already shows most of that half minute."""
    seen = """async () => {
        const canvas = document.querySelector("#waterfall canvas");
        const { data } = canvas.getContext("2d").getImageData(100, 0, 1, 150);
        let rows = 0;
        for (let i = 0; i < data.length; i += 4) rows += data[i + 2] > data[i + 1] + 20;
        return rows;
    }"""
    page.wait_for_function(f"async () => (await ({seen})()) > 75")


def test_no_band_button_is_cut_by_its_neighbours(page: Any) -> None:
    """At 1600 pixels the last one lay half under the tools."""
    page.set_viewport_size({"width": 1600, "height": 1000})
    cut = page.evaluate(
        """() => { const tools = document.querySelector("#bar .tools").getBoundingClientRect();
        const ends = document.querySelector("#bar .bands").getBoundingClientRect().right;
        const buttons = [...document.querySelectorAll("#bar .bands button")];
        const under = (one) => one.right > tools.left && one.bottom > tools.top;
        return buttons.map((one) => one.getBoundingClientRect())
          .filter((one) => one.right > ends + 1 || under(one)).length }"""
    )
    page.set_viewport_size({"width": 1920, "height": 1080})
    assert cut == 0


def test_the_strip_goes_back(page: Any) -> None:
    page.wait_for_selector("#strip .recent .u-over")
    page.wait_for_timeout(1500)
    box = page.locator("#strip .recent .u-over").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 14, box["y"] + 20)
    page.wait_for_selector('.pause[aria-pressed="true"]')
    assert re.search(r"Paused \d\d:\d\d:\d\d", page.locator(".pause").inner_text())
    page.keyboard.press("Space")
    page.wait_for_selector('.pause[aria-pressed="false"]')


def test_sensors_stand_beside_each_other_on_one_axis(page: Any) -> None:
    page.keyboard.press("c")
    page.wait_for_function("document.querySelectorAll('#beside .pane').length === 2")
    page.locator(".card .jump").first.wait_for()
    for index in (1, 2):
        canvas = f"#beside .pane:nth-child({index}) canvas"
        page.wait_for_function(
            """name => { const c = document.querySelector(name);
            return c.width === document.querySelector("#waterfall canvas").width }""",
            arg=canvas,
        )
        bright = 0
        for _ in range(100):
            bright = max(sum(rgb) for rgb in column(page, 210.3, 80, canvas))
            if bright > 300:
                break
            page.wait_for_timeout(300)
        assert bright > 300
    page.locator("#beside .label button").first.click()
    page.wait_for_function("document.querySelectorAll('#beside .pane').length === 1")
    page.keyboard.press("c")
    page.wait_for_selector("#beside", state="hidden")


def test_the_table_of_peaks_goes_to_what_it_lists(page: Any) -> None:
    page.keyboard.press("p")
    row = page.locator("#peaks tr", has_text=re.compile(r"alarm \d+")).first
    row.wait_for()
    hz = float(row.locator(".go").inner_text()) * 1e6
    row.locator(".go").click()
    page.wait_for_function(
        """async (hz) => { const { axis } = await import("/static/state.js");
        const [piece] = axis.value.pieces(1000);
        const wide = piece.stop_hz - piece.start_hz;
        return piece.start_hz < hz && hz < piece.stop_hz && wide < 2e6 }""",
        arg=hz,
    )
    page.keyboard.press("p")
    page.wait_for_selector("#peaks", state="hidden")


def test_scrolling_back_shows_what_was_recorded_before_the_page_came(page: Any) -> None:
    """What a pause shows of a time from before the page is asked of the monitor."""
    with page.expect_request(re.compile("/api/v1/spectrum/.*start_ns")):
        page.wait_for_timeout(1500)
        page.keyboard.press("PageUp")
        page.keyboard.press("ArrowUp")
    page.wait_for_selector('.pause[aria-pressed="true"]')
    page.keyboard.press(" ")
    page.wait_for_selector('.pause[aria-pressed="false"]')


def test_a_thousand_alarms_become_groups(page: Any) -> None:
    """A jammer's comb must neither freeze the page nor bury the first card."""
    card_near(page, 210.3).wait_for()
    took_ms, count = page.evaluate(
        """async () => {
        const state = await import("/static/state.js");
        const [one] = state.openAlarms.value;
        const many = new Map(state.alarms.value);
        for (let k = 0; k < 1000; k++) {
          const center_freq_hz = 406e6 + k * 5e3;
          many.set(`x${k}`, { ...one, id: `x${k}`, center_freq_hz, suspicion: 20, state: "new" });
        }
        const began = performance.now();
        state.alarms.value = many;
        document.body.offsetHeight;
        return [performance.now() - began, state.openAlarms.value.length];
        }"""
    )
    assert count > 1000
    assert took_ms < 1000
    assert page.locator(".card").count() == 30
    assert page.locator(".group").count() >= 1
    assert page.locator(".flag").count() < 60
    assert card_near(page, 210.3).is_visible()


SIZES = [(1280, 800), (1920, 1080), (390, 844)]


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_readable_at_every_size(
    signed_in: Any, demo: dict[str, str], width: int, height: int, lang: str, theme: str
) -> None:
    """Nothing sticks out, no text below 14 px, contrast of at least 7:1 on everything shown."""
    watched = Watched(signed_in)
    page = watched.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{demo['url']}?lang={lang}&theme={theme}")
    page.wait_for_selector(".card")
    page.wait_for_timeout(600)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    poor = page.evaluate(READABLE)
    assert poor == []
    page.close()
    assert watched.complaints == []


READABLE = """() => {
  const parts = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(at).backgroundColor);
      if (a > 0.99) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.data.trim();
    const hidden = "script,noscript,option,dialog:not([open])";
    if (!text || element.closest(hidden)) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(element);
    if (parseFloat(style.fontSize) < 14) poor.push(text + " " + style.fontSize);
    if (element.closest("[disabled]")) continue;
    const [a, b] = [light(parts(style.color)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 7) poor.push(text + " " + ratio.toFixed(1) + ":1 " + element.className);
  }
  return [...new Set(poor)];
}"""


def test_nothing_jumps_while_the_page_fills(signed_in: Any, demo: dict[str, str]) -> None:
    watched = Watched(signed_in)
    watched.page.add_init_script(
        "globalThis.shift = 0; new PerformanceObserver((list) => {"
        " for (const e of list.getEntries()) if (!e.hadRecentInput) globalThis.shift += e.value;"
        "}).observe({ type: 'layout-shift', buffered: true })"
    )
    watched.page.goto(demo["url"])
    watched.page.wait_for_selector(".card")
    watched.page.wait_for_timeout(3000)
    assert watched.page.evaluate("globalThis.shift") < 0.05
    watched.page.close()
