"""Rules for every request, before anything of it is believed.

The Host must be one of ours (a page elsewhere cannot rebind its name to us); whoever changes
something or opens the WebSocket with a cookie must come from our own page; bodies have a limit; and
every answer forbids the browser to load anything that we did not serve.
"""

from __future__ import annotations

import asyncio
import ipaddress

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.access import Door, Identity
from dashboard.errors import Refused
from sensors.text import Lang, say

MAX_BODY = 64 * 1024
BODY_WITHIN_S = 30.0
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # no-referrer would send forms with "Origin: null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def enter(connection: HTTPConnection, door: Door, *, changes: bool) -> Identity:
    """Find out who it is; a cookie alone is not enough from another site's page."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return door.by_token(token.strip())
    who = door.by_session(connection.cookies.get(door.cookie, ""))
    if who is None:
        raise Refused("http.sign_in", 401)
    if changes:
        check_origin(connection)
    return who


def is_welcome(connection: HTTPConnection, door: Door) -> bool:
    """Whether an open connection would still be let in."""
    try:
        enter(connection, door, changes=False)
    except Refused:
        return False
    return True


def check_origin(connection: HTTPConnection) -> None:
    """Browsers say where a POST and a WebSocket come from; other pages cannot forge it."""
    _, _, origin = connection.headers.get("origin", "").partition("://")
    if origin.lower() != connection.headers.get("host", "").lower():
        raise Refused("http.bad_origin", 403)


def is_ours(host: str, names: set[str]) -> bool:
    """Whether a Host header is one of our names, or an address.

    A page elsewhere can let its own name point at us, but then its name is in the header.
    """
    name, _, port = host.lower().rpartition(":")
    if not port.isdecimal():
        name = host.lower()
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return name in names
    return True


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """Read a body that has a limit in bytes, whatever its Content-Length says, and in time."""
    body = b""
    try:
        async with asyncio.timeout(BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise Refused("http.body_too_large", 413, limit=limit)
    except TimeoutError:
        raise Refused("http.body_too_slow", 408, seconds=round(BODY_WITHIN_S)) from None
    return body


def lang_of(connection: HTTPConnection) -> Lang:
    """Language that the browser asks for first."""
    wanted = connection.headers.get("accept-language", "").lower()
    return "zh" if wanted.startswith("zh") else "en"


def as_json(value: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def refusal_of(refused: Refused, lang: Lang) -> Response:
    """Answer with the reason, as an id and in words."""
    text = say(refused.message_id, lang, **refused.fields)
    answer = Response(
        msgspec.json.encode({"error": refused.message_id, "text": text}),
        refused.status,
        media_type="application/json",
    )
    if refused.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


class Guard:
    """Outermost: the Host check, and the headers of every answer."""

    def __init__(self, application: ASGIApp, names: set[str]) -> None:
        self._application = application
        self._names = names

    def _objection(self, scope: Scope) -> Refused | None:
        """What is wrong with an address as such; no database takes a text with a NUL."""
        if not is_ours(Headers(scope=scope).get("host", ""), self._names):
            return Refused("http.bad_host", 421)
        if "\0" in scope["path"]:
            return Refused("http.not_found", 404)
        if b"%00" in scope.get("query_string", b""):
            return Refused("http.bad_parameter", 422, name="query", why="NUL")
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the Host, then let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-cache")
                if scope["scheme"] in ("https", "wss"):
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        objection = self._objection(scope)
        if objection is None:
            await self._application(scope, receive, send_with_headers)
            return
        refusal = refusal_of(objection, "en")
        if scope["type"] == "http":
            await refusal(scope, receive, send_with_headers)
        else:
            await send({"type": "websocket.close", "code": 1008})
