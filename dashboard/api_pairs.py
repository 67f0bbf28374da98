"""``/api/v1``, what takes two persons: requests, decisions, hand-overs, sign-offs."""

from __future__ import annotations

from dashboard import pair_answers
from dashboard.approvals import Approval, ApprovalQuery, Decision
from dashboard.endpoint import Endpoint
from dashboard.second import Handover, SignOff

PAIRS = (
    Endpoint(
        "GET",
        "/approvals",
        "Requests for a second person, the newest first",
        "view",
        list[Approval],
        pair_answers.get_approvals,
        query=ApprovalQuery,
    ),
    Endpoint(
        "POST",
        "/approvals/{id}",
        "Decide a request as the second person, or withdraw one's own",
        "act",
        Approval,
        pair_answers.post_decision,
        body=Decision,
        refuses=(404, 409),
    ),
    Endpoint(
        "POST",
        "/handovers",
        "Hand a shift over",
        "act",
        Approval,
        pair_answers.post_handover,
        body=Handover,
        refuses=(409,),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/sessions/{id}/baselines",
        "Sign off the baselines that an exam's sites use now",
        "sessions",
        Approval,
        pair_answers.post_baselines,
        body=SignOff,
        refuses=(404, 409),
        waits=True,
    ),
)
