"""Looking through again: who was on duty then cannot, the others see at once what was found."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.demos import api, post
from tests.browser.test_desk import sign_in
from tests.browser.test_page import READABLE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(240)]

HOUR_NS = 3600 * 10**9


@pytest.fixture(scope="module")
def exams(demo: dict[str, str], staff: None) -> int:
    """One that ended hours ago, and one that is going on; when both were put in."""
    now_ns = time.time_ns() // 10**9 * 10**9
    for name, start_h, stop_h in (("Paper 1", -9, -7), ("Paper 2", -0.5, 1)):
        times = {
            "start_ns": now_ns + round(start_h * HOUR_NS),
            "stop_ns": now_ns + round(stop_h * HOUR_NS),
        }
        post(demo, "api/v1/sessions", {"name": name, **times})
    return now_ns


@pytest.fixture
def qian(browser: Any, demo: dict[str, str], exams: int) -> Iterator[Watched]:
    watched = sign_in(browser, demo, "qian")
    watched.page.evaluate("location.hash = '#/reviews'")
    watched.page.locator(".reviews-due li").first.wait_for()
    yield watched
    watched.page.context.close()
    assert watched.complaints == []


def test_findings_are_written_and_everybody_sees_them(
    browser: Any, demo: dict[str, str], qian: Watched, exams: int
) -> None:
    page = qian.page
    zhao = sign_in(browser, demo, "zhao")
    zhao.page.evaluate("location.hash = '#/reviews'")
    late = page.locator(".reviews-due li.late")
    assert "Overdue" in late.inner_text() and "Paper 1" in late.inner_text()
    assert page.locator(".badge.late").inner_text() == "1 overdue"
    replay = late.get_by_role("link", name="Replay").get_attribute("href")
    stop = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(exams / 1e9 - 7 * 3600))
    assert replay is not None and replay.endswith(f"/{stop}-7200/60")
    late.get_by_role("button", name="Write findings").press("Enter")
    page.wait_for_function("document.activeElement.name === 'findings'")
    page.keyboard.type("short bursts at 169 MHz, known")
    page.locator(".reviews-due form button.primary").press("Enter")
    for one in (page, zhao.page):
        one.locator(".reviews-past tr", has_text="169 MHz, known").wait_for()
        one.wait_for_function("() => !document.querySelector('.reviews-due li.late')")
    (kept,) = api(demo, "api/v1/reviews")
    assert (kept["author"], kept["start_ns"], kept["stop_ns"]) == (
        "qian",
        exams - 9 * HOUR_NS,
        exams - 7 * HOUR_NS,
    )
    page.locator(".page-head select").first.select_option("2")
    page.wait_for_function("() => !document.querySelector('.reviews-past tbody tr')")
    page.evaluate("location.hash = '#/reviews/1'")
    page.locator(".reviews-past tbody tr").wait_for()
    page.emulate_media(media="print")
    page.locator(".paper h1").wait_for()
    assert page.locator(".reviews-past tbody tr").count() == 1
    assert page.locator("th.paper").is_visible()
    assert not page.locator("#head").is_visible() and not page.locator("#alarms").is_visible()
    zhao.page.context.close()
    assert zhao.complaints == []


def test_who_was_on_duty_is_told_so(demo: dict[str, str], qian: Watched) -> None:
    page = qian.page
    page.locator("#alarms .card.new").first.wait_for(timeout=60_000)
    going_on = page.locator(".reviews-due li", has_text="Paper 2")
    going_on.get_by_role("button", name="Write findings").click()
    page.fill("textarea", "nothing")
    name = page.locator("#alarms .card.new").first.get_attribute("data-alarm")
    card = f'#alarms .card[data-alarm="{name}"]'
    page.locator(f"{card} button.primary").click()
    page.locator(f"{card} .mark").wait_for()
    first = api(demo, f"api/v1/alarms/{name}")["changed_ns"] / 1e9 + 1
    page.evaluate(
        "s => { const at = new Date(s * 1000 - new Date().getTimezoneOffset() * 60000);"
        " const field = document.querySelector('input[name=stop]');"
        " field.max = field.value = at.toISOString().slice(0, 19); }",
        first,
    )
    page.wait_for_function("s => Date.now() / 1000 > s + 1", arg=first)
    page.locator(".reviews-due form button.primary").click()
    page.locator(".reviews-due form .failure").wait_for()
    assert "on duty" in page.locator(".reviews-due form .failure").inner_text()
    (refusal,) = qian.complaints
    assert "409" in refusal
    qian.complaints.clear()
    page.reload()
    page.locator(".reviews-due .why").wait_for()
    assert going_on.get_by_role("button").count() == 0


@pytest.mark.parametrize(
    ("width", "height", "lang", "theme"),
    [(1280, 800, "zh", "light"), (390, 844, "en", "dark")],
)
def test_the_page_is_readable(
    qian: Watched, demo: dict[str, str], width: int, height: int, lang: str, theme: str
) -> None:
    page = qian.page
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{demo['url']}?lang={lang}&theme={theme}#/reviews")
    page.locator(".reviews-due li").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(READABLE) == []
