"""What the endpoints of the two-person rules answer."""

from __future__ import annotations

from dashboard.answers import Call
from dashboard.approvals import Approval, approvals


def get_approvals(call: Call) -> list[Approval]:
    """What waits for a second person, and what became of earlier requests."""
    return approvals(call.monitor.store.reader, call.query)


def post_decision(call: Call) -> Approval:
    """Approve, refuse or withdraw."""
    number = call.number("pair.unknown")
    return call.monitor.pairs.decide(number, call.body, call.who)


def post_handover(call: Call) -> Approval:
    """Hand a shift over."""
    return call.monitor.second.hand_over(call.body, call.who)


def post_baselines(call: Call) -> Approval:
    """Put the baselines of an exam before a second person."""
    number = call.number("session.unknown")
    return call.monitor.second.sign_off(number, call.body, call.who)
