from __future__ import annotations

import json

import msgspec

from dashboard.api import ENDPOINTS
from dashboard.openapi import document


def test_every_endpoint_is_described_and_every_reference_leads_somewhere() -> None:
    described = document(ENDPOINTS, "rfproctor")
    text = json.dumps(msgspec.to_builtins(described))
    for at in ENDPOINTS:
        path = "/api/v1" + at.path.replace(":path", "").replace(":int", "")
        operation = described["paths"][path][at.method.lower()]
        assert "200" in operation["responses"] and "401" in operation["responses"]
        assert ("requestBody" in operation) is (at.body is not None)
    schemas = described["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.partition('"')[0] in schemas
    names = [o["operationId"] for p in described["paths"].values() for o in p.values()]
    assert len(names) == len(set(names))


def test_what_changes_something_needs_more_than_looking() -> None:
    for at in ENDPOINTS:
        if at.permission == "view" and at.path != "/me/password":
            assert at.method == "GET", at.path
