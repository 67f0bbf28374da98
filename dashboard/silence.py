"""What is told of sites that do not talk: each silence once, and a line that comes and goes. Pure.

Nothing is known about a silent site, which is not "all is well": every silence is told.  A line
that breaks again before it held for a minute is told as one thing that lasts, not as a hundred.
"""

from __future__ import annotations

from dashboard.notices import Notice
from dashboard.state import SILENT_S, Site
from sensors.messages import Note


def news_of_line(before: Site | None, after: Site) -> list[Notice]:
    """Compare a site with what it was a moment ago."""
    if before is None:
        return []
    told = []
    if after.silent_since_ns and not before.silent_since_ns and not after.unsteady_since_ns:
        told.append(_silent(after, 0))
    if before.silent_since_ns and not after.silent_since_ns and not before.unsteady_since_ns:
        told.append(_silent(before, after.received_ns))
    if after.unsteady_since_ns and not before.unsteady_since_ns:
        told.append(_unsteady(after, 0))
    if before.unsteady_since_ns and not after.unsteady_since_ns:
        told.append(_unsteady(before, after.back_ns))
    return told


def _silent(site: Site, stop_ns: int) -> Notice:
    note = Note(id="notice.silent", args={"seconds": round(SILENT_S)})
    return _notice(site, note, site.silent_since_ns, stop_ns)


def _unsteady(site: Site, stop_ns: int) -> Notice:
    return _notice(site, Note(id="notice.unsteady"), site.unsteady_since_ns, stop_ns)


def _notice(site: Site, note: Note, start_ns: int, stop_ns: int) -> Notice:
    name = site.heartbeat.site
    return Notice(
        site=name, sensor="", level="warning", note=note, start_ns=start_ns, stop_ns=stop_ns
    )
