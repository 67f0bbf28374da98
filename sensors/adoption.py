"""Configurations that the centre sends: checked, tried, kept when the site works, else taken back.

A site must never be lost to a wrong file.  What is sent is checked by the very loader that reads it
at the start, the file before it is kept beside it, and the new one has to prove itself: every
dongle that worked before must work again soon.  A site that ended while it was trying, for whatever
reason, starts with the old file.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from sdr.source import UserError
from sensors.config import Site, load_site
from sensors.errands import Declined
from sensors.keys import signed_by
from sensors.link import Link
from sensors.messages import Answer, Configure, Heartbeat, Note, NoticeEvent
from sensors.orders import configuration_digest
from sensors.outbox import OutboxFault
from sensors.pin import write_whole

PROVE_S = 60.0
"""So long a new configuration has time to come up."""
HEALTHY_S = 5.0
"""So long all must be well in one go."""
WORKS = ("go", "degraded", "drill", "survey")

log = structlog.get_logger()


class _State(Struct, frozen=True):
    """``configuration.json``: the newest version that was ever taken, and what became of it."""

    version: int = 0
    state: str = "proven"


class Adoption:
    """The configuration of one site, while it runs.

    Parameters
    ----------
    site : Site
        As configured now.
    sources : tuple of str
        As typed at the start, instead of the file's dongles.
    prove_s, healthy_s : float

    Attributes
    ----------
    site : Site
        What to run with.
    """

    def __init__(
        self,
        site: Site,
        sources: tuple[str, ...] = (),
        *,
        prove_s: float = PROVE_S,
        healthy_s: float = HEALTHY_S,
    ) -> None:
        self.site = site
        self._sources = sources
        self._prove_s = prove_s
        self._healthy_s = healthy_s
        self._file = site.data / "configuration.json"
        self._previous = site.data / "site.previous.toml"
        self._state = self._read()
        self._must_work: set[str] | None = None
        self._until_s = self._well_s = self._look_s = 0.0
        self._unsaid: list[Note] = []
        if self._state.state == "trying":
            self._take_back("config.why_ended", {})

    def wanted(self, link: Link, beat: Callable[[], Heartbeat]) -> bool:
        """Whether the station has to end, to go on with `site`; call it often.

        Parameters
        ----------
        link : Link
            Brings what the centre sends, and takes what became of it.
        beat : callable
            State of the site now.
        """
        self._say(link)
        while (order := link.orders.configuration()) is not None:
            try:
                note, accepted = self._adopt(order, link.pin.verify_key, beat()), True
            except Declined as declined:
                note, accepted = declined.note, False
            log.info("configuration", version=order.version, accepted=accepted, note=note.id)
            link.answer(Answer(order.number, accepted, note))
            if accepted:
                return True
        now_s = time.monotonic()
        if self._must_work is None or now_s < self._look_s:
            return False
        self._look_s = now_s + 0.5
        if self._ill(beat()):
            self._well_s = now_s
        if now_s - self._well_s >= self._healthy_s:
            self._must_work = None
            self._keep(replace(self._state, state="proven"))
            self._unsaid.append(Note("config.adopted", self._facts()))
            log.info("configuration_adopted", version=self._state.version)
            self._say(link)
        elif now_s > self._until_s:
            names = ", ".join(sorted(self._ill(beat())))
            self._take_back("config.why_ill", {"sensors": names[:150]})
            return True
        return False

    def failed(self, fault: UserError) -> bool:
        """The station could not work; True when there is another configuration to go back to."""
        if self._must_work is None:
            return False
        self._take_back(fault.message_id, {k: str(v)[:150] for k, v in fault.fields.items()})
        return True

    def _adopt(self, order: Configure, verify_key: bytes | None, beat: Heartbeat) -> Note:
        """Check a configuration and put it into the file's place.

        Raises
        ------
        Declined
        """
        site = self.site
        digest = configuration_digest(site.file.site.id, order.version, order.text)
        if verify_key is None or not signed_by(verify_key, digest, order.signature):
            raise Declined("config.unsigned")
        if order.version <= self._state.version:
            raise Declined("config.older", version=order.version, known=self._state.version)
        if self._must_work is not None:
            raise Declined("config.busy")
        fresh = site.path.with_name(f".{site.path.name}.sent")
        try:
            write_whole(fresh, order.text)
            fresh.chmod(site.path.stat().st_mode & 0o777)
            new = self._load(fresh)
            _must_be_same_site(site, new)
            write_whole(self._previous, site.path.read_bytes())
            self._keep(_State(order.version, "trying"))
            fresh.replace(site.path)
        except OSError as error:
            raise Declined("config.unwritable", why=str(error)[:150]) from None
        finally:
            fresh.unlink(missing_ok=True)
        self._try(replace_path(new, site.path), beat)
        return Note("config.trying", {**self._facts(), "seconds": round(self._prove_s)})

    def _load(self, path: Path) -> Site:
        try:
            return load_site(path, self._sources)
        except UserError as error:
            fields = {key: str(value)[:150] for key, value in error.fields.items()}
            fields["file"] = self.site.path.name  # not the name under which it was looked at
            raise Declined(error.message_id, **fields) from None

    def _try(self, new: Site, beat: Heartbeat) -> None:
        broken = {health.source for health in beat.sensors if health.state not in WORKS}
        self.site = new
        self._must_work = {
            sensor
            for sensor, dongle in zip(new.sensor_ids, new.file.dongle, strict=True)
            if dongle.source.partition("?")[0] not in broken
        }
        now_s = time.monotonic()
        self._until_s = now_s + self._prove_s
        self._well_s = now_s

    def _ill(self, beat: Heartbeat) -> set[str]:
        """Sensors that must work and do not."""
        works = {h.sensor for h in beat.sensors if h.state in WORKS and h.last_dwell_ns}
        return (self._must_work or set()) - works

    def _take_back(self, why: str, fields: Mapping[str, str]) -> None:
        """Put the old file back into its place."""
        self._must_work = None
        failed = self._facts()
        mode = self.site.path.stat().st_mode & 0o777
        write_whole(self.site.path, self._previous.read_bytes())
        self.site.path.chmod(mode)
        self._keep(replace(self._state, state="taken_back"))
        self.site = load_site(self.site.path, self._sources)
        log.error("configuration_taken_back", version=self._state.version, why=why, fields=fields)
        self._unsaid += [Note("config.taken_back", failed), Note(why, dict(fields))]

    def _facts(self) -> dict[str, str | float | int]:
        return {"version": self._state.version, "config": config_hash(self.site)}

    def _say(self, link: Link) -> None:
        """Tell what became of a configuration; again later when the outbox takes nothing now."""
        while self._unsaid:
            note, now = self._unsaid[0], time.time_ns()
            level: Literal["info", "alarm"] = "info" if note.id == "config.adopted" else "alarm"
            site = self.site.file.site.id
            try:
                link.publish(NoticeEvent(site, site, level, note, now, now))
            except OutboxFault:
                return
            del self._unsaid[0]

    def _read(self) -> _State:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_State)
        except FileNotFoundError:
            return _State()
        except (OSError, msgspec.DecodeError) as error:
            raise UserError("config.state_damaged", file=self._file, why=str(error)) from None

    def _keep(self, state: _State) -> None:
        write_whole(self._file, msgspec.json.encode(state))
        self._state = state


def config_hash(site: Site) -> str:
    """Short name of the file that a site runs with."""
    return hashlib.sha256(site.path.read_bytes()).hexdigest()[:12]


def replace_path(site: Site, path: Path) -> Site:
    """The same configuration, read from another place."""
    return Site(site.file, path, site.data, site.baseline, site.bands, site.sensor_ids)


def _must_be_same_site(now: Site, new: Site) -> None:
    """A configuration may not make a site another one, or hand it to another centre."""
    same = (
        now.file.site.id == new.file.site.id
        and now.data == new.data
        and now.file.site.local == new.file.site.local
        and now.file.monitor == new.file.monitor
    )
    if not same:
        raise Declined("config.another_site")
