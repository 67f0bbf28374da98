"""Accounts, sessions and API tokens in the store; memory answers, the disk remembers."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Table, delete, select

from dashboard import schema
from dashboard.access import Identity, Role, digest_of
from dashboard.account import (
    Account,
    AccountCard,
    AccountChange,
    NewAccount,
    NewToken,
    Session,
    Token,
    TokenCard,
    account_card,
)
from dashboard.database import upsert
from dashboard.errors import Refused
from dashboard.passwords import check_password, hash_password
from dashboard.store import Store

DAY_NS = 86_400 * 1_000_000_000
RESERVED = frozenset(("operator", "monitor", "nobody"))
"""Who acts in the audit log without an account, and is not to be mistaken for one."""
Kept = TypeVar("Kept", bound=Struct)


class Accounts:
    """The book of `dashboard.access.Door`.

    Parameters
    ----------
    store : Store
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        with store.reader.connect() as connection:
            self._accounts = _load(connection, schema.accounts, Account, "name")
            self._sessions = _load(connection, schema.sessions, Session, "digest")
            self._tokens = _load(connection, schema.tokens, Token, "name")
        self._nobody = hash_password(secrets.token_urlsafe())

    def has_admin(self) -> bool:
        """Whether somebody can make accounts."""
        return any(a.role == "admin" and not a.disabled for a in self._accounts.values())

    def roles(self) -> dict[str, Role]:
        """Role of everybody who can sign in."""
        return {a.name: a.role for a in self._accounts.values() if not a.disabled}

    def changed_ns(self, name: str) -> int:
        """When an account was made, or last changed by anybody."""
        return self._accounts[name].changed_ns

    def by_password(self, name: str, password: str) -> Identity | None:
        """See `dashboard.access.Book`."""
        account = self._accounts.get(name)
        usable = account is not None and not account.disabled
        stored = account.password if account is not None and usable else self._nobody
        if not check_password(password, stored) or account is None or not usable:
            self._note("nobody", "session.failed", name)
            return None
        return Identity(name, account.role)

    def by_session(self, digest: str, now_ns: int) -> Identity | None:
        """See `dashboard.access.Book`; a role that was changed or taken away counts at once."""
        session = self._sessions.get(digest)
        if session is None or session.until_ns <= now_ns:
            return None
        account = self._accounts.get(session.name)
        if account is None:
            return Identity(session.name, session.role)
        return None if account.disabled else Identity(account.name, account.role)

    def by_token(self, digest: str, now_ns: int) -> Identity | None:
        """See `dashboard.access.Book`."""
        for token in self._tokens.values():
            if secrets.compare_digest(token.digest, digest):
                return Identity(token.name, token.role) if now_ns < token.until_ns else None
        return None

    def open_session(self, digest: str, who: Identity, until_ns: int) -> None:
        """See `dashboard.access.Book`."""
        session = Session(digest, who.name, who.role, until_ns)
        with self._store.writing() as connection:
            now_ns = self._store.now_ns()
            connection.execute(delete(schema.sessions).where(schema.sessions.c.until_ns <= now_ns))
            _save(connection, schema.sessions, session)
            self._store.note(connection, who.name, "session.opened", who.name, {"role": who.role})
        alive = {d: s for d, s in self._sessions.items() if s.until_ns > now_ns}
        self._sessions = {**alive, digest: session}

    def close_session(self, digest: str) -> None:
        """See `dashboard.access.Book`."""
        session = self._sessions.pop(digest, None)
        if session is not None:
            with self._store.writing() as connection:
                table = schema.sessions
                connection.execute(delete(table).where(table.c.digest == digest))
                self._store.note(connection, session.name, "session.closed", session.name, {})

    def cards(self) -> list[AccountCard]:
        """Everybody, by name."""
        return [account_card(self._accounts[name]) for name in sorted(self._accounts)]

    def create(self, wish: NewAccount, author: str) -> AccountCard:
        """Make an account.

        Raises
        ------
        Refused
            The name is taken (409).
        """
        return self._at_once(self.made(wish.name, wish.role, hash_password(wish.password)), author)

    def change(self, name: str, wish: AccountChange, author: str) -> AccountCard:
        """Change an account; its sessions end when the password changes or it is disabled.

        Raises
        ------
        Refused
            No such account (404), or nobody could administer any more (409).
        """
        stored = hash_password(wish.password) if wish.password else ""
        return self._at_once(self.changed(name, wish.role, wish.disabled, stored), author)

    def made(self, name: str, role: Role, password: str) -> Account:
        """An account as it would be made; ``password`` as it is stored.

        Raises
        ------
        Refused
            The name is taken (409).
        """
        self._check_free(name)
        return Account(name, role, False, password, self._store.now_ns())

    def changed(
        self, name: str, role: Role | None, disabled: bool | None, password: str
    ) -> Account:
        """An account as it would be after a change; what is None or empty stays.

        Raises
        ------
        Refused
            No such account (404), or nobody could administer any more (409).
        """
        account = self.account(name)
        changed = Account(
            name=name,
            role=role or account.role,
            disabled=account.disabled if disabled is None else disabled,
            password=password or account.password,
            changed_ns=self._store.now_ns(),
        )
        others = [a for a in self._accounts.values() if a.name != name]
        if not any(a.role == "admin" and not a.disabled for a in (*others, changed)):
            raise Refused("account.last_admin", 409)
        return changed

    def account(self, name: str) -> Account:
        """An account as it is now.

        Raises
        ------
        Refused
            No such account (404).
        """
        if (account := self._accounts.get(name)) is None:
            raise Refused("account.unknown", 404, name=name)
        return account

    def keep(
        self, connection: Connection, account: Account, author: str, **more: object
    ) -> Callable[[], None]:
        """Write an account down; what is returned is to be called when that is on disk.

        ``more`` goes into the audit log.
        """
        before = self._accounts.get(account.name)
        act, detail = "account.created", {"role": account.role, **more}
        renewed = before is not None and before.password != account.password
        if before is not None:
            act = "account.changed"
            detail |= {"disabled": account.disabled, "password": renewed}
        _save(connection, schema.accounts, account)
        self._store.note(connection, author, act, account.name, detail)

        def kept() -> None:
            self._accounts = {**self._accounts, account.name: account}
            if renewed or account.disabled:
                for digest in [d for d, s in self._sessions.items() if s.name == account.name]:
                    self.close_session(digest)

        return kept

    def token_cards(self) -> list[TokenCard]:
        """Every API token, by name."""
        tokens = (self._tokens[name] for name in sorted(self._tokens))
        return [TokenCard(token.name, token.role, token.until_ns) for token in tokens]

    def make_token(self, wish: NewToken, author: str) -> TokenCard:
        """Make an API token; it can be read now and never again.

        Raises
        ------
        Refused
            The name is taken (409).
        """
        self._check_free(wish.name)
        secret = secrets.token_urlsafe(32)
        until_ns = self._store.now_ns() + wish.days * DAY_NS
        token = Token(digest_of(secret), wish.name, wish.role, until_ns)
        with self._store.writing() as connection:
            _save(connection, schema.tokens, token)
            self._store.note(connection, author, "token.made", wish.name, {"role": wish.role})
        self._tokens = {**self._tokens, wish.name: token}
        return TokenCard(wish.name, wish.role, until_ns, secret)

    def drop_token(self, name: str, author: str) -> None:
        """End an API token.

        Raises
        ------
        Refused
            No such token (404).
        """
        if name not in self._tokens:
            raise Refused("token.unknown", 404, name=name)
        with self._store.writing() as connection:
            connection.execute(delete(schema.tokens).where(schema.tokens.c.name == name))
            self._store.note(connection, author, "token.dropped", name, {})
        self._tokens = {n: token for n, token in self._tokens.items() if n != name}

    def _check_free(self, name: str) -> None:
        if name in RESERVED or name in self._accounts or name in self._tokens:
            raise Refused("account.taken", 409, name=name)

    def _at_once(self, account: Account, author: str) -> AccountCard:
        with self._store.writing() as connection:
            kept = self.keep(connection, account, author)
        kept()
        return account_card(account)

    def _note(self, actor: str, act: str, subject: str) -> None:
        with self._store.writing() as connection:
            self._store.note(connection, actor, act, subject[:64], {})


def _load(connection: Connection, table: Table, kind: type[Kept], key: str) -> dict[str, Kept]:
    columns = [table.c[name] for name in kind.__struct_fields__]
    found = [kind(*row) for row in connection.execute(select(*columns))]
    return {getattr(each, key): each for each in found}


def _save(connection: Connection, table: Table, each: Struct) -> None:
    upsert(connection, table, [msgspec.structs.asdict(each)])
