"""The OpenAPI document, made of the endpoint table and its types: it cannot promise more."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import msgspec
from msgspec import Struct

from dashboard.approvals import Approval
from dashboard.endpoint import Endpoint

REFUSALS = {
    401: "Not signed in, or a wrong token",
    403: "The role may not do this, or the request comes from another site",
    404: "No such thing",
    408: "The body did not arrive in time",
    409: "Not possible in its present state",
    413: "Body too large",
    415: "Body is not JSON",
    422: "A parameter or the body is not as described",
    429: "Too many wrong tokens",
}
_STEP = re.compile(r"\{(\w+)(?::(\w+))?\}")
_KINDS = {"int": {"type": "integer", "minimum": 0}}


class Refusal(Struct, frozen=True):
    """What every refusal says: the id of the text, and the text in the browser's language."""

    error: str
    text: str


def document(endpoints: Iterable[Endpoint], cookie: str) -> dict[str, Any]:
    """Describe the endpoints; ``cookie`` is the name of the session's.

    Returns
    -------
    dict
        OpenAPI 3.1.
    """
    table = list(endpoints)
    bodies = (at.body for at in table if at.body)
    types = [Refusal, Approval, *(at.answer for at in table), *bodies]
    schemas, components = msgspec.json.schema_components(
        types, ref_template="#/components/schemas/{name}"
    )
    by_type = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for at in table:
        path = "/api/v1" + _STEP.sub(r"{\1}", at.path)
        paths.setdefault(path, {})[at.method.lower()] = _operation(at, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "rfproctor monitor", "version": version("rfproctor")},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
        "security": [{"token": []}, {"session": []}],
    }


def _operation(at: Endpoint, schemas: dict[int, dict[str, Any]]) -> dict[str, Any]:
    parameters = [
        {
            **{"name": name, "in": "path", "required": True},
            "schema": _KINDS.get(kind, {"type": "string", "minLength": 1}),
        }
        for name, kind in _STEP.findall(at.path)
    ]
    if at.query is not None:
        (schema,), components = msgspec.json.schema_components([at.query], ref_template="{name}")
        struct = components[schema["$ref"]]
        for name, kind in struct["properties"].items():
            parameters.append(
                {
                    "name": name,
                    "in": "query",
                    "required": name in struct.get("required", ()),
                    "schema": _not_null(kind),
                }
            )
    statuses = {401, 403, 429, *at.refuses, 422}
    if "{" in at.path:  # a step of it can hold what fits no address
        statuses.add(404)
    if at.body is not None:
        statuses |= {408, 413, 415}
    refusal = {"application/json": {"schema": schemas[id(Refusal)]}}
    responses: dict[str, Any] = {
        "200": {
            "description": "Done",
            "content": {at.media: {} if at.answer is bytes else {"schema": schemas[id(at.answer)]}},
        },
        **{
            str(status): {"description": REFUSALS[status], "content": refusal}
            for status in sorted(statuses)
        },
    }
    if at.waits:
        responses["202"] = {
            "description": "Waits for a second person",
            "content": {"application/json": {"schema": schemas[id(Approval)]}},
        }
    operation: dict[str, Any] = {
        "operationId": at.run.__name__,
        "summary": at.summary,
        "parameters": parameters,
        "responses": responses,
    }
    if at.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[id(at.body)]}},
        }
    return operation


def _not_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is given or not given; it is never null."""
    if "anyOf" not in schema:
        return {key: value for key, value in schema.items() if value is not None}
    kept = [kind for kind in schema["anyOf"] if kind.get("type") != "null"]
    return kept[0] if len(kept) == 1 else {"anyOf": kept}
