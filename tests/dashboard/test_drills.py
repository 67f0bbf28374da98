"""Drills at the centre: the bands of one come together, the newest of each site is shown."""

from __future__ import annotations

from collections.abc import Callable

from dashboard.drills import LastDrills, drills_of
from dashboard.notices import Notice
from dashboard.state import beat, cards
from dashboard.store import Store
from sensors.messages import Heartbeat, Note

S = 1_000_000_000
T0 = 1_790_000_000 * S


def told(
    band: str, *, heard: int = 9, site: str = "school-3", start_ns: int = T0, **more: int | str
) -> Notice:
    args: dict[str, str | float | int] = {
        "band": band, "sent": 9, "heard": heard, "median_s": "0.4" if heard else "-", **more,
    }  # fmt: skip
    level = "info" if heard == 9 else "warning"
    note = Note("drill.band", args)
    return Notice(site, f"{site}/hall", level, note, start_ns, start_ns + 60 * S)


def test_the_bands_of_a_drill_come_together_and_one_bad_band_fails_it() -> None:
    later = T0 + 3600 * S
    found = drills_of(
        [
            told("tv3-low", heard=0, unvisited=8, unrecognised=1, start_ns=later),
            told("data-230", start_ns=later),
            told("tv3-low", worst_s="1.9", delivered=9, delivered_median_s="0.5"),
            Notice("school-3", "", "alarm", Note("notice.silent", {"seconds": 5}), T0),
        ]
    )
    assert [(one.start_ns, one.passed) for one in found] == [(later, False), (T0, True)]
    data, low = found[0].bands
    assert (data.band, data.heard, data.median_s) == ("data-230", 9, 0.4)
    assert (low.heard, low.unvisited, low.unrecognised, low.median_s) == (0, 8, 1, None)
    (early,) = found[1].bands
    assert (early.worst_s, early.delivered, early.delivered_median_s) == (1.9, 9, 0.5)
    assert early.unvisited is None, "an older site does not say"


def test_the_newest_of_each_site_is_kept_and_read_again(open_store: Callable[..., Store]) -> None:
    store = open_store()
    drills = LastDrills(store.reader)
    assert drills.by_site == {}
    first, second = told("tv3-low"), told("data-230", heard=3)
    other = told("tv3-low", site="school-4", start_ns=T0 + S)
    for notice in (first, second, other):
        store.notice(notice)
    assert drills.take([first]) == {"school-3"}
    assert drills.by_site["school-3"].passed
    assert drills.take([second, other]) == {"school-3", "school-4"}
    assert not drills.by_site["school-3"].passed, "a band that is told later counts too"
    assert [band.band for band in drills.by_site["school-3"].bands] == ["data-230", "tv3-low"]
    assert drills.take([told("tv3-low", start_ns=T0 - S)]) == set(), "an old one, sent late"
    again = LastDrills(store.reader)
    assert again.by_site == drills.by_site
    assert again.history("school-3") == [drills.by_site["school-3"]]
    assert again.history("nowhere") == []


def test_the_site_card_says_it() -> None:
    board = beat({}, Heartbeat("school-3", "No. 3", T0, T0, []), T0)
    (drill,) = drills_of([told("tv3-low")])
    (card,) = cards(board, T0, (), {"school-3": drill})
    assert card.drill == drill
    (without,) = cards(board, T0)
    assert without.drill is None
