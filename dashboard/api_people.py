"""``/api/v1``, the people: who they are, what they may, and the log of what they did."""

from __future__ import annotations

from dashboard import answers, people
from dashboard.account import AccountCard, AccountChange, NewAccount, NewToken, TokenCard
from dashboard.audit import Entry
from dashboard.audit_log import AuditCheck, AuditQuery
from dashboard.endpoint import Endpoint

PEOPLE = (
    Endpoint("GET", "/me", "Who is signed in", "view", people.Me, people.get_me),
    Endpoint(
        "POST",
        "/me/password",
        "Change one's own password",
        "view",
        AccountCard,
        people.post_password,
        body=people.PasswordChange,
        refuses=(404, 409),
    ),
    Endpoint("GET", "/accounts", "Accounts", "accounts", list[AccountCard], people.get_accounts),
    Endpoint(
        "POST",
        "/accounts",
        "Make an account",
        "accounts",
        AccountCard,
        people.post_account,
        body=NewAccount,
        refuses=(409,),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/accounts/{name}",
        "Change an account",
        "accounts",
        AccountCard,
        people.post_account_change,
        body=AccountChange,
        refuses=(404, 409),
        waits=True,
    ),
    Endpoint(
        "POST",
        "/backup",
        "Write a copy of the store",
        "accounts",
        people.Backup,
        people.post_backup,
        refuses=(409,),
    ),
    Endpoint("GET", "/tokens", "API tokens", "accounts", list[TokenCard], people.get_tokens),
    Endpoint(
        "POST",
        "/tokens",
        "Make an API token",
        "accounts",
        TokenCard,
        people.post_token,
        body=NewToken,
        refuses=(409,),
    ),
    Endpoint(
        "DELETE",
        "/tokens/{name}",
        "End an API token",
        "accounts",
        list[TokenCard],
        people.delete_token,
        refuses=(404,),
    ),
    Endpoint(
        "GET",
        "/audit",
        "Audit log",
        "audit",
        list[Entry],
        answers.get_audit,
        query=AuditQuery,
    ),
    Endpoint(
        "GET",
        "/audit/check",
        "Whether the audit log's chain holds",
        "audit",
        AuditCheck,
        answers.get_audit_check,
    ),
)
