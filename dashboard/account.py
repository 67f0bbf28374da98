"""Accounts, sessions and API tokens as they are asked for, kept and shown."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from dashboard.access import Role

Name = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^\w[\w.-]*$")]
Password = Annotated[str, Meta(min_length=10, max_length=200)]


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


def account_card(account: Account) -> AccountCard:
    """An account as administrators see it."""
    return AccountCard(account.name, account.role, account.disabled, account.changed_ns)
