"""What people may do with an alarm, from which state, and what it needs. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from dashboard.alarms import OPEN_STATES, WAITING, Alarm, AlarmState
from dashboard.errors import Refused

ActionName = Literal[
    "acknowledge", "investigate", "hand_over", "dismiss", "close", "reopen", "assign", "note"
]
ReasonCode = Literal[
    "",
    "licensed",
    "known",
    "interference",
    "own_equipment",
    "test",
    "false",
    "found",
    "gone",
    "other",
]


class Step(Struct, frozen=True):
    """What an action may start from, where it leads (None: it stays), and what it needs."""

    sources: frozenset[AlarmState]
    target: AlarmState | None
    needs_reason: bool = False


ALL_STATES: frozenset[AlarmState] = OPEN_STATES | {"dismissed", "closed"}
STEPS: dict[ActionName, Step] = {
    "acknowledge": Step(WAITING, "acknowledged"),
    "investigate": Step(OPEN_STATES - {"investigating"}, "investigating"),
    "hand_over": Step(OPEN_STATES, "handed_over"),
    "dismiss": Step(OPEN_STATES, "dismissed", needs_reason=True),
    "close": Step(OPEN_STATES - WAITING, "closed", needs_reason=True),
    "reopen": Step(frozenset(("dismissed", "closed")), "reopened"),
    "assign": Step(OPEN_STATES, None),
    "note": Step(ALL_STATES, None),
}
"""The whole life of an alarm.  Closing needs somebody to have looked: not straight from new."""


class Wish(Struct, forbid_unknown_fields=True, frozen=True):
    """What a person asks for: the body of ``POST /api/v1/alarms/{id}/actions``.

    Attributes
    ----------
    action : ActionName
    reason : ReasonCode
        Needed to dismiss and to close.
    note : str
        Free text; needed with the reason ``other`` and for a note.
    owner : str
        For ``assign``: who has it in hand; empty for nobody.  For ``hand_over``: to whom.
    """

    action: ActionName
    reason: ReasonCode = ""
    note: Annotated[str, Meta(max_length=2000)] = ""
    owner: Annotated[str, Meta(max_length=64)] = ""


class Action(Struct, frozen=True):
    """What a person did, as it is kept."""

    alarm: str
    time_ns: int
    author: str
    action: ActionName
    reason: ReasonCode
    note: str
    owner: str
    state_before: AlarmState
    state_after: AlarmState


def news_of(action: Action) -> str | None:
    """What the levels above are told at once; None for nothing."""
    if action.reason == "found":
        return "found"
    return "handed_over" if action.action == "hand_over" else None


def act(alarm: Alarm, wish: Wish, author: str, now_ns: int) -> tuple[Alarm, Action]:
    """Carry out an action.

    Returns
    -------
    alarm : Alarm
        As it is afterwards.
    action : Action
        The record of it.

    Raises
    ------
    Refused
        Not from this state, or a reason or a note is missing (409).
    """
    step = STEPS[wish.action]
    if alarm.state not in step.sources:
        raise Refused("alarm.not_from", 409, action=wish.action, state=alarm.state)
    if step.needs_reason and not wish.reason:
        raise Refused("alarm.reason_needed", 409, action=wish.action)
    if not wish.note.strip() and (wish.action == "note" or wish.reason == "other"):
        raise Refused("alarm.note_needed", 409, action=wish.action)
    if wish.action == "hand_over" and not wish.owner.strip():
        raise Refused("alarm.receiver_needed", 409)
    owner = alarm.owner
    if wish.action in ("assign", "hand_over"):
        owner = wish.owner.strip()
    elif wish.action in ("acknowledge", "investigate") and not owner:
        owner = author
    after = step.target or alarm.state
    changed = msgspec.structs.replace(
        alarm,
        state=after,
        owner=owner,
        changed_ns=now_ns,
        raised_ns=now_ns if wish.action == "reopen" else alarm.raised_ns,
        overdue=alarm.overdue and after in WAITING,
        level=alarm.level if after in WAITING else 0,
    )
    return changed, Action(
        alarm=alarm.id,
        time_ns=now_ns,
        author=author,
        action=wish.action,
        reason=wish.reason,
        note=wish.note.strip(),
        owner=owner,
        state_before=alarm.state,
        state_after=after,
    )
