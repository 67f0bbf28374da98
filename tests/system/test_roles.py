"""Every role at every address of the running monitor: who is let in, and nobody else."""

from __future__ import annotations

import re

import pytest

from dashboard.access import ROLES
from dashboard.api import ENDPOINTS
from tests.system.test_monitor import Running, monitor  # noqa: F401

pytestmark = pytest.mark.system

EVERYBODY = set(ROLES)
MAY = {
    "POST /alarms/{id}/actions": {"officer", "radio", "supervisor", "admin"},
    "GET /alarms/{id}/evidence/{name}": {"radio", "supervisor", "admin"},
    "GET /alarms/{id}/bundle": {"radio", "supervisor", "admin"},
    "GET /alarms/{id}/evidence/{name}/audio": {"radio"},
    "POST /alarms/{id}/exports": {"radio", "supervisor", "admin"},
    "POST /recordings/exports/{site:path}": {"radio", "supervisor", "admin"},
    "POST /known": {"radio", "supervisor", "admin"},
    "POST /known/import": {"radio", "supervisor", "admin"},
    "POST /known/preview": {"radio", "supervisor", "admin"},
    "DELETE /known/{id:int}": {"radio", "supervisor", "admin"},
    "POST /approvals/{id:int}": {"officer", "radio", "supervisor", "admin"},
    "POST /handovers": {"officer", "radio", "supervisor", "admin"},
    "POST /reviews": {"officer", "radio", "supervisor", "admin"},
    "POST /sessions": {"supervisor", "admin"},
    "POST /sessions/{id:int}/baselines": {"supervisor", "admin"},
    "DELETE /sessions/{id:int}": {"supervisor", "admin"},
    "GET /sessions/{id:int}/report": {"supervisor", "auditor", "admin"},
    "GET /recordings/file/{name}/{site:path}": {"radio", "supervisor", "admin"},
    "POST /orders/retask/{site:path}": {"radio", "supervisor", "admin"},
    "POST /orders/cost/{site:path}": {"radio", "supervisor", "admin"},
    "GET /orders/configurations/{site:path}": {"admin"},
    "POST /orders/record/{site:path}": {"radio", "supervisor", "admin"},
    "POST /orders/fetch/{site:path}": {"radio", "supervisor", "admin"},
    "POST /orders/drill/{site:path}": {"radio", "supervisor", "admin"},
    "POST /orders/configure/{site:path}": {"admin"},
    "GET /audit": {"supervisor", "auditor", "admin"},
    "GET /audit/check": {"supervisor", "auditor", "admin"},
    "GET /accounts": {"admin"},
    "POST /accounts": {"admin"},
    "POST /accounts/{name}": {"admin"},
    "POST /backup": {"admin"},
    "GET /tokens": {"admin"},
    "POST /tokens": {"admin"},
    "DELETE /tokens/{name}": {"admin"},
}
"""Written out, not taken from the table that the server reads; what is not here is for everybody
who has signed in, and changes nothing but one's own password."""


def filled(path: str) -> str:
    """An address with names and numbers in it that nothing has."""
    return "/api/v1" + re.sub(r"\{\w+(:\w+)?\}", lambda m: "0" if m[1] == ":int" else "none", path)


def test_each_role_at_each_address(monitor: Running) -> None:  # noqa: F811
    let_in: dict[str, set[str]] = {f"{at.method} {at.path}": set() for at in ENDPOINTS}
    with monitor.http() as master:
        tokens = {
            role: master.post("/api/v1/tokens", json={"name": role, "role": role}).json()["token"]
            for role in ROLES
        }
    for role, token in tokens.items():
        with monitor.http(Authorization=f"Bearer {token}") as http:
            for at in ENDPOINTS:
                path = filled(at.path)
                body = {} if at.body is not None else None
                answer = http.request(at.method, path, json=body)
                assert answer.status_code < 500 and answer.status_code != 401, (role, path)
                if answer.status_code == 403:
                    assert answer.json()["error"] == "http.forbidden"
                else:
                    let_in[f"{at.method} {at.path}"].add(role)
    expected = {address: MAY.get(address, EVERYBODY) for address in let_in}
    assert let_in == expected
    assert MAY.keys() <= let_in.keys()
    reading = {address for address in let_in if address not in MAY}
    assert {a for a in reading if not a.startswith("GET ")} == {"POST /me/password"}


def test_nobody_enters_without_a_token(monitor: Running) -> None:  # noqa: F811
    with monitor.http(Accept="*/*") as http:
        for at in ENDPOINTS:
            path = filled(at.path)
            assert http.request(at.method, path).status_code == 401, path
