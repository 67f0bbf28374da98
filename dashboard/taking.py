"""Recordings that are taken away: copies leave for who asked, when a second person agreed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from dashboard.access import Identity
from dashboard.approvals import Approval, agreement
from dashboard.clips import LIST, SUFFIXES, clips_of, find_clip
from dashboard.errors import Refused
from dashboard.evidence import Evidence
from dashboard.pairs import Pairs
from dashboard.saving import OpenFile
from dashboard.second import Remark, alarm_line
from dashboard.store import Store

ClipName = Annotated[str, Meta(min_length=1, max_length=128)]


class Export(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/alarms/{id}/exports``: which recordings, and what for.

    And of ``POST /api/v1/recordings/exports/{site}``, for those that belong to no alarm.
    """

    clips: Annotated[list[ClipName], Meta(min_length=1, max_length=100)]
    note: Remark = ""


class Taking:
    """Gives recordings out.

    Parameters
    ----------
    store : Store
    evidence : Evidence
    pairs : Pairs
    """

    def __init__(self, store: Store, evidence: Evidence, pairs: Pairs) -> None:
        self._store = store
        self._evidence = evidence
        self._pairs = pairs
        pairs.carriers["export"] = lambda *_: None  # the files are fetched afterwards

    def ask(self, alarm_id: str, wish: Export, who: Identity) -> Approval:
        """Ask to take recordings of an alarm away.

        Raises
        ------
        Refused
            No such alarm or recording (404), or `dashboard.pairs.Pairs.want` refuses.
        """
        with self._store.reader.connect() as connection:
            alarm = self._store.alarm(connection, alarm_id)
        there = self._signed(alarm_id)
        for name in wish.clips:
            if name not in there:
                raise Refused("evidence.unknown", 404, alarm=alarm_id, file=name)
        clips = {name: there[name] for name in wish.clips}
        what = {"alarm": alarm_line(alarm), "clips": clips, "note": wish.note.strip()}
        return self._pairs.want("export", alarm_id, what, who)

    def ask_of_site(self, site: str, wish: Export, who: Identity) -> Approval:
        """Ask to take recordings of a site away, whatever they belong to.

        Raises
        ------
        Refused
            No such recording (404), or `dashboard.pairs.Pairs.want` refuses.
        """
        clips = {}
        with self._store.reader.connect() as connection:
            for name in wish.clips:
                if (clip := find_clip(connection, site, name)) is None:
                    raise Refused("recording.unknown", 404, site=site, file=name)
                clips[name] = clip.sha256
        return self._pairs.want("export", site, {"clips": clips, "note": wish.note.strip()}, who)

    def open_file(self, alarm_id: str, name: str, who: Identity) -> OpenFile:
        """Open a file of a recording for who takes it away.

        Raises
        ------
        Refused
            Nobody agreed, or longer ago than a request waits (409); or
            `dashboard.evidence.Evidence.open_file` refuses.
        """
        by: dict[str, object] = {}
        if self._pairs.needs_two("export"):
            by = self._agreed(alarm_id, name, who)
        return self._evidence.open_file(alarm_id, name, who.name, **by)

    def agreements(
        self, alarm_id: str, names: Iterable[str], who: Identity
    ) -> dict[str, dict[str, object]]:
        """What lets somebody take these recordings away all at once, by recording.

        Raises
        ------
        Refused
            Nobody agreed about one of them (409).
        """
        if not self._pairs.needs_two("export"):
            return {}
        return {name: self._agreed(alarm_id, name + LIST, who) for name in names}

    def _agreed(self, alarm_id: str, name: str, who: Identity) -> dict[str, object]:
        """The agreement that lets this person have this file; nothing for a file that is none."""
        signed = {
            clip: sha256
            for clip, sha256 in self._signed(alarm_id).items()
            if name in [clip + suffix for suffix in SUFFIXES]
        }
        if not signed:
            return {}
        since_ns = self._pairs.since_ns()
        by = agreement(self._store.reader, (alarm_id,), signed, who.name, since_ns)
        if by is None:
            raise Refused("evidence.takes_two", 409, file=name)
        return by

    def _signed(self, alarm_id: str) -> dict[str, str]:
        """Recordings of an alarm, each with the hash that its site signed."""
        return {clip.name: clip.sha256 for clip in clips_of(self._store.reader, alarm_id)}
