"""What the endpoints about accounts, API tokens and the store itself answer."""

from __future__ import annotations

from msgspec import Struct

from dashboard.access import ROLES
from dashboard.account import AccountCard, AccountChange, Password, TokenCard
from dashboard.answers import Call
from dashboard.approvals import Act, Approval
from dashboard.backup import check
from dashboard.database import back_up
from dashboard.errors import Refused, StoreError


class Me(Struct, frozen=True):
    """Who is signed in, and what that person may do.

    Attributes
    ----------
    listening : bool
        Whether recordings may be listened to at this monitor at all.
    two : list of Act
        What takes two persons at this monitor now.
    """

    name: str
    role: str
    permissions: list[str]
    listening: bool
    two: list[Act]


class PasswordChange(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/me/password``."""

    old: str
    new: Password


def get_me(call: Call) -> Me:
    """Name, role and permissions."""
    who, listening = call.who, call.monitor.content.enabled
    two = call.monitor.pairs.acts()
    return Me(who.name, who.role, sorted(ROLES[who.role]), listening, two)


def post_password(call: Call) -> AccountCard:
    """Change one's own password; every session of the account ends."""
    call.monitor.pairs.confirm(call.who, call.body.old)
    change = AccountChange(password=call.body.new)
    return call.monitor.accounts.change(call.who.name, change, call.who.name)


def get_accounts(call: Call) -> list[AccountCard]:
    """Everybody."""
    return call.monitor.accounts.cards()


def post_account(call: Call) -> AccountCard | Approval:
    """Make an account; what gives rights may take a second person."""
    return call.monitor.staff.create(call.body, call.who)


def post_account_change(call: Call) -> AccountCard | Approval:
    """Change role or password, disable or enable; what gives rights may take a second person."""
    return call.monitor.staff.change(call.path["name"], call.body, call.who)


def get_tokens(call: Call) -> list[TokenCard]:
    """API tokens, without the tokens themselves."""
    return call.monitor.accounts.token_cards()


def post_token(call: Call) -> TokenCard:
    """Make an API token."""
    return call.monitor.accounts.make_token(call.body, call.who.name)


def delete_token(call: Call) -> list[TokenCard]:
    """End an API token; answers with those that are left."""
    call.monitor.accounts.drop_token(call.path["name"], call.who.name)
    return call.monitor.accounts.token_cards()


class Backup(Struct, frozen=True):
    """A copy of the store.

    Attributes
    ----------
    file : str
    size_bytes : int
    entries, head : int, str
        Of its audit log; the last hash is worth writing down.
    """

    file: str
    size_bytes: int
    entries: int
    head: str


def post_backup(call: Call) -> Backup:
    """Write a copy of the store beside it, and read it whole."""
    store = call.monitor.store
    copy = back_up(store.reader, call.monitor.clock_ns())
    try:
        found = check(copy)
    except StoreError as error:
        raise Refused(error.message_id, 409, **error.fields) from None
    with store.writing() as connection:
        detail = {"entries": found.entries, "head": found.head}
        store.note(connection, call.who.name, "store.backed_up", copy.name, detail)
    return Backup(str(copy), copy.stat().st_size, found.entries, found.head)
