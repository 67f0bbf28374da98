"""Orders from the page: what a stay costs is said before, a recording is asked for and arrives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.demos import api
from tests.browser.test_desk import sign_in as signed_in
from tests.system.peers import until

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(240)]
PATIENCE_MS = 15_000


@pytest.fixture(scope="module")
def site(demo: dict[str, str], staff: None) -> str:
    """The site's id."""
    until(lambda: api(demo, "api/v1/sites"))
    # While it learns a baseline a dongle neither leaves its plan nor keeps samples.
    until(lambda: all(one["baseline"] for one in api(demo, "api/v1/baselines")), 60.0)
    found: str = api(demo, "api/v1/sites")[0]["site"]
    return found


@pytest.fixture
def people(browser: Any, demo: dict[str, str], site: str) -> Iterator[Any]:
    """Sign somebody in and open the site's orders; nothing may have been complained about."""
    opened = []

    def enter(name: str) -> Any:
        watched = signed_in(browser, demo, name)
        opened.append(watched)
        watched.page.goto(f"{demo['url']}#/fleet")
        watched.page.click(f"#view a[href='#/orders/{site}']")
        watched.page.wait_for_selector("h1:has-text('Orders to')")
        return watched.page

    yield enter
    for watched in opened:
        watched.page.context.close()
        assert watched.complaints == []


def part(page: Any, title: str) -> Any:
    return page.locator("#view .part", has=page.locator("h2", has_text=re.compile(f"^{title}")))


def test_a_stay_is_given_after_its_cost_was_read_and_is_on_record(
    people: Any, demo: dict[str, str], site: str
) -> None:
    page = people("zhao")
    stay = part(page, "Stay at a window")
    stay.locator("select").select_option(f"{site}/hall")
    for name, value in (("start", "169"), ("stop", "170"), ("seconds", "2")):
        stay.locator(f"[name={name}]").fill(value)
    stay.locator("[name=seconds]").press("Enter")  # as with a keyboard
    cost = stay.locator("[role=status]:not(.hint), [role=alert]")
    cost.wait_for(timeout=PATIENCE_MS)
    told = re.search(r"not watched meanwhile: (.+) \((\d+) of (\d+) hops\)", cost.inner_text())
    assert told, cost.inner_text()
    assert "uhf" in told[1] and 0 < int(told[2]) < int(told[3])
    orders = [row["detail"]["order"] for row in api(demo, f"api/v1/orders/of/{site}")]
    assert "retask" not in orders  # nothing was done before the yes

    stay.locator("button", has_text="Stay at 169.000").click()
    stay.locator(".done").wait_for(timeout=PATIENCE_MS)
    assert "The site does it" in stay.locator(".done").inner_text()
    newest = part(page, "What was asked").locator("tr", has_text="stays at 169-170").first
    newest.wait_for(timeout=PATIENCE_MS)
    assert "zhao" in newest.inner_text()
    sent, answered = api(demo, f"api/v1/orders/of/{site}")[:2][::-1]
    assert (sent["act"], sent["actor"], sent["detail"]["order"]) == ("site.order", "zhao", "retask")
    assert (answered["act"], answered["detail"]["accepted"]) == ("site.answer", True)


def test_a_recording_is_asked_for_and_arrives_with_the_name_of_who_asked(
    people: Any, demo: dict[str, str], site: str
) -> None:
    page = people("zhao")
    form = part(page, "Record a window")
    form.locator("select").select_option(f"{site}/gate")
    form.locator("[name=freq]").fill("169.2")
    form.locator("[name=before]").fill("2")
    form.locator("[name=after]").fill("1")
    form.locator("button").click()
    form.locator(".done").wait_for(timeout=PATIENCE_MS)
    row = part(page, "Recordings").locator("tr", has_text="zhao")
    again = part(page, "Recordings").locator("button", has_text="reload")
    for _ in range(150):  # behind what the alarms of the demo have made it keep
        if row.count() and "checked on arrival" in row.first.inner_text():
            break
        again.click()
        page.wait_for_timeout(500)
    assert "169.2000 MHz" in row.first.inner_text()
    assert "yes, checked on arrival" in row.first.inner_text()
    with page.expect_download() as saving:
        row.first.locator("a", has_text="data").click()
    assert saving.value.path().stat().st_size > 100_000


def test_who_may_not_give_orders_reads_them(people: Any, demo: dict[str, str], site: str) -> None:
    page = people("tian")
    part(page, "What was asked").locator("table").wait_for(timeout=PATIENCE_MS)
    assert page.locator("#view form").count() == 0
    assert page.locator("#view textarea").count() == 0
    assert part(page, "Recordings").locator(".files :is(a, button)").count() == 0
    assert "Orders are given by radio staff" in page.locator("#view").inner_text()


def test_the_difference_of_two_configurations_is_told_line_by_line(modules: Any) -> None:
    lines = modules.evaluate(
        """async () => {
        const { difference } = await import("/static/orders_configuration.js");
        const pairs = [["a\\nb\\nc\\n", "a\\nx\\nc\\nd"], ["", "a\\n"], ["a", "a\\n"]];
        return pairs.map(([before, after]) => difference(before, after));
        }"""
    )
    assert lines == [
        [[" ", "a"], ["-", "b"], ["+", "x"], [" ", "c"], ["+", "d"]],
        [["+", "a"]],
        [[" ", "a"]],
    ]


def test_an_answer_is_told_beside_its_order(modules: Any) -> None:
    found = modules.evaluate(
        """async () => {
        const { paired } = await import("/static/orders.js");
        const row = (time_ns, actor, act, detail) => ({ time_ns, actor, act, detail });
        return paired([
          row(6, "li", "site.order", { order: "drill", args: { minutes: 1 } }),
          row(5, "li", "site.no_answer", { order: "retask", why: "command.silent" }),
          row(4, "wu", "site.answer", { order: "retask", accepted: true }),
          row(3, "li", "site.order", { order: "retask" }),
          row(2, "wu", "site.order", { order: "retask" }),
        ]).map(({ time_ns, order, answer }) => [time_ns, order, answer?.act ?? ""]);
        }"""
    )
    assert found == [
        [6, "drill", ""],
        [3, "retask", "site.no_answer"],
        [2, "retask", "site.answer"],
    ]
