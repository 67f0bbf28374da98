"""The monitor's web server: page, sign-in, JSON, live WebSocket; nothing from anywhere else."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from dashboard.access import Door, Identity
from dashboard.answers import Call, Monitor
from dashboard.api import ENDPOINTS
from dashboard.approvals import Approval
from dashboard.endpoint import Endpoint
from dashboard.errors import NOT_JSON, Refused
from dashboard.guard import (
    Guard,
    as_json,
    check_origin,
    enter,
    is_welcome,
    lang_of,
    read_body,
    refusal_of,
)
from dashboard.live import Live
from dashboard.openapi import document
from dashboard.saving import Saved
from dashboard.signin import signin_page
from sensors.text import Lang, catalogue, say

STATIC = Path(str(resources.files("dashboard") / "static"))

# Windows reads these from a registry that other programs write to.
for _suffix, _kind in {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml",
                       ".json": "application/json", ".woff2": "font/woff2"}.items():  # fmt: skip
    mimetypes.add_type(_kind, _suffix)


def build(
    monitor: Monitor, live: Live, door: Door, names: set[str], metrics: Callable[[], bytes]
) -> ASGIApp:
    """Put the application together.

    Parameters
    ----------
    monitor : Monitor
    live : Live
    door : Door
    names : set of str
        Host names that are ours; addresses always are.
    metrics : callable
        The Prometheus text.
    """
    api_document = msgspec.json.encode(document(ENDPOINTS, door.cookie))

    async def page(request: Request) -> Response:
        if not is_welcome(request, door):
            return HTMLResponse(signin_page(lang_of(request), ""), 401)
        return HTMLResponse((STATIC / "index.html").read_text(encoding="utf-8"))

    async def login(request: Request) -> Response:
        try:
            identity = await run_in_threadpool(_identify, door, await _login_form(request))
        except Refused as refused:
            lang = lang_of(request)
            text = say(refused.message_id, lang, **refused.fields)
            return HTMLResponse(signin_page(lang, text), refused.status)
        answer = RedirectResponse("./", 303)
        answer.set_cookie(
            door.cookie,
            await run_in_threadpool(door.open_session, identity),
            httponly=True,
            samesite="lax",
            path="/",
            secure=request.url.scheme == "https",
        )
        return answer

    async def logout(request: Request) -> Response:
        check_origin(request)
        await run_in_threadpool(door.close_session, request.cookies.get(door.cookie, ""))
        answer = Response(status_code=204)
        answer.delete_cookie(door.cookie, httponly=True, samesite="lax", path="/")
        return answer

    async def words(request: Request) -> Response:
        """Texts of the page, and every reason and notice that can arrive in a message."""
        lang: Lang = "zh" if request.path_params["lang"] == "zh" else "en"
        own = msgspec.json.decode((STATIC / "locale" / f"{lang}.json").read_bytes())
        return as_json({**catalogue(lang), **own})

    async def bands(request: Request) -> Response:
        """The band plan in force, for the page: who normally lives where, and where that stands."""
        plan = monitor.band_plan
        rows = [
            {
                "start_mhz": one.start_hz / 1e6,
                "stop_mhz": one.stop_hz / 1e6,
                "kind": one.kind,
                "en": one.en,
                "zh": one.zh,
                "source": one.source,
            }
            for one in plan.services
        ]
        return as_json({"plan": plan.id, "en": plan.en, "zh": plan.zh, "rows": rows})

    async def health(request: Request) -> Response:
        """Whether events can be stored: the one thing that must not fail unseen."""
        try:
            await run_in_threadpool(monitor.store.probe)
        except SQLAlchemyError as error:
            why = str(getattr(error, "orig", error))
            return Response(
                msgspec.json.encode({"status": "store failed", "why": why}),
                503,
                media_type="application/json",
            )
        return as_json({"status": "ok"})

    async def counters(request: Request) -> Response:
        return Response(metrics(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def openapi(request: Request) -> Response:
        return Response(api_document, media_type="application/json")

    async def live_socket(websocket: WebSocket) -> None:
        try:
            enter(websocket, door, changes=True)
        except Refused as refused:
            await websocket.send_denial_response(refusal_of(refused, "en"))
            return
        await websocket.accept()
        lines = websocket.query_params.get("lines") == "1"
        await live.serve(websocket, lambda: is_welcome(websocket, door), lines=lines)

    routes: list[BaseRoute] = [
        Route("/", page),
        Route("/login", login, methods=["GET", "POST"]),
        Route("/api/v1/session", logout, methods=["DELETE"]),
        Route("/healthz", health),
        Route("/metrics", counters),
        Route("/api/openapi.json", openapi),
        WebSocketRoute("/api/v1/live", live_socket),
        Route("/static/locale/{lang}.json", words),
        Route("/static/bands.json", bands),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    paths = dict.fromkeys(at.path for at in ENDPOINTS)
    routes += [_route(path, monitor, door) for path in paths]
    application = Starlette(
        routes=routes,
        exception_handlers={
            Refused: _say_refused,
            HTTPException: _say_http,
            OperationalError: _say_store,
        },
    )
    return Guard(application, names)


def _route(path: str, monitor: Monitor, door: Door) -> Route:
    """One address with all its methods: identity, permission, types, then the plain function."""
    by_method = {at.method: at for at in ENDPOINTS if at.path == path}

    async def handler(request: Request) -> Response:
        at = by_method["GET" if request.method == "HEAD" else request.method]
        who = enter(request, door, changes=at.method != "GET")
        if not who.may(at.permission):
            raise Refused("http.forbidden", 403)
        call = Call(
            monitor,
            who,
            {name: str(value) for name, value in request.path_params.items()},
            _parameters(request, at),
            await _body(request, at),
        )
        answer = await run_in_threadpool(at.run, call)
        if isinstance(answer, Saved):
            return answer.response()
        waits = at.waits and isinstance(answer, Approval) and answer.state == "waiting"
        return as_json(answer, 202 if waits else 200)

    return Route(f"/api/v1{path}", handler, methods=list(by_method))


def _parameters(request: Request, at: Endpoint) -> object:
    """Query parameters as the endpoint's Struct; unknown and repeated ones are refused."""
    given = request.query_params
    if at.query is None:
        if given:
            name = next(iter(given))
            raise Refused("http.bad_parameter", 422, name=name, why="unknown")
        return None
    values: dict[str, str] = {}
    for name, value in given.multi_items():
        if name in values:
            raise Refused("http.bad_parameter", 422, name=name, why="given twice")
        values[name] = value
    try:
        return msgspec.convert(values, at.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refused("http.bad_parameter", 422, name="query", why=str(error)) from None


async def _body(request: Request, at: Endpoint) -> object:
    if at.body is None:
        return None
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused("http.bad_body", 415, why="Content-Type must be application/json")
    body = await read_body(request, at.max_body)
    try:
        return msgspec.convert(_whole(msgspec.json.decode(body)), at.body)
    except NOT_JSON as error:
        raise Refused("http.bad_body", 422, why=str(error)) from None


def _whole(value: Any) -> Any:
    """Make 3.0 the integer 3, which it is in JSON; no text has a NUL, which no database takes."""
    if isinstance(value, str) and "\0" in value:
        raise msgspec.ValidationError("a text with a NUL")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {name: _whole(item) for name, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


async def _login_form(request: Request) -> dict[str, str]:
    """Name, password and token: from the link that the monitor printed, or from the form."""
    if request.method != "POST":
        return {"token": request.query_params.get("token", "")}
    check_origin(request)
    fields = parse_qs((await read_body(request)).decode(errors="replace"))
    return {name: values[0].replace("\0", "") for name, values in fields.items()}


def _identify(door: Door, form: dict[str, str]) -> Identity:
    return door.sign_in(form.get("name", ""), form.get("token", "") or form.get("password", ""))


async def _say_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return refusal_of(error, lang_of(request))


async def _say_store(request: Request, error: Exception) -> Response:
    """A full disk or a database that is gone is nobody's mistake, and not ours."""
    why = str(getattr(error, "orig", error))
    return refusal_of(Refused("http.store_failed", 503, why=why), lang_of(request))


async def _say_http(request: Request, error: Exception) -> Response:
    """Starlette's own refusals in the same form."""
    assert isinstance(error, HTTPException)
    known = {404: "http.not_found", 405: "http.bad_method"}
    refused = Refused(known.get(error.status_code, "http.bad_body"), error.status_code, why="")
    answer = refusal_of(refused, lang_of(request))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:
        answer.headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return answer


def _allowed(request: Request) -> set[str]:
    """Methods of every route that an address fits; Starlette tells those of the first."""
    fitting = (
        route
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE
    )
    return set().union(*(route.methods or () for route in fitting))
