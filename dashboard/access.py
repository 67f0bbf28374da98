"""Who may do what: one table of roles, sessions, tokens; enforced here, never in the page."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from dashboard.errors import Refused

Permission = Literal[
    "view",
    "act",
    "known",
    "evidence",
    "content",
    "sessions",
    "audit",
    "accounts",
    "orders",
    "configure",
]
Role = Literal["technician", "officer", "radio", "supervisor", "auditor", "admin"]

ROLES: dict[Role, frozenset[Permission]] = {
    "technician": frozenset(("view",)),
    "officer": frozenset(("view", "act")),
    "radio": frozenset(("view", "act", "known", "evidence", "content", "orders")),
    "supervisor": frozenset(("view", "act", "known", "evidence", "sessions", "audit", "orders")),
    "auditor": frozenset(("view", "audit")),
    "admin": frozenset(
        ("view", "act", "known", "evidence", "sessions", "audit", "accounts", "orders", "configure")
    ),
}
"""The whole of it: a permission that is not here is not given.  ``content``, to hear what was said,
is for those whose office it is: not even an administrator has it."""

SECOND = 1_000_000_000
SESSION_NS = 12 * 3600 * SECOND
MAX_FAILURES = 10
FAILURE_WINDOW_NS = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request.

    Attributes
    ----------
    name : str
        Goes into actions and the audit log.
    role : Role
    """

    name: str
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether the role has a permission."""
        return permission in ROLES[self.role]


class Book(Protocol):
    """Where accounts, sessions and tokens are kept: `dashboard.accounts.Accounts`."""

    def by_password(self, name: str, password: str) -> Identity | None:
        """Check a password; takes as long for a name that does not exist."""
        ...

    def by_session(self, digest: str, now_ns: int) -> Identity | None:
        """Who has the session of this digest."""
        ...

    def by_token(self, digest: str, now_ns: int) -> Identity | None:
        """Who has the API token of this digest."""
        ...

    def open_session(self, digest: str, who: Identity, until_ns: int) -> None:
        """Keep a session."""
        ...

    def close_session(self, digest: str) -> None:
        """Forget a session."""
        ...


class Throttle:
    """After `MAX_FAILURES` wrong passwords in `FAILURE_WINDOW_NS` none is tried for a while.

    Parameters
    ----------
    clock_ns : callable
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self._clock_ns = clock_ns
        self._failures: list[int] = []

    def check(self) -> None:
        """See whether another one may be tried.

        Raises
        ------
        Refused
            Too many wrong ones lately (429): even the right one has to wait then.
        """
        now_ns = self._clock_ns()
        self._failures = [t for t in self._failures if now_ns - t < FAILURE_WINDOW_NS]
        if len(self._failures) >= MAX_FAILURES:
            wait_ns = FAILURE_WINDOW_NS - (now_ns - self._failures[0])
            raise Refused("http.too_many_tries", 429, seconds=wait_ns // SECOND + 1)

    def failed(self) -> None:
        """Remember that one was wrong."""
        self._failures.append(self._clock_ns())


class Door:
    """Checks whoever comes, and throttles whoever guesses.

    Parameters
    ----------
    book : Book
    master : str
        A token that opens everything: the one of RFPROCTOR_TOKEN on loopback, or the one in the
        link that is printed while there is no administrator.  Empty for none.
    cookie : str
        Name of the session's cookie: two monitors on one host need two, cookies know no ports.
    clock_ns : callable
    """

    def __init__(self, book: Book, master: str, cookie: str, clock_ns: Callable[[], int]) -> None:
        self.cookie = cookie
        self._book = book
        self._master = master
        self._clock_ns = clock_ns
        self._throttle = Throttle(clock_ns)

    def by_token(self, token: str) -> Identity:
        """Check an API token.

        Raises
        ------
        Refused
            Wrong (401).  Not throttled: a token of ours cannot be guessed.
        """
        if self._master and hmac.compare_digest(token.encode(), self._master.encode()):
            return Identity("operator", "admin")
        who = self._book.by_token(digest_of(token), self._clock_ns())
        if who is None:
            raise Refused("http.bad_token", 401)
        return who

    def sign_in(self, name: str, secret: str) -> Identity:
        """Check what somebody typed: a name and password, or no name and a token.

        Raises
        ------
        Refused
            Wrong (401), or too many wrong ones lately (429): even the right one has to wait then,
            because passwords can be guessed.
        """
        self._throttle.check()
        try:
            if not name:
                return self.by_token(secret)
            if (who := self._book.by_password(name, secret)) is not None:
                return who
        except Refused:
            self._throttle.failed()
            raise
        self._throttle.failed()
        raise Refused("http.bad_password", 401)

    def open_session(self, who: Identity) -> str:
        """Begin a session; the returned key goes into the cookie, only its hash stays here."""
        key = secrets.token_urlsafe(32)
        self._book.open_session(digest_of(key), who, self._clock_ns() + SESSION_NS)
        return key

    def by_session(self, key: str) -> Identity | None:
        """Find who has this session; None when it is unknown or over."""
        return self._book.by_session(digest_of(key), self._clock_ns()) if key else None

    def close_session(self, key: str) -> None:
        """End a session."""
        self._book.close_session(digest_of(key))


def digest_of(key: str) -> str:
    """What is kept of a session's key or a token: enough to know it again, useless to a thief."""
    return hashlib.sha256(key.encode()).hexdigest()
