"""What the endpoints of the two-person rules answer: a second person, a second look."""

from __future__ import annotations

from dashboard.answers import Call
from dashboard.approvals import Approval, approvals
from dashboard.reviews import Due, Review


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


def post_export(call: Call) -> Approval:
    """Ask to take recordings away."""
    return call.monitor.taking.ask(call.path["id"], call.body, call.who)


def post_site_export(call: Call) -> Approval:
    """Ask to take recordings of a site away."""
    return call.monitor.taking.ask_of_site(call.path["site"], call.body, call.who)


def get_reviews(call: Call) -> list[Review]:
    """What was looked through again."""
    return call.monitor.reviews.reviews(call.query)


def get_due_reviews(call: Call) -> list[Due]:
    """What is still to be looked through, and whether it is for who asks."""
    return call.monitor.reviews.due(call.who.name)


def post_review(call: Call) -> Review:
    """Say that a time was looked through."""
    return call.monitor.reviews.add(call.body, call.who.name)
