"""What one bundle will hold: looked for before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct
from sqlalchemy import Engine

from dashboard import bundle_records, queries
from dashboard.access import Identity
from dashboard.bundle_format import LeftOut
from dashboard.bundle_records import Found
from dashboard.clips import Announced, clips_of
from dashboard.errors import Refused
from dashboard.evidence import Evidence
from dashboard.taking import Taking

MOST_RECORDINGS = 3000
"""Of one bundle: a verifier must be able to set a bound."""
LOOKS = 5
"""Until nothing new was announced while we looked."""


class BundleQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/alarms/{id}/bundle``: with the recordings, or the signed records alone."""

    recordings: Literal["yes", "no"] = "yes"


@dataclass(slots=True)
class Case:
    """What goes into one bundle.

    Attributes
    ----------
    alarm : str
    card : bytes
        The alarm as it is shown.
    who : str
        Takes it.
    clips : sequence of Announced
        Every recording of the alarm.
    found : Found
        Its records.
    complete : list of Announced
        Recordings that are here and wanted.
    num_bytes : int
        Of their samples.
    left_out : list of LeftOut
    agreed : dict
        Who else agreed that they leave, by recording.
    taken : dict of str to str
        Those that were written: name and hash.
    """

    alarm: str
    card: bytes
    who: str
    clips: Sequence[Announced]
    found: Found
    complete: list[Announced] = field(default_factory=list)
    num_bytes: int = 0
    left_out: list[LeftOut] = field(default_factory=list)
    agreed: dict[str, dict[str, object]] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Of every recording of the alarm."""
        return [clip.name for clip in self.clips]


def open_case(
    reader: Engine,
    evidence: Evidence,
    taking: Taking,
    alarm_id: str,
    query: BundleQuery,
    who: Identity,
) -> Case:
    """See what there is of an alarm, and who may have it.

    Raises
    ------
    Refused
        No such alarm (404); too many recordings, too much going on, or a second person must agree
        first (409).
    """
    card = queries.alarm_card(reader, alarm_id)
    if card is None:
        raise Refused("alarm.unknown", 404, alarm=alarm_id)
    case = Case(alarm_id, bytes(card), who.name, *_look(reader, alarm_id))
    for clip in case.clips:
        shown = evidence.card(clip)
        if query.recordings == "no":
            case.left_out.append(LeftOut(clip.name, clip.sha256, "unwanted"))
        elif shown.state == "complete":
            case.complete.append(clip)
            case.num_bytes += shown.bytes or 0
        else:
            case.left_out.append(LeftOut(clip.name, clip.sha256, shown.state))
    if len(case.complete) > MOST_RECORDINGS:
        raise Refused("bundle.too_many", 409, count=len(case.complete), most=MOST_RECORDINGS)
    case.agreed = taking.agreements(alarm_id, [clip.name for clip in case.complete], who)
    return case


def _look(reader: Engine, alarm_id: str) -> tuple[list[Announced], Found]:
    """Recordings and records of one moment, although more may be arriving."""
    clips = clips_of(reader, alarm_id)
    for _ in range(LOOKS):
        found = bundle_records.find_records(reader, alarm_id, clips)
        before, clips = clips, clips_of(reader, alarm_id)
        if [clip.name for clip in before] == [clip.name for clip in clips]:
            return clips, found
    raise Refused("bundle.busy", 409)
