"""Accounts and the rights that they give: nobody raises rights alone once two administrators exist.

Neither another's nor, through an account made for it, the own ones.  A password
never lies in a request: everybody may read those.  The request holds the hash of what is
stored of it, and that waits in memory; after a restart it is asked for again.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection

from dashboard.access import ROLES, Identity
from dashboard.account import Account, AccountCard, AccountChange, NewAccount, account_card
from dashboard.accounts import Accounts
from dashboard.approvals import Approval
from dashboard.errors import Refused
from dashboard.pairs import SECOND, Afterwards, Changed, Pairs
from dashboard.passwords import hash_password
from dashboard.store import Store


class Staff:
    """Makes and changes accounts, or asks for a second person.

    Parameters
    ----------
    store : Store
    accounts : Accounts
    pairs : Pairs
    """

    def __init__(self, store: Store, accounts: Accounts, pairs: Pairs) -> None:
        self._store = store
        self._accounts = accounts
        self._pairs = pairs
        self._passwords: dict[str, tuple[str, int]] = {}  # by hash: as stored, and until when
        pairs.carriers["account"] = self._carry_out

    def create(self, wish: NewAccount, who: Identity) -> AccountCard | Approval:
        """Make an account; one that may act could be somebody's second person, and takes two.

        Raises
        ------
        Refused
            The name is taken (409), or `dashboard.pairs.Pairs.want` refuses.
        """
        if not (self._pairs.needs_two("account") and "act" in ROLES[wish.role]):
            return self._accounts.create(wish, who.name)
        stored = hash_password(wish.password)
        account = self._accounts.made(wish.name, wish.role, stored)
        return self._ask(account, stored, None, who)

    def change(self, name: str, wish: AccountChange, who: Identity) -> AccountCard | Approval:
        """Change an account.

        Raises
        ------
        Refused
            No such account (404), nobody could administer any more (409), or
            `dashboard.pairs.Pairs.want` refuses.
        """
        before = self._accounts.account(name)
        if not (self._pairs.needs_two("account") and _is_critical(before, wish)):
            return self._accounts.change(name, wish, who.name)
        stored = hash_password(wish.password) if wish.password else ""
        account = self._accounts.changed(name, wish.role, wish.disabled, stored)
        return self._ask(account, stored, before, who)

    def _ask(
        self, account: Account, stored: str, before: Account | None, who: Identity
    ) -> AccountCard | Approval:
        now_ns = self._store.now_ns()
        digest = hashlib.sha256(stored.encode()).hexdigest() if stored else ""
        what = {
            **{"name": account.name, "role": account.role, "disabled": account.disabled},
            **{"password": digest, "before": None if before is None else _seen(before)},
        }
        alive = {key: kept for key, kept in self._passwords.items() if kept[1] > now_ns}
        until_ns = now_ns + round((self._pairs.section.wait_s + 1) * SECOND)
        self._passwords = {**alive, digest: (stored, until_ns)} if stored else alive
        approval = self._pairs.want("account", account.name, what, who)
        if approval.state == "waiting":
            return approval
        return account_card(self._accounts.account(account.name))

    def _carry_out(
        self, connection: Connection, changed: Changed, approval: Approval
    ) -> Afterwards:
        name, role, disabled, digest, before = (
            approval.what[key] for key in ("name", "role", "disabled", "password", "before")
        )
        stored, _ = self._passwords.get(digest, ("", 0))
        if digest and not stored:
            raise Refused("account.ask_again", 409, name=name)
        if before is None:
            account = self._accounts.made(name, role, stored)
        elif before != _seen(self._accounts.account(name)):
            raise Refused("account.changed_since", 409, name=name)
        else:
            account = self._accounts.changed(name, role, disabled, stored)
        by = {"approval": approval.id, "approved_by": approval.decided_by}
        return self._accounts.keep(connection, account, approval.wanted_by, **by)


def _is_critical(account: Account, wish: AccountChange) -> bool:
    """Whether a change gives rights, or takes away one of those who could say no."""
    gives = wish.role not in (None, account.role) or wish.password is not None
    opens = wish.disabled is False and account.disabled
    closes = wish.disabled is True and account.role == "admin"
    return gives or opens or closes


def _seen(account: Account) -> dict[str, object]:
    """What the second person sees of an account, and by what it is known to be still the same."""
    return {
        "role": account.role,
        "disabled": account.disabled,
        "changed_ns": account.changed_ns,
    }
