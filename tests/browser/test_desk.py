"""The alarm desk as its people have it: an officer signs in, works an alarm, and signs out."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.demos import PASSWORD, STAFF, api, post
from tests.browser.test_page import READABLE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(240)]


def refused(demo: dict[str, str], path: str, token: str) -> tuple[int, str]:
    """Status and message id of what a token is not given."""
    request = urllib.request.Request(
        demo["url"] + path, headers={"Authorization": f"Bearer {token}"}
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=30)
    return caught.value.code, json.load(caught.value)["error"]


@pytest.fixture(scope="module")
def tokens(demo: dict[str, str], staff: None) -> dict[str, str]:
    """A token of each role for what a page cannot show."""
    return {
        role: post(demo, "api/v1/tokens", {"name": f"{role}-script", "role": role})["token"]
        for role in set(STAFF.values())
    }


def sign_in(browser: Any, demo: dict[str, str], name: str) -> Watched:
    """A page of somebody who typed name and password."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    watched = Watched(context)
    page = watched.page
    page.goto(demo["url"])
    watched.complaints.clear()  # the sign-in page is answered with 401, which the console tells
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", PASSWORD)
    page.click("button")
    page.wait_for_selector(".link.live")
    return watched


@pytest.fixture
def officer(browser: Any, demo: dict[str, str], tokens: dict[str, str]) -> Iterator[Any]:
    watched = sign_in(browser, demo, "wang")
    yield watched.page
    watched.page.context.close()
    # Who has signed out gets the sign-in page, whose 401 the console tells.
    assert [words for words in watched.complaints if "401" not in words] == []


def test_an_officer_works_an_alarm_from_arrival_to_dismissal(
    officer: Any, demo: dict[str, str], tokens: dict[str, str]
) -> None:
    page = officer
    page.locator(".card.new").first.wait_for(timeout=120_000)
    name = page.locator(".card.new").first.get_attribute("data-alarm")
    card = page.locator(f'.card[data-alarm="{name}"]')

    card.locator("a.button").click()
    page.wait_for_selector(".alarm-page .alarm-freq")
    assert re.fullmatch(r"\d+\.\d{4}\s*MHz", page.locator(".alarm-freq").inner_text())
    page.locator(".rhythm rect").first.wait_for()

    # No content without the role: no button, and no way around the page.
    page.locator(".evidence tr").nth(1).wait_for()
    assert page.locator(".listen").count() == 0
    assert "radio staff only" in page.locator(".alarm-page").inner_text()
    path = f"api/v1/alarms/{name}/evidence"
    clip = api(demo, path)[0]["name"]
    assert refused(demo, f"{path}/{clip}/audio", tokens["officer"]) == (403, "http.forbidden")
    assert refused(demo, f"{path}/{clip}/audio", tokens["radio"]) == (409, "content.off")

    steps = page.locator(".step-buttons button")
    steps.filter(has_text="Acknowledge").click()
    page.locator(".alarm-state.acknowledged").first.wait_for()
    assert api(demo, f"api/v1/alarms/{name}")["owner"] == "wang"
    assert "wang" in page.locator(".alarm-state").first.inner_text()

    steps.filter(has_text="Dismiss").click()
    form = page.locator(".step-form")
    assert "raises no alarm again" in form.inner_text()
    form.locator("input[value=own_equipment]").check()
    form.locator("textarea").fill("the school's own radio")
    form.locator("button.primary").click()
    page.locator(".alarm-state.dismissed").first.wait_for()
    assert api(demo, f"api/v1/alarms/{name}")["state"] == "dismissed"
    trail = page.locator(".part", has_text="What was done").inner_text()
    assert "the school's own radio" in trail
    card.wait_for(state="detached")

    page.locator(".tabs a", has_text="Alarms").click()
    page.locator(".filters select").first.select_option("dismissed")
    row = page.locator(f'.alarm-rows tr:has(a[href="#/alarm/{name}"])')
    row.wait_for()
    assert "Dismissed" in row.inner_text()

    page.locator(".switches button", has_text="Sign out").click()
    page.wait_for_selector(".signin input[name=name]")


NEIGHBOUR = """async () => {
  const { openAlarms, selected } = await import("/static/state.js");
  const ids = openAlarms.value.map(({ id }) => id);
  return ids.indexOf(selected.value) < ids.length - 1 ? "j" : "k";
}"""
"""The key that leads to another alarm: down, from the last one up."""


