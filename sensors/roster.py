"""Which dongles of a place are there, and who visits what when one goes or comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dsp.plan import Share
from sensors.messages import Note
from sensors.task import TakeHops, parts_of_team
from sensors.team import Team

MAX_TEXT = 200
"""Of an argument on the wire."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new division of the work.

    Attributes
    ----------
    orders : dict
        `TakeHops` by sensor id; empty when nobody is left.
    note : Note
        What it means, for people.
    worse : bool
        Whether something is watched less than planned because of it.
    """

    orders: dict[str, TakeHops]
    note: Note
    worse: bool


class Roster:
    """Who is present.  Everybody is, until the contrary is heard.

    Parameters
    ----------
    teams : sequence of Team
    """

    def __init__(self, teams: Sequence[Team]) -> None:
        self._team = {sensor: team for team in teams for sensor in team.sensors}
        self._absent: set[str] = set()

    def is_away(self, sensor: str) -> bool:
        """Whether its work has been given to others."""
        return sensor in self._absent

    def mates(self, sensor: str) -> list[str]:
        """The others that stand at its place and work."""
        team = self._team.get(sensor)
        members = team.sensors if team is not None else ()
        return [other for other in members if other != sensor and other not in self._absent]

    def short(self, sensor: str) -> bool:
        """Whether somebody of its team is missing."""
        team = self._team.get(sensor)
        return team is not None and any(other in self._absent for other in team.sensors)

    def measured(self, sensor: str, hop_s: float) -> None:
        """Note what a hop takes there."""
        if hop_s > 0 and sensor in self._team:
            self._team[sensor].hop_s[sensor] = hop_s

    def leave(self, sensor: str) -> Change | None:
        """A dongle is lost: its hops go to the others, the important bands first."""
        team = self._team.get(sensor)
        if team is None or sensor in self._absent:
            return None
        before = self._late(team)
        self._absent.add(sensor)
        if not self.mates(sensor):
            bands = ", ".join(band.name for band in team.plan.bands)
            note = Note("plan.uncovered", {"sensor": sensor, "bands": bands[:MAX_TEXT]})
            return Change({}, note, worse=True)
        late = {name: text for name, text in self._late(team).items() if name not in before}
        args: dict[str, str | float | int] = {
            "sensor": sensor,
            "others": ", ".join(self.mates(sensor))[:MAX_TEXT],
        }
        if late:
            note = Note("plan.lost_late", {**args, "bands": "; ".join(late.values())[:MAX_TEXT]})
        else:
            note = Note("plan.lost", args)
        return Change(self._orders(team), note, worse=True)

    def come(self, sensor: str) -> Change | None:
        """A dongle is back: it takes its part again."""
        team = self._team.get(sensor)
        if team is None or sensor not in self._absent:
            return None
        self._absent.remove(sensor)
        return Change(self._orders(team), Note("plan.restored", {"sensor": sensor}), worse=False)

    def _orders(self, team: Team) -> dict[str, TakeHops]:
        present = [sensor for sensor in team.sensors if sensor not in self._absent]
        return parts_of_team(team, present)

    def _late(self, team: Team) -> dict[str, str]:
        """Bands that are late with those present: by name, in words that need no language."""
        present = [sensor for sensor in team.sensors if sensor not in self._absent]
        if not present:
            return {}
        return {share.band.name: late_text(share) for share in team.divide(present)[1].losers}


def late_text(share: Share) -> str:
    """A band, how often it is visited and how often it should be."""
    return f"{share.band.name} {share.revisit_s:.2g} s > {share.wanted_revisit_s:g} s"
