"""Two persons: what one wants, a second one decides, who signs in anew and sees exactly what.

A request is kept as canonical JSON with its SHA-256.  The second person sends that hash back with a
password: what is carried out is what was on that person's screen, by somebody who was there.
Request, decision and what is carried out are rows of the audit log, the last two in one
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
from sqlalchemy import Connection, insert, select, update

from dashboard import schema
from dashboard.access import ROLES, Identity, Role, Throttle
from dashboard.alarms import Alarm
from dashboard.approvals import (
    NEEDS,
    ONCE_POSSIBLE,
    STATES,
    Act,
    Approval,
    Decision,
    PairSection,
    request_hash,
)
from dashboard.audit import canonical
from dashboard.errors import Refused
from dashboard.known import NEVER
from dashboard.store import MONITOR, Store

SECOND = 1_000_000_000
Changed = list[Alarm]
Afterwards = Callable[[], None]
Carrier = Callable[[Connection, Changed, Approval], Afterwards | None]
"""Does what was approved, in the transaction of the approval; answers with what is to be done when
that is on disk."""


class People(Protocol):
    """Who has an account: `dashboard.accounts.Accounts`."""

    def by_password(self, name: str, password: str) -> Identity | None:
        """Check a password."""
        ...

    def roles(self) -> Mapping[str, Role]:
        """Role of everybody who can sign in."""
        ...

    def changed_ns(self, name: str) -> int:
        """When an account was made, or last changed by anybody."""
        ...


class Pairs:
    """All requests.

    Parameters
    ----------
    store : Store
    people : People
    section : PairSection
        With ``acts`` given.
    tell : callable
        Told of every request when it changes, from any thread.

    Attributes
    ----------
    carriers : dict
        By act, see `Carrier`.
    """

    def __init__(
        self,
        store: Store,
        people: People,
        section: PairSection,
        tell: Callable[[Approval], None] = lambda approval: None,
    ) -> None:
        self.people = people
        self.section = section
        self.carriers: dict[Act, Carrier] = {}
        self._store = store
        self._tell = tell
        self._throttle = Throttle(store.now_ns)

    def needs_two(self, act: Act) -> bool:
        """Whether this centre wants a second person for it."""
        if act not in (self.section.acts or ()):
            return False
        if act not in ONCE_POSSIBLE:
            return True
        roles = self.people.roles().values()
        return sum(NEEDS[act] in ROLES[role] for role in roles) >= 2

    def since_ns(self) -> int:
        """Agreements about what is done later count from then on: as long as a request waits."""
        return self._store.now_ns() - round(self.section.wait_s * SECOND)

    def acts(self) -> list[Act]:
        """What takes two persons now."""
        return [act for act in self.section.acts or () if self.needs_two(act)]

    @property
    def strong(self) -> int:
        """Suspicion from which nobody makes an alarm disappear alone."""
        return self.section.suspicion if self.needs_two("dismissal") else NEVER

    def want(self, act: Act, subject: str, what: Mapping[str, object], who: Identity) -> Approval:
        """Ask for a second person; what needs none is carried out at once.

        Raises
        ------
        Refused
            Who asks has no account, or somebody asked for the same already (409); whatever the
            act itself refuses.
        """
        alone = not self.needs_two(act)
        after: Afterwards | None = None
        if not alone and who.name not in self.people.roles():
            raise Refused("pair.needs_account", 409)
        now_ns = self._store.now_ns()
        until_ns = now_ns + round(self.section.wait_s * SECOND)
        text = canonical(what)
        digest = request_hash(act, subject, text, who.name, now_ns)
        with self._store.changing() as (connection, changed):
            self._check_alone(connection, act, subject)
            row = {
                **{"act": act, "subject": subject, "what": text, "hash": digest},
                **{"wanted_by": who.name, "wanted_ns": now_ns, "until_ns": until_ns},
                **{"state": "single" if alone else "waiting", "decided_by": "", "note": ""},
                "decided_ns": now_ns if alone else 0,
            }
            added = connection.execute(insert(schema.approvals).values(row))
            (number,) = added.inserted_primary_key or (0,)
            approval = Approval(**{**row, "id": number, "what": msgspec.json.decode(text)})
            detail = {"act": act, "subject": subject, "hash": digest, "what": what}
            self._store.note(connection, who.name, f"pair.{approval.state}", str(number), detail)
            if alone:
                after = self.carriers[act](connection, changed, approval)
        if after is not None:
            after()
        self._tell(approval)
        return approval

    def decide(self, number: int, wish: Decision, who: Identity) -> Approval:
        """Approve, refuse or withdraw; approving carries out what was wanted.

        Raises
        ------
        Refused
            No such request (404); not this person's to decide, or a wrong password (403); decided
            before, over, or another request than the one on the screen (409); too many wrong
            passwords (429); whatever the act itself refuses by now.
        """
        approval = self._find(number)
        self._check_person(approval, wish, who)
        after: Afterwards | None = None
        with self._store.changing() as (connection, changed):
            now_ns = self._store.now_ns()
            approval = self._find(number, connection)
            if approval.state != "waiting" or now_ns >= approval.until_ns:
                raise Refused("pair.over", 409, id=number)
            if not approval.hash == wish.hash == approval.hash_now():
                raise Refused("pair.other_hash", 409)
            change = {
                **{"state": STATES[wish.decision], "decided_by": who.name},
                **{"decided_ns": now_ns, "note": wish.note.strip()},
            }
            decided = self._change(connection, approval, change, who.name)
            if wish.decision == "approve":
                after = self.carriers[approval.act](connection, changed, decided)
        if after is not None:
            after()
        self._tell(decided)
        return decided

    def confirm(self, who: Identity, password: str) -> None:
        """Check that it is still the same person who sits there.

        Raises
        ------
        Refused
            A wrong password (403), or too many of them lately (429).
        """
        self._throttle.check()
        if self.people.by_password(who.name, password) is None:
            self._throttle.failed()
            raise Refused("http.bad_password", 403)

    def expire(self) -> None:
        """End the requests that nobody decided in time."""
        table, now_ns = schema.approvals, self._store.now_ns()
        late = select(table).where(table.c.state == "waiting", table.c.until_ns <= now_ns)
        with self._store.writing() as connection:
            ended = [
                self._change(
                    connection, Approval.of_row(row), {"state": "expired", "decided_ns": now_ns}
                )
                for row in connection.execute(late).all()
            ]
        for approval in ended:
            self._tell(approval)

    def _check_person(self, approval: Approval, wish: Decision, who: Identity) -> None:
        """Whether this person may decide, and is there."""
        own = approval.wanted_by == who.name
        if own != (wish.decision == "withdraw"):
            raise Refused("pair.own" if own else "pair.not_own", 403)
        if not who.may(NEEDS[approval.act]):
            raise Refused("http.forbidden", 403)
        if approval.act == "shift" and not own and who.name != approval.subject:
            raise Refused("pair.not_named", 403, name=approval.subject)
        if wish.decision != "approve":
            return
        if who.name not in self.people.roles():
            raise Refused("pair.needs_account", 403)
        if self.people.changed_ns(who.name) > approval.wanted_ns:
            # Whoever makes accounts could otherwise make the second person when one is needed.
            raise Refused("pair.new_account", 403, name=who.name)
        self.confirm(who, wish.password)

    def _check_alone(self, connection: Connection, act: Act, subject: str) -> None:
        """Two requests for one thing would be two decisions about it."""
        table = schema.approvals
        waiting = select(table.c.id).where(
            table.c.act == act,
            table.c.subject == subject,
            table.c.state == "waiting",
            table.c.until_ns > self._store.now_ns(),
        )
        if (other := connection.scalar(waiting)) is not None:
            raise Refused("pair.waits", 409, id=other)

    def _find(self, number: int, connection: Connection | None = None) -> Approval:
        query = select(schema.approvals).where(schema.approvals.c.id == number)
        if connection is None:
            with self._store.reader.connect() as reader:
                row = reader.execute(query).first()
        else:
            row = connection.execute(query).first()
        if row is None:
            raise Refused("pair.unknown", 404, id=number)
        return Approval.of_row(row)

    def _change(
        self,
        connection: Connection,
        approval: Approval,
        change: Mapping[str, Any],
        actor: str = MONITOR,
    ) -> Approval:
        table = schema.approvals
        connection.execute(update(table).where(table.c.id == approval.id).values(**change))
        changed = msgspec.structs.replace(approval, **change)
        detail = {
            **{"act": approval.act, "subject": approval.subject, "hash": approval.hash},
            **{"wanted_by": approval.wanted_by, "note": changed.note},
        }
        act = f"pair.{changed.state}"
        self._store.note(connection, actor, act, str(approval.id), detail)
        return changed
