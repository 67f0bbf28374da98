"""Accounts, sessions and API tokens in the store; memory answers, the disk remembers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Connection, Table, delete, select

from dashboard import schema
from dashboard.access import Identity, Role, digest_of
from dashboard.database import upsert
from dashboard.errors import Refused
from dashboard.passwords import check_password, hash_password
from dashboard.store import Store

Name = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^\w[\w.-]*$")]
Password = Annotated[str, Meta(min_length=10, max_length=200)]
DAY_NS = 86_400 * 1_000_000_000
Kept = TypeVar("Kept", bound=Struct)


class NewAccount(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/accounts``."""

    name: Name
    role: Role
    password: Password


class AccountChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/accounts/{name}``: what is not given stays."""

    role: Role | None = None
    password: Password | None = None
    disabled: bool | None = None


class NewToken(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/tokens``."""

    name: Name
    role: Role
    days: Annotated[int, Meta(ge=1, le=3650)] = 365


class Account(Struct, frozen=True):
    """A person."""

    name: str
    role: Role
    disabled: bool
    password: str
    changed_ns: int


class AccountCard(Struct, frozen=True):
    """A person as administrators see it."""

    name: str
    role: Role
    disabled: bool
    changed_ns: int


class Session(Struct, frozen=True):
    """Somebody who is signed in, by the digest of the key in the cookie."""

    digest: str
    name: str
    role: Role
    until_ns: int


class Token(Struct, frozen=True):
    """An API token, by its digest."""

    digest: str
    name: str
    role: Role
    until_ns: int


class TokenCard(Struct, frozen=True):
    """An API token as administrators see it; ``token`` is told once, when it is made."""

    name: str
    role: Role
    until_ns: int
    token: str = ""


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

    def by_password(self, name: str, password: str) -> Identity | None:
        """See `dashboard.access.Book`."""
        account = self._accounts.get(name)
        usable = account is not None and not account.disabled
        stored = account.password if account is not None and usable else self._nobody
        if not check_password(password, stored) or account is None or not usable:
            self._note("nobody", "session.failed", name, {})
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
        return [_account_card(self._accounts[name]) for name in sorted(self._accounts)]

    def create(self, wish: NewAccount, author: str) -> AccountCard:
        """Make an account.

        Raises
        ------
        Refused
            The name is taken (409).
        """
        if wish.name in self._accounts or wish.name in self._tokens:
            raise Refused("account.taken", 409, name=wish.name)
        account = Account(
            name=wish.name,
            role=wish.role,
            disabled=False,
            password=hash_password(wish.password),
            changed_ns=self._store.now_ns(),
        )
        return self._keep(account, author, "account.created", {"role": wish.role})

    def change(self, name: str, wish: AccountChange, author: str) -> AccountCard:
        """Change an account; its sessions end when the password changes or it is disabled.

        Raises
        ------
        Refused
            No such account (404), or nobody could administer any more (409).
        """
        account = self._accounts.get(name)
        if account is None:
            raise Refused("account.unknown", 404, name=name)
        changed = Account(
            name=name,
            role=wish.role or account.role,
            disabled=account.disabled if wish.disabled is None else wish.disabled,
            password=hash_password(wish.password) if wish.password else account.password,
            changed_ns=self._store.now_ns(),
        )
        others = [a for a in self._accounts.values() if a.name != name]
        admins = [a for a in (*others, changed) if a.role == "admin" and not a.disabled]
        if not admins:
            raise Refused("account.last_admin", 409)
        detail = {
            "role": changed.role,
            "disabled": changed.disabled,
            "password": wish.password is not None,
        }
        card = self._keep(changed, author, "account.changed", detail)
        if wish.password or changed.disabled:
            for digest in [d for d, s in self._sessions.items() if s.name == name]:
                self.close_session(digest)
        return card

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
        if wish.name in self._accounts or wish.name in self._tokens:
            raise Refused("account.taken", 409, name=wish.name)
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

    def _keep(
        self, account: Account, author: str, act: str, detail: Mapping[str, object]
    ) -> AccountCard:
        with self._store.writing() as connection:
            _save(connection, schema.accounts, account)
            self._store.note(connection, author, act, account.name, detail)
        self._accounts = {**self._accounts, account.name: account}
        return _account_card(account)

    def _note(self, actor: str, act: str, subject: str, detail: Mapping[str, object]) -> None:
        with self._store.writing() as connection:
            self._store.note(connection, actor, act, subject[:64], detail)


def _account_card(account: Account) -> AccountCard:
    return AccountCard(account.name, account.role, account.disabled, account.changed_ns)


def _load(connection: Connection, table: Table, kind: type[Kept], key: str) -> dict[str, Kept]:
    columns = [table.c[name] for name in kind.__struct_fields__]
    found = [kind(*row) for row in connection.execute(select(*columns))]
    return {getattr(each, key): each for each in found}


def _save(connection: Connection, table: Table, each: Struct) -> None:
    upsert(connection, table, [msgspec.structs.asdict(each)])
