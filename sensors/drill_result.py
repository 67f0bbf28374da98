"""What became of a drill's transmissions, for each band: heard or why not, and how soon."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sensors.columns import columns
from sensors.messages import Note
from sensors.task import Shot
from sensors.text import Lang, say

Line = dict[str, str | int | float | None]


@dataclass(slots=True)
class Result:
    """One transmission and what became of it.

    Attributes
    ----------
    heard : dict
        Seconds from its first sample to the durable event, by sensor.
    visits : int
        Visits of any dongle to its frequency while it was on the air.
    delivered_s : float or None
        Seconds to the centre's acknowledgement.
    """

    band: str
    shot: Shot
    heard: dict[str, float] = field(default_factory=dict)
    visits: int = 0
    seq: int = 0
    delivered_s: float | None = None


def table(results: Sequence[Result]) -> list[Line]:
    """One line for each band: sent, heard, why not, median and worst latency, to the site and on.

    What was not heard was on the air while nobody was there (``unvisited``: the plan's revisit, a
    hunt, or a computer too busy to keep to the plan), or somebody was there and did not recognise
    it (``unrecognised``).
    """
    lines: list[Line] = []
    for band in dict.fromkeys(one.band for one in results):
        sent = [one for one in results if one.band == band]
        first = sorted(min(one.heard.values()) for one in sent if one.heard)
        there = sorted(one.delivered_s for one in sent if one.delivered_s is not None)
        lines.append(
            {
                "band": band,
                "sent": len(sent),
                "heard": len(first),
                "share": round(len(first) / len(sent), 3),
                "unvisited": sum(not one.heard and not one.visits for one in sent),
                "unrecognised": sum(not one.heard and one.visits > 0 for one in sent),
                "median_s": round(median(first), 2) if first else None,
                "worst_s": round(first[-1], 2) if first else None,
                "delivered": len(there),
                "delivered_median_s": round(median(there), 2) if there else None,
            }
        )
    return lines


def notes(results: Sequence[Result]) -> list[tuple[bool, Note]]:
    """What the centre is told at the end: whether all was heard, for each band."""
    return [
        (
            line["heard"] == line["sent"],
            Note(
                "drill.band",
                {
                    "band": str(line["band"]),
                    "sent": int(line["sent"] or 0),
                    "heard": int(line["heard"] or 0),
                    "unvisited": int(line["unvisited"] or 0),
                    "unrecognised": int(line["unrecognised"] or 0),
                    "delivered": int(line["delivered"] or 0),
                    **{
                        name: str("-" if line[name] is None else line[name])
                        for name in ("median_s", "worst_s", "delivered_median_s")
                    },
                },
            ),
        )
        for line in table(results)
    ]


def keep(results: Sequence[Result], start_ns: int, folder: Path, site: str) -> Path:
    """Add the result to the site's ``drills.jsonl``.

    Raises
    ------
    OSError
    """
    path = folder / "drills.jsonl"
    started = datetime.fromtimestamp(start_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    shots = [
        {
            "band": one.band,
            "kind": one.shot.kind,
            "freq_hz": one.shot.freq_hz,
            "on_s": round((one.shot.on_ns - start_ns) / 1e9, 3),
            "visits": one.visits,
            "heard_s": {sensor: round(late, 3) for sensor, late in one.heard.items()},
        }
        for one in results
    ]
    line = {
        "kind": "drill",
        "site": site,
        "started": started,
        "bands": table(results),
        "transmissions": shots,
    }
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
    return path


def lines_of(results: Sequence[Result], lang: Lang) -> list[str]:
    """The result for people."""
    heads = ("band", "heard", "unvisited", "unrecognised", "latency", "centre")
    rows = [tuple(say(f"drill.head_{name}", lang) for name in heads)]
    for line in table(results):
        seconds = "-" if line["median_s"] is None else f"{line['median_s']} / {line['worst_s']} s"
        there = line["delivered_median_s"]
        rows.append(
            (
                str(line["band"]),
                f"{line['heard']}/{line['sent']}",
                str(line["unvisited"]),
                str(line["unrecognised"]),
                seconds,
                f"{line['delivered']}  {'-' if there is None else f'{there} s'}",
            )
        )
    return columns(rows).splitlines()