def test_enter_opens_the_page_of_the_chosen_alarm(officer: Any) -> None:
    page = officer
    page.locator(".card").nth(1).wait_for()
    page.keyboard.press("j")
    page.wait_for_selector('.card[aria-current="true"]')
    page.keyboard.press("Enter")
    page.wait_for_selector(".alarm-page .alarm-freq")
    first = page.url
    page.keyboard.press(page.evaluate(NEIGHBOUR))
    page.wait_for_function("first => location.href !== first", arg=first)
    page.wait_for_selector(".alarm-page .alarm-freq")
    reason = page.locator(".opening details").first
    reason.locator("summary").click()
    reason.locator(".measured", has_text=re.compile(r"\d")).wait_for()
    # The picture of a recording: something glows between the edges, the rest is quiet.
    page.locator(".cutout:not([hidden])").wait_for()
    page.go_back()
    page.go_back()
    page.wait_for_selector("#scope .pane")


def test_an_officer_is_offered_only_what_an_officer_may(officer: Any) -> None:
    tabs = officer.locator(".tabs a").all_inner_texts()
    assert "Alarms" in tabs and "Accounts" in tabs
    assert "Audit" not in tabs
    officer.locator(".tabs a", has_text="Accounts").click()
    officer.locator("input[name=old]").wait_for()
    assert officer.locator("text=Make an account").count() == 0
    officer.locator(".tabs a", has_text="Known").click()
    officer.locator("#view input[type=search]").wait_for()
    assert officer.locator("input[type=file]").count() == 0


def test_a_station_list_is_shown_before_it_is_kept(browser: Any, demo: dict[str, str]) -> None:
    watched = sign_in(browser, demo, "zhao")
    page = watched.page
    page.locator(".tabs a", has_text="Known").click()
    # As a Chinese spreadsheet saves it.
    text = "low_mhz,high_mhz,name,reason\n460,460.1,出租车,执照\n461,460,b,c\n"
    page.set_input_files(
        "input[type=file]",
        {"name": "stations.csv", "mimeType": "text/csv", "buffer": text.encode("gb18030")},
    )
    page.locator(".refused li").wait_for()
    assert "line 3" in page.locator(".refused").inner_text()
    assert "出租车" in page.locator(".preview").inner_text()
    before = len(api(demo, "api/v1/known"))
    page.locator("button", has_text="Add 1 entries").click()
    page.locator("[role=status]", has_text="1 entries added").wait_for()
    (entry, *_) = api(demo, "api/v1/known")
    assert len(api(demo, "api/v1/known")) == before + 1
    assert (entry["name"], entry["author"], entry["low_hz"]) == ("出租车", "zhao", 460e6)
    row = page.locator("table.rows tr", has_text="出租车")
    row.locator("button", has_text="End").click()
    row.locator("button.primary").click()
    row.wait_for(state="detached")
    assert api(demo, "api/v1/known")[0]["ended_by"] == "zhao"
    page.context.close()
    assert watched.complaints == []


@pytest.mark.parametrize(
    ("width", "height", "lang", "theme"),
    [(1280, 800, "zh", "dark"), (390, 844, "en", "light")],
)
def test_every_page_is_readable(
    browser: Any, demo: dict[str, str], width: int, height: int, lang: str, theme: str
) -> None:
    """Nothing sticks out, no text below 14 px, contrast of at least 7:1 on everything shown."""
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
    watched = Watched(context)
    page = watched.page
    page.goto(demo["page"])
    page.goto(f"{demo['url']}?lang={lang}&theme={theme}#/alarms")
    page.locator(".card").first.wait_for()
    name = page.locator(".card").first.get_attribute("data-alarm")
    for hash_ in ("alarms", f"alarm/{name}", "known", "deliveries", "audit", "people"):
        page.evaluate("hash => (location.hash = `#/${hash}`)", hash_)
        page.wait_for_selector("#view h1")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, hash_
        assert page.evaluate(READABLE) == [], hash_
        ids = re.findall(r"\b[a-z]+(?:\.[a-z_]+)+ ·|\{\w+\}", page.locator("#view").inner_text())
        assert ids == [], hash_
    context.close()
    assert watched.complaints == []
