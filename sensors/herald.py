"""What a site says: events for the centre, and the same in its own log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import structlog

from dsp.compare import SurveyEmitter
from sensors.drill import Drill
from sensors.heard import heard_notes
from sensors.link import Link
from sensors.listener import Listener
from sensors.messages import EmitterEvent, Event, Note, NoticeEvent
from sensors.outbox import OutboxFault
from sensors.reports import ClipReport
from sensors.visit import Gap

log = structlog.get_logger()

Level = Literal["info", "warning", "alarm"]

OUR_OWN = frozenset({"ledger.gap_baseline", "ledger.gap_starting", "ledger.gap_stopped"})
"""Causes of silence that are part of starting and stopping ..."""

TOLD_S = 3.0
"""... of which people are told when they last longer than this."""


class Herald:
    """Publishes the events of a site.

    Parameters
    ----------
    site : str
    link : Link or None
        None: a survey, nobody is told.

    Attributes
    ----------
    drill : Drill or None
        The latest one, over or not: its events say so, and the last of them come after its end.
    unpublished : int
        Events that could not be made durable.
    """

    def __init__(self, site: str, link: Link | None) -> None:
        self.unpublished = 0
        self.drill: Drill | None = None
        self._site = site
        self._link = link
        self._trouble: set[str] = set()
        self._owned_up = self._unkept_ns = 0

    def tell(self, events: Iterable[EmitterEvent]) -> None:
        """Say what was heard."""
        drill = self.drill
        for event in events if drill is None else map(drill.mark, events):
            log.info(
                "emitter",
                phase=event.phase,
                sensor=event.sensor,
                center_freq_hz=round(event.center_freq_hz),
                bandwidth_hz=round(event.bandwidth_hz),
                snr_db=round(event.snr_db, 1),
                suspicion=event.suspicion,
                drill=event.drill,
            )
            seq = self.publish(event)
            if drill is not None and event.drill and seq:
                drill.heard(event, seq, time.time_ns())

    def notice(
        self,
        sensor: str,
        level: Level,
        note: Note,
        start_ns: int,
        stop_ns: int = 0,
    ) -> None:
        """Say something about a sensor that must not be lost; ``stop_ns`` 0 while it lasts."""
        self.publish(NoticeEvent(self._site, sensor, level, note, start_ns, stop_ns))

    def gap(self, gap: Gap) -> None:
        """Say that a sensor was silent; the ledger has it in any case."""
        ours = gap.cause in OUR_OWN
        if ours and gap.duration_s < TOLD_S:
            return
        note = Note(gap.cause, {**gap.fields, "seconds": round(gap.duration_s, 1)})
        level: Level = "info" if ours else "warning"
        self.notice(gap.sensor, level, note, gap.start_ns, gap.stop_ns)

    def learnt(self, sensor: str, heard: Sequence[SurveyEmitter]) -> None:
        """Say what a survey has learnt: not silently, somebody has to say that it is legal."""
        for note, first_ns, last_ns in heard_notes(heard):
            self.notice(sensor, "info", note, first_ns, last_ns)

    def trouble(self, notes: Sequence[Note]) -> None:
        """Keep in the log what is wrong with link or outbox: once, and once when it is over."""
        before, self._trouble = self._trouble, {note.id for note in notes}
        for note in notes:
            if note.id not in before:
                log.error("link_trouble", fault=note.id, **note.args)
        for message_id in before - self._trouble:
            log.info("link_trouble_over", fault=message_id)

    def publish(self, event: Event) -> int:
        """Put an event into the outbox; its number there, 0 where it could not be done."""
        if self._link is None:
            return 0
        try:
            seq = self._link.publish(event)
        except OutboxFault as fault:
            # Said here and in the heartbeat; the watch itself goes on.
            self.unpublished += 1
            self._unkept_ns = self._unkept_ns or time.time_ns()
            log.error("event_not_durable", fault=fault.message_id, **fault.fields)
            return 0
        if self.unpublished > self._owned_up:
            self._own_up(self._link)
        return seq

    def _own_up(self, link: Link) -> None:
        """Say, now that events are kept again, how many were not: the gap is an alarm itself."""
        now_ns = time.time_ns()
        count, seconds = self.unpublished - self._owned_up, (now_ns - self._unkept_ns) / 1e9
        note = Note("notice.unkept", {"count": count, "seconds": round(seconds)})
        event = NoticeEvent(self._site, self._site, "alarm", note, self._unkept_ns, now_ns)
        try:
            link.publish(event)
        except OutboxFault:
            return  # the next event tries again
        self._owned_up, self._unkept_ns = self.unpublished, 0

    def clip(self, listener: Listener, report: ClipReport) -> None:
        """Say that samples were kept (or not), and let the centre have them."""
        name = report.asked or listener.follow.name(report.emitter)
        if report.deleted:
            self._deleted(listener.task.sensor, report)
        if report.message_id:
            log.error("clip_failed", sensor=report.sensor, fault=report.message_id)
            note = Note(report.message_id, dict(report.fields))
            self.notice(listener.task.sensor, "warning", note, report.time_ns)
            return
        files = [Path(file) for file in report.files]
        args: dict[str, str | float | int] = {
            "file": files[0].name,
            "emitter": name,
            "seconds": round(report.num_samples / (listener.task.sample_rate_hz or 1.0), 2),
            "sha256": report.manifest_sha256,
        }
        log.info("clip_kept", sensor=report.sensor, **args)
        self.notice(
            listener.task.sensor,
            "info",
            Note("evidence.kept", args),
            report.start_ns,
            report.stop_ns,
        )
        if self._link is None:
            return
        for file in files:
            try:
                self._link.clips.offer(file, asked=bool(report.asked))
            except OSError as error:
                log.error("clip_unreadable", file=str(file), why=str(error))

    def _deleted(self, sensor: str, report: ClipReport) -> None:
        """Say which clips had to go for this one, kept or not."""
        log.warning("clips_deleted", sensor=sensor, names=report.deleted)
        gone: dict[str, str | float | int] = {
            "count": len(report.deleted),
            "first": report.deleted[0][:200],
        }
        self.notice(sensor, "warning", Note("evidence.deleted", gone), report.time_ns)
