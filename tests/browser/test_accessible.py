"""Every page can be used without a mouse, good eyes or colours, as far as axe-core can tell."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.browser.demos import api, post

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(240)]

axe_core = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="needs axe-playwright-python"
)

GRAVE = ("serious", "critical")


def grave(page: Any, *rules: str) -> list[str]:
    """What axe-core finds that keeps somebody out, with the first places where."""
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = axe_core.Axe().run(page, options=options).response
    assert found["passes"], "it has looked at nothing"
    return [
        f"{one['id']}: {one['help']} - "
        + "; ".join(f"{node['target']} {node['html'][:120]}" for node in one["nodes"][:3])
        for one in found["violations"]
        if one["impact"] in GRAVE
    ]


def test_no_page_keeps_anybody_out(browser: Any, demo: dict[str, str]) -> None:
    # A card that slides in is pale for a moment; who is asked to hold still sees it as it stays.
    context = browser.new_context(
        viewport={"width": 1600, "height": 1000}, locale="en-GB", reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    findings: dict[str, list[str]] = {}
    page.goto(demo["url"])
    findings["sign in"] = grave(page)
    page.goto(demo["page"])
    page.wait_for_selector(".card")
    names = page.evaluate("import('/static/views.js').then(({ PAGES }) => Object.keys(PAGES))")
    assert "board" in names
    alarm = api(demo, "api/v1/alarms")[0]
    hour_ns = 3600 * 10**9
    first_ns = time.time_ns() - 9 * hour_ns
    exam = {"name": "Paper 1", "start_ns": first_ns, "stop_ns": first_ns + 2 * hour_ns}
    post(demo, "api/v1/sessions", exam)
    seen = {"site": alarm["site"], "start_ns": first_ns, "stop_ns": first_ns + hour_ns}
    post(demo, "api/v1/reviews", {**seen, "findings": "nothing"})
    sensor = alarm["sensors"][0]
    words = {
        "alarm": [alarm["id"]],
        "plan": [alarm["site"]],
        "orders": [alarm["site"]],
        "replay": [sensor],
    }
    # The theme changes colours and nothing else.
    for theme, rules in (("dark", ()), ("light", ("color-contrast",))):
        page.goto(f"{demo['url']}?lang=en&theme={theme}")
        page.wait_for_selector(".card")
        findings[f"watch, {theme}"] = grave(page, *rules)
        for name in names:
            address = "/".join([name, *words.get(name, [])])
            page.evaluate(f"location.hash = '#/{address}'")
            page.wait_for_selector("#view > *")
            page.wait_for_load_state("networkidle")
            if name == "reviews":
                page.locator(".reviews-due button").first.click()
                page.wait_for_selector(".reviews-due textarea")
            findings[f"{name}, {theme}"] = grave(page, *rules)
    context.close()
    wrong = {name: found for name, found in findings.items() if found}
    assert not wrong, json.dumps(wrong, indent=1)


def test_it_would_find_something(browser: Any) -> None:
    page = browser.new_page()
    page.set_content(
        "<html lang=en><title>x</title><main><h1>x</h1><img src=x><button></button>"
        "<p style='color:#777;background:#888'>grey on grey</p>"
        "<a href=x>link</a><ul><li>one</ul><input aria-label=y></main>"
    )
    rules = {found.partition(":")[0] for found in grave(page)}
    page.close()
    assert {"image-alt", "button-name", "color-contrast"} <= rules
