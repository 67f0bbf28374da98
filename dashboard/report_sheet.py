"""A session's record as one HTML file to print: everything that it needs is inside it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dashboard.report import Report
from dashboard.report_line import time_line
from sensors.messages import Note
from sensors.text import Lang, plain, say

HERE = Path(__file__).parent
FONT = HERE / "static" / "font" / "NotoSansSC-GB2312.woff2"
SECOND = 1_000_000_000
HOUR_NS = 3600 * SECOND
_CHINESE = re.compile(r"[\u2e80-\u9fff\uff00-\uffef]")
PERCENT = 100.0


def sheet(report: Report, lang: Lang) -> str:
    """Write the record out in one language."""
    environment = _environment()
    page = environment.get_template("report.html")
    words = _page_words(lang)
    text = page.render(
        r=report,
        lang=lang,
        t=lambda name, **fields: say(f"report.{name}", lang, **fields),
        w=lambda *names: next((words[name] for name in names if name in words), names[0]),
        say=lambda notes: _sentence(notes, lang),
        say_one=lambda message_id: say(message_id, lang),
        zone=_zone(report.span.start_ns),
        counts=_counts(report),
        line=time_line(report),
    )
    # The font only where it is needed: it is larger than most records.
    font = base64.b64encode(FONT.read_bytes()).decode() if _CHINESE.search(text) else ""
    return text.replace("/*font*/", _FACE % font if font else "", 1)


_FACE = (
    '@font-face { font-family: "rfproctor"; src: local("Noto Sans CJK SC"), '
    'url("data:font/woff2;base64,%s") format("woff2"); }'
)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "moment": _moment,
        "clock": lambda ns: _moment(ns)[11:] if ns else "–",
        "lasted": lambda ns: _lasted(ns / SECOND),
        "seconds": _lasted,
        "mhz": lambda hz: f"{hz / 1e6:.4f}",
        "percent": lambda share: f"{PERCENT * share:.1f}",
        "plain": lambda text: plain(str(text)),
    }
    return environment


@cache
def _page_words(lang: Lang) -> dict[str, str]:
    """The page's own texts: a record names states, roles and acts as the page does."""
    path = HERE / "static" / "locale" / f"{lang}.json"
    loaded: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def _counts(report: Report) -> list[tuple[str, object]]:
    """The numbers that an authority's statistics ask for."""
    alarms, looked = report.alarms, report.looked
    bands = report.watching.bands
    sensors = {band.sensor for band in bands if band.last_ns} or {
        sensor.sensor for site in report.sites for sensor in site.sensors
    }
    watch_ns = report.watching.stop_ns - report.watching.start_ns
    by_sensor = {one: [band.seen for band in bands if band.sensor == one] for one in sensors}
    hours = sum(sum(seen) / len(seen) for seen in by_sensor.values() if seen) * watch_ns / HOUR_NS
    passed = sum(drill.passed for drill in looked.drills)
    return [
        ("sites", len(report.sites)),
        ("sensors", len(sensors)),
        ("hours", f"{hours:.1f}"),
        ("alarms", alarms.total - alarms.drills),
        ("found", alarms.decided.get("close.found", 0)),
        ("handed_over", alarms.decided.get("hand_over", 0)),
        ("dismissed", alarms.decided.get("dismiss", 0)),
        ("open", alarms.open),
        ("people", len(report.people.worked)),
        ("drills", f"{passed}/{len(looked.drills)}"),
        ("gaps", len(report.watching.gaps) + report.watching.gaps_left),
        ("unreviewed", len(looked.missing)),
    ]


def _zone(time_ns: int) -> str:
    """The zone in which a record tells times, as its distance from UTC."""
    offset = f"{datetime.fromtimestamp(time_ns // SECOND).astimezone():%z}"
    return f"UTC{offset[:3]}:{offset[3:5]}"


def day_of(time_ns: int) -> str:
    """Local date."""
    return _moment(time_ns)[:10]


def _moment(time_ns: int) -> str:
    """Local date and time to the second; a dash for never."""
    if not time_ns:
        return "–"
    return f"{datetime.fromtimestamp(time_ns // SECOND).astimezone():%Y-%m-%d %H:%M:%S}"


def _lasted(seconds: float) -> str:
    """Hours, minutes and seconds, as 1:02:03 or 2:03; below a minute with one decimal."""
    sign, seconds = ("−" if seconds < 0 else ""), abs(seconds)
    if seconds < 60:
        return f"{sign}{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours}:{minutes:02}:{rest:02} h" if hours else f"{sign}{minutes}:{rest:02} min"


def _sentence(notes: Iterable[Note], lang: Lang) -> str:
    return ("，" if lang == "zh" else ", ").join(say(note.id, lang, **note.args) for note in notes)
