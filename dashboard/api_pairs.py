"""``/api/v1``, what takes two persons: requests, decisions, hand-overs, reviews."""

from __future__ import annotations

from dashboard import pair_answers
from dashboard.approvals import Approval, ApprovalQuery, Decision
from dashboard.endpoint import Endpoint
from dashboard.reviews import Due, NewReview, Review, ReviewQuery
from dashboard.second import Handover, SignOff
from dashboard.taking import Export

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
        "/approvals/{id:int}",
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
        "/sessions/{id:int}/baselines",
        "Sign off the baselines that an exam's sites use now",
        "sessions",
        Approval,
        pair_answers.post_baselines,
        body=SignOff,
        refuses=(404, 409),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/alarms/{id}/exports",
        "Ask to take recordings of an alarm away",
        "evidence",
        Approval,
        pair_answers.post_export,
        body=Export,
        refuses=(404, 409),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/recordings/exports/{site:path}",
        "Ask to take recordings of a site away",
        "evidence",
        Approval,
        pair_answers.post_site_export,
        body=Export,
        refuses=(404, 409),
        waits=True,
    ),
    Endpoint(
        "GET",
        "/reviews",
        "What was looked through again",
        "view",
        list[Review],
        pair_answers.get_reviews,
        query=ReviewQuery,
    ),
    Endpoint(
        "GET",
        "/reviews/due",
        "What is still to be looked through again",
        "view",
        list[Due],
        pair_answers.get_due_reviews,
    ),
    Endpoint(
        "POST",
        "/reviews",
        "Say that a time was looked through",
        "act",
        Review,
        pair_answers.post_review,
        body=NewReview,
        refuses=(409,),
    ),
)
