"""Commands to the sites: never one without a row in the audit log before it, and one after.

The row before says who wanted what, so that a command that was sent and whose answer was lost, or
during which this monitor died, is on record too.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
from msgspec import Struct
from sqlalchemy import select

from dashboard import schema
from dashboard.errors import Refused
from dashboard.keyring import Keyring
from dashboard.state import Board
from dashboard.store import Store
from sensors.messages import Answer, Note
from sensors.orders import configuration_digest
from sensors.toml import UserError

ORDER, ANSWER, NO_ANSWER = "site.order", "site.answer", "site.no_answer"
"""Acts in the audit log; what they are done to is the site."""

PATIENCE_S = 10.0
"""For the answer of a site."""

Args = dict[str, str | float | int]


class Carrier(Protocol):
    """Who brings a command to a site and its answer back: `dashboard.receiver.Receiver`."""

    async def command(
        self, site: str, name: str, args: Args | None, *, lease_s: float, within_s: float
    ) -> Answer:
        """Send a command."""
        ...

    async def configure(
        self, site: str, version: int, text: bytes, signature: bytes, *, within_s: float
    ) -> Answer:
        """Send a configuration."""
        ...


class Answered(Struct, frozen=True):
    """What a site said to a command.

    Attributes
    ----------
    site, order : str
    accepted : bool
    note : Note
        What it does, or why not.
    """

    site: str
    order: str
    accepted: bool
    note: Note


class Asked(Struct, frozen=True):
    """One row about a site in the audit log: a command, or what became of it.

    Attributes
    ----------
    time_ns : int
    actor : str
    act : str
    detail : dict
    """

    time_ns: int
    actor: str
    act: str
    detail: dict[str, Any]


class Asking:
    """Sends commands for people.  Its methods wait for the answer: call them from a thread.

    Parameters
    ----------
    store : Store
    carrier : Carrier
    loop : asyncio.AbstractEventLoop
        The carrier's.
    keyring : Keyring or None
        Signs configurations; None where there are no keys, and then there are none.
    board : callable
        The sites now: one that is silent is not asked.
    """

    def __init__(
        self,
        store: Store,
        carrier: Carrier,
        loop: asyncio.AbstractEventLoop,
        keyring: Keyring | None,
        board: Callable[[], Board],
    ) -> None:
        self._store = store
        self._carrier = carrier
        self._loop = loop
        self._keyring = keyring
        self._board = board
        self._closed = False
        self._waiting: set[Future[Answer]] = set()
        self._changed = threading.Condition()

    def close(self, within_s: float = 5.0) -> None:
        """Wait for no answer any more, until that is on record: call it before the store closes."""
        with self._changed:
            self._closed = True
            for future in self._waiting:
                future.cancel()
            self._changed.wait_for(lambda: not self._waiting, within_s)

    def ask(self, site: str, name: str, args: Args, author: str, lease_s: float = 30.0) -> Answered:
        """Have a command carried out at a site.

        Raises
        ------
        Refused
            409: the site is not connected or does not answer.
        """
        detail = {"order": name, "args": args, "lease_s": lease_s}
        return self._on_record(
            site,
            author,
            detail,
            lambda: self._carrier.command(site, name, args, lease_s=lease_s, within_s=PATIENCE_S),
        )

    def configure(self, site: str, text: str, author: str) -> Answered:
        """Have a site run with another configuration; it goes back by itself if it fails with it.

        Versions are milliseconds of our clock: they rise, also after our store was restored.

        Raises
        ------
        Refused
            409: there are no keys here, or as `ask`.
        """
        if self._keyring is None:
            raise Refused("config.push_needs_keys", 409)
        keys, body = self._keyring.keys, text.encode()
        version = self._store.now_ns() // 1_000_000
        signature = keys.sign(configuration_digest(site, version, body))
        detail = {
            "order": "configure",
            "version": version,
            "sha256": hashlib.sha256(body).hexdigest(),
            "text": text,
        }
        return self._on_record(
            site,
            author,
            detail,
            lambda: self._carrier.configure(site, version, body, signature, within_s=PATIENCE_S),
        )

    def history(self, site: str, limit: int = 200) -> list[Asked]:
        """What was asked of a site and answered, the newest first."""
        table = schema.audit
        query = (
            select(table.c.time_ns, table.c.actor, table.c.act, table.c.detail)
            .where(table.c.subject == site, table.c.act.in_((ORDER, ANSWER, NO_ANSWER)))
            .order_by(table.c.seq.desc())
            .limit(limit)
        )
        with self._store.reader.connect() as connection:
            rows = connection.execute(query).fetchall()
        return [Asked(row.time_ns, row.actor, row.act, _without_text(row.detail)) for row in rows]

    def _on_record(
        self,
        site: str,
        author: str,
        detail: dict[str, object],
        send: Callable[[], Coroutine[Any, Any, Answer]],
    ) -> Answered:
        order = str(detail["order"])
        self._note(author, ORDER, site, detail)
        with self._sending(site, send) as sent:
            try:
                answer = sent.result(PATIENCE_S + 5.0)
            except (TimeoutError, CancelledError):
                sent.cancel()
                self._note(author, NO_ANSWER, site, {"order": order, "why": "command.no_answer"})
                raise Refused("command.no_answer", 409, site=site) from None
            except UserError as error:
                why, args = error.message_id, _plain(error.fields)
                self._note(author, NO_ANSWER, site, {"order": order, "why": why, "args": args})
                raise Refused(error.message_id, 409, **error.fields) from None
            except ValueError as error:
                self._note(author, NO_ANSWER, site, {"order": order, "why": str(error)})
                raise Refused("http.bad_body", 422, why=str(error)) from None
            detail = {
                "order": order,
                "number": answer.number,
                "accepted": answer.accepted,
                "note": msgspec.to_builtins(answer.note),
            }
            self._note(author, ANSWER, site, detail)
        return Answered(site, order, answer.accepted, answer.note)

    @contextmanager
    def _sending(
        self, site: str, send: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Iterator[Future[Answer]]:
        """Send a command; `close` waits for the end of the block."""
        with self._changed:
            future: Future[Answer] = Future()
            if self._closed:
                future.cancel()
            else:
                future = asyncio.run_coroutine_threadsafe(
                    self._to_a_talking(site, send), self._loop
                )
            self._waiting.add(future)
        try:
            yield future
        finally:
            with self._changed:
                self._waiting.discard(future)
                self._changed.notify_all()

    async def _to_a_talking(
        self, site: str, send: Callable[[], Coroutine[Any, Any, Answer]]
    ) -> Answer:
        """Send, unless nobody would hear it: a person is told at once instead of waiting."""
        known = self._board().get(site)
        if known is not None and known.silent_since_ns:
            silent_s = (self._store.now_ns() - known.silent_since_ns) / 1e9
            raise UserError("command.silent", site=site, seconds=round(silent_s))
        return await send()

    def _note(self, author: str, act: str, site: str, detail: dict[str, object]) -> None:
        with self._store.writing() as connection:
            self._store.note(connection, author, act, site, detail)


def _without_text(detail: str) -> dict[str, Any]:
    """The row without the text of a configuration, which is in the audit log itself."""
    fields: dict[str, Any] = msgspec.json.decode(detail)
    fields.pop("text", None)
    return fields


def _plain(fields: Mapping[str, object]) -> dict[str, str | float | int]:
    """Fields of a message as JSON has them."""
    return {key: one if isinstance(one, int | float) else str(one) for key, one in fields.items()}
