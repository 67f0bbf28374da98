"""What a site's dongles can watch, told before they are plugged in: ``rfproctor sensor --plan``."""

from __future__ import annotations

import json
from dataclasses import dataclass

import click

from dsp.division import dongles_needed, parts_of
from dsp.plan import Share
from sensors.columns import columns
from sensors.config import Site
from sensors.team import OVERHEAD_S, Team, hop_overhead, is_tunable, teams_of
from sensors.text import Lang, say

MESSAGES_S = (0.2, 0.5, 2.0, 4.0)
"""Lengths of a message whose chance to be heard is told."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """The plan of one team of dongles.

    Attributes
    ----------
    team : Team
    position : str
    dwell_s : float
    shares : tuple of Share
    parts : dict
        Sensor id -> words: its part of the bands.
    utilisation : float
        Time asked for over the time there is.
    enough : int
        Dongles like these that meet every deadline.
    hunt_share : float
        Of the time that stays with new emitters may take; nothing above counts it.
    """

    team: Team
    position: str
    dwell_s: float
    shares: tuple[Share, ...]
    parts: dict[str, str]
    utilisation: float
    enough: int
    hunt_share: float


def forecasts(site: Site) -> list[Forecast]:
    """Plan every team of a site."""
    position = dict(zip(site.sensor_ids, (d.position for d in site.file.dongle), strict=True))
    found = []
    for team in teams_of(site):
        members, division = team.divide()
        parts = {
            sensor: ", ".join(
                f"{part.name} {part.start_hz / 1e6:.6g}-{part.stop_hz / 1e6:.6g}"
                for part in parts_of(team.plan, hops)
            )
            for sensor, hops in zip(members, division.hops, strict=True)
        }
        found.append(
            Forecast(
                team=team,
                position=position[members[0]],
                dwell_s=site.file.scan.dwell_s,
                shares=division.shares,
                parts=parts,
                utilisation=division.utilisation,
                enough=dongles_needed(team.plan, max(team.hop_s.values())),
                hunt_share=site.file.scan.hunt_share,
            )
        )
    return found


def tell(site: Site, lang: Lang, *, as_json: bool) -> None:
    """Print the plan of a site; nothing is opened."""
    for index, sensor in enumerate(site.sensor_ids):
        if not is_tunable(site.file.dongle[index].source):
            _tell_recording(sensor, lang, as_json=as_json)
    for forecast in forecasts(site):
        if as_json:
            _print_json(forecast)
        else:
            click.echo(_text(site, forecast, lang))


def _tell_recording(sensor: str, lang: Lang, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"kind": "recording", "sensor": sensor}, ensure_ascii=False))
    else:
        click.echo(say("plan.recording", lang, sensor=sensor))


def _print_json(forecast: Forecast) -> None:
    for share in forecast.shares:
        band = share.band
        chances = {f"{s:g}": round(share.intercept(s, forecast.dwell_s), 4) for s in MESSAGES_S}
        row = {
            "kind": "band",
            "position": forecast.position,
            "band": band.name,
            "start_hz": band.start_hz,
            "stop_hz": band.stop_hz,
            "priority": band.priority,
            "hops": share.hops,
            "wanted_revisit_s": share.wanted_revisit_s,
            "revisit_s": round(share.revisit_s, 4),
            "utilisation": round(share.utilisation, 4),
            "met": share.met,
            "p": chances,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
    for sensor in forecast.team.sensors:
        row = {
            "kind": "dongle",
            "position": forecast.position,
            "sensor": sensor,
            "hop_s": round(forecast.team.hop_s[sensor], 5),
            "bands": forecast.parts[sensor],
        }
        click.echo(json.dumps(row, ensure_ascii=False))
    row = {
        "kind": "plan",
        "position": forecast.position,
        "dongles": len(forecast.team.sensors),
        "utilisation": round(forecast.utilisation, 4),
        "met": all(share.met for share in forecast.shares),
        "losers": [share.band.name for share in forecast.shares if not share.met],
        "dongles_needed": forecast.enough,
        "hunt_share": forecast.hunt_share,
    }
    click.echo(json.dumps(row, ensure_ascii=False))


def _text(site: Site, forecast: Forecast, lang: Lang) -> str:
    """One team for people."""
    heads = ["band", "mhz", "hops", "wanted", "reached", "time", *(f"{s:g}" for s in MESSAGES_S)]
    rows = [
        [say(f"plan.column.{head}", lang) for head in heads[:6]]
        + [f"P({s:g} s)" for s in MESSAGES_S]
        + [""]
    ]
    for share in forecast.shares:
        band = share.band
        chances = [f"{share.intercept(s, forecast.dwell_s):.2f}" for s in MESSAGES_S]
        rows.append(
            [
                band.name,
                f"{band.start_hz / 1e6:g}-{band.stop_hz / 1e6:g}",
                str(share.hops),
                f"{share.wanted_revisit_s:g} s",
                f"{share.revisit_s:.2f} s",
                f"{share.utilisation:.0%}",
                *chances,
                "" if share.met else say("plan.too_late", lang),
            ]
        )
    team = forecast.team
    lines = [
        say(
            "plan.title",
            lang,
            position=forecast.position or site.file.site.id,
            count=len(team.sensors),
            dwell_ms=f"{forecast.dwell_s * 1e3:g}",
        ),
        columns(rows, left=2),
        "",
    ]
    for index, sensor in enumerate(site.sensor_ids):
        if sensor not in forecast.parts:
            continue
        serial = site.file.dongle[index].source.partition(":")[2].partition("?")[0]
        tune_s, settle_s = hop_overhead(site.data, serial)
        lines.append(
            say(
                "plan.dongle",
                lang,
                sensor=sensor,
                hop_ms=f"{team.hop_s[sensor] * 1e3:.1f}",
                tune_ms=f"{tune_s * 1e3:.1f}",
                settle_ms=f"{settle_s * 1e3:.1f}",
                rest_ms=f"{OVERHEAD_S * 1e3:.1f}",
                parts=forecast.parts[sensor],
            )
        )
    losers = ", ".join(share.band.name for share in forecast.shares if not share.met)
    message_id = "plan.not_met" if losers else "plan.met"
    lines.append(
        say(
            message_id,
            lang,
            used=f"{forecast.utilisation:.0%}",
            count=len(team.sensors),
            losers=losers,
            enough=forecast.enough,
        )
    )
    if forecast.hunt_share > 0:
        longer = 1 / (1 - forecast.hunt_share)
        text = {"share": f"{forecast.hunt_share:.0%}", "longer": f"{longer:.1f}"}
        lines.append(say("plan.stays", lang, **text))
    return "\n".join(lines) + "\n"
