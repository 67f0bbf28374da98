"""What one person wants and a second one decides, as it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from sqlalchemy import Engine, Row, select

from dashboard import schema
from dashboard.access import Permission
from dashboard.audit import canonical

Act = Literal[
    "dismissal",
    "shift",
    "baseline",
    "account",
    "export",
    "enroll",
    "revoke",
    "rotate",
    "restore",
]
ApprovalState = Literal["waiting", "approved", "refused", "withdrawn", "expired", "single"]
DEFAULT_ACTS: tuple[Act, ...] = ("dismissal", "shift", "baseline", "account", "export")
"""What is done at the machine's console is not among them: a stolen key is revoked by whoever is
there, and a monitor whose keys and store are made anew has no people yet."""
ONCE_POSSIBLE: tuple[Act, ...] = ("account", "export")
"""These take two from when two people could: the first administrator makes the others alone."""
NEEDS: dict[Act, Permission] = {
    "dismissal": "act",
    "shift": "act",
    "baseline": "sessions",
    "account": "accounts",
    "export": "evidence",
    **dict.fromkeys(("enroll", "revoke", "rotate", "restore"), "sessions"),
}
"""What both persons must be allowed to do."""


class PairSection(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``[pairs]``: what one person cannot do alone.

    Attributes
    ----------
    acts : tuple of Act or None
        None: `DEFAULT_ACTS` with keys, none of them on loopback without.
    suspicion : int
        Dismissing an alarm of so many points needs two.
    wait_s : float
        A request that nobody decides is over after so long.
    """

    acts: tuple[Act, ...] | None = None
    suspicion: Annotated[int, Meta(ge=0, le=100)] = 70
    wait_s: Annotated[float, Meta(ge=60, le=86_400)] = 900.0


class Approval(Struct, frozen=True):
    """What one person wants, and what became of it.

    Attributes
    ----------
    id : int
    act : Act
    subject : str
        Alarm, site, session, account, or who takes over.
    what : dict
        Everything that is carried out when a second person approves.
    hash : str
        SHA-256 of the request, in hex.
    wanted_by : str
    wanted_ns, until_ns : int
        Waits from then to then.
    state : ApprovalState
        ``single``: carried out at once, this centre wants no second person for it.
    decided_by, note : str
    decided_ns : int
        0 while it waits.
    """

    id: int
    act: Act
    subject: str
    what: dict[str, Any]
    hash: str
    wanted_by: str
    wanted_ns: int
    until_ns: int
    state: ApprovalState
    decided_by: str = ""
    decided_ns: int = 0
    note: str = ""

    def hash_now(self) -> str:
        """Hash of what is kept now: another one than ``hash`` when somebody edited the row."""
        text = canonical(self.what)
        return request_hash(self.act, self.subject, text, self.wanted_by, self.wanted_ns)

    @classmethod
    def of_row(cls, row: Row[Any]) -> Approval:
        """As it was kept."""
        return cls(**{**row._mapping, "what": msgspec.json.decode(row.what)})


class ApprovalQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """``GET /api/v1/approvals``: the newest first; empty for any."""

    state: Literal["", ApprovalState] = ""
    act: Literal["", Act] = ""
    subject: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


def approvals(reader: Engine, query: ApprovalQuery) -> list[Approval]:
    """Requests, the newest first."""
    table = schema.approvals
    wanted = select(table)
    for column in ("state", "act", "subject"):
        if value := getattr(query, column):
            wanted = wanted.where(table.c[column] == value)
    with reader.connect() as connection:
        rows = connection.execute(wanted.order_by(table.c.id.desc()).limit(query.limit))
        return [Approval.of_row(row) for row in rows]


def agreement(
    reader: Engine, subjects: Iterable[str], clips: Mapping[str, str], who: str, since_ns: int
) -> dict[str, object] | None:
    """What lets somebody take one of these recordings away, for the audit log; None for nothing.

    Parameters
    ----------
    reader : Engine
    subjects : iterable of str
        Alarms and sites that the recordings belong to: what an agreement may be about.
    clips : mapping of str to str
        Hash that its site signed, by the recording's name.
    who : str
    since_ns : int
        Older agreements are over.
    """
    table = schema.approvals
    wanted = select(table).where(
        table.c.act == "export",
        table.c.subject.in_(list(subjects)),
        table.c.state == "approved",
        table.c.wanted_by == who,
        table.c.decided_ns > since_ns,
    )
    with reader.connect() as connection:
        found = [Approval.of_row(row) for row in connection.execute(wanted)]
    for approval in found:
        agreed = clips.items() & approval.what["clips"].items()
        if agreed and approval.hash == approval.hash_now():
            return {"approval": approval.id, "approved_by": approval.decided_by}
    return None


class Decision(Struct, forbid_unknown_fields=True, frozen=True):
    """Body of ``POST /api/v1/approvals/{id}``.

    Attributes
    ----------
    decision : {"approve", "refuse", "withdraw"}
        Withdrawing is for who asked, the others for somebody else.
    hash : str
        Of the request that was on the screen.
    password : str
        Of who decides, typed now; needed to approve.
    note : str
    """

    decision: Literal["approve", "refuse", "withdraw"]
    hash: Annotated[str, Meta(max_length=64)]
    password: Annotated[str, Meta(max_length=200)] = ""
    note: Annotated[str, Meta(max_length=2000)] = ""


STATES: dict[str, ApprovalState] = {
    "approve": "approved",
    "refuse": "refused",
    "withdraw": "withdrawn",
}


def request_hash(act: str, subject: str, what: str, wanted_by: str, wanted_ns: int) -> str:
    """SHA-256 over a request's fields as a JSON array, domain first."""
    fields = ["rfproctor-pair-1", act, subject, what, wanted_by, wanted_ns]
    return hashlib.sha256(msgspec.json.encode(fields)).hexdigest()


def in_force(section: PairSection, *, insecure: bool) -> PairSection:
    """Fill in the acts that need two when the file names none."""
    if section.acts is not None:
        return section
    return msgspec.structs.replace(section, acts=() if insecure else DEFAULT_ACTS)
