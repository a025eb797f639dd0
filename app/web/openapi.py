"""The OpenAPI description of the REST endpoints, made from the schema; for signed-in readers."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask_appbuilder import BaseView, expose

from app.kernel.errors import ErrorCode
from app.language.definitions import STATE_FIELD, SYSTEM_FIELDS, Deletion, Entity, Field, Rights
from app.web.api import UPLOADED, authenticated
from app.web.state import Scope, scope
from app.web.tokens import REFRESH, SIGN_IN

Document = dict[str, Any]
ERROR = {"$ref": "#/components/schemas/Error"}
LINK = {"$ref": "#/components/schemas/Link"}
TEXT: Document = {"type": "string"}
WHOLE: Document = {"type": "integer"}
MEANINGS = {
    400: "Not understood",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not there",
    409: "Changed meanwhile or refused",
    413: "Too large",
    422: "Wrong values",
    429: "Too many attempts",
}
PLAIN: dict[str, Document] = {
    "integer": WHOLE,
    "duration": WHOLE,
    "rating": WHOLE,
    "yes_no": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "tags": {"type": "array", "items": TEXT},
    "files": {"type": "array", "items": WHOLE},
    "file": WHOLE,
    "image": WHOLE,
    "signature": WHOLE,
    "json": {},
    "summary": {},
    "computed": {},
    "lookup": {},
}


class OpenApiView(BaseView):
    """Serves the description."""

    route_base = "/api/v1"
    default_view = "document"

    @expose("/openapi.json")
    @authenticated
    def document(self) -> Any:
        """What the reader's roles can reach."""
        return jsonify(describe(scope()))


def describe(here: Scope) -> Document:
    """The OpenAPI 3.0 document of the entities that the reader may see."""
    paths = _tokens()
    schemas: Document = {"Error": _error(), "Link": _link()}
    for entity in here.schema.enabled_entities():
        access = here.access.entity(entity.name)
        if not access.allows(Rights.READ):
            continue
        schemas[entity.name] = _record(entity)
        schemas[f"{entity.name}_input"] = _input(here, entity)
        paths |= _paths(entity, {right for right in Rights if access.allows(right)})
        paths |= _reveal(entity, [name for name in entity.fields if access.may_reveal(name)])
    return {
        "openapi": "3.0.3",
        "info": {
            "title": here.schema.portal.label.text(here.language),
            "version": str(here.state.runtime.revision),
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
        "security": [{"jwt": []}],
    }


# Private


def _error() -> Document:
    return {
        "type": "object",
        "required": ["message", "code"],
        "properties": {
            "message": TEXT,
            "code": {"type": "string", "enum": [*ErrorCode]},
            "errors": {"type": "object"},
            "incident": TEXT,
        },
    }


def _link() -> Document:
    return {
        "type": "object",
        "required": ["id"],
        "properties": {"id": WHOLE, "title": {"type": "string", "nullable": True}},
    }


def _tokens() -> Document:
    names = ("username", "password")
    properties: Document = {
        key: {"type": "string", "minLength": 1, "maxLength": 200} for key in names
    }
    properties["provider"] = {"type": "string", "enum": ["db"]}
    properties["refresh"] = {"type": "boolean"}
    body = {"type": "object", "required": [*names], "properties": properties}
    tokens = {"type": "object", "properties": {"access_token": TEXT, "refresh_token": TEXT}}
    answer = {"200": _json(tokens, "A token")}
    sign_in = {
        "summary": "Get a token, and one to renew it with when asked for",
        "security": [],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {**answer, **_errors(400, 401, 413, 422, 429)},
    }
    renew = {
        "summary": "Renew a token, with the refresh token in the Authorization header",
        "responses": {**answer, **_errors(400, 401)},
    }
    return {SIGN_IN: {"post": sign_in}, REFRESH: {"post": renew}}


def _json(schema: Document, description: str) -> Document:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _errors(*statuses: int) -> Document:
    return {str(status): _json(ERROR, MEANINGS[status]) for status in statuses}


def _field(field: Field) -> Document:
    if field.type in ("link", "parent", "reference"):
        return {"allOf": [LINK], "nullable": True}
    if field.type == "links":
        return {"type": "array", "items": LINK, "nullable": True}
    if field.type == "choice":
        return {"type": "string", "nullable": True}
    if field.type == "choices":
        return {"type": "array", "items": TEXT, "nullable": True}
    plain = PLAIN.get(field.type, TEXT)
    masked = field.sensitivity is not None or not plain
    return {} if masked else {**plain, "nullable": True}


def _record(entity: Entity) -> Document:
    fields = [
        *SYSTEM_FIELDS.values(),
        *(f for f in entity.fields.values() if f.type not in ("children", "secret")),
    ]
    return {"type": "object", "properties": {field.name: _field(field) for field in fields}}


def _input_field(field: Field) -> Document:
    if field.type in ("link", "parent"):
        return {**WHOLE, "minimum": 1}
    if field.type == "links":
        return {"type": "array", "items": {**WHOLE, "minimum": 1}}
    if field.type == "choice":
        return {"type": "string", "enum": [choice.name for choice in field.choices]}
    if field.type == "choices":
        return {
            "type": "array",
            "items": {"type": "string", "enum": [choice.name for choice in field.choices]},
        }
    if field.type in ("decimal", "money", "percent"):
        return {
            "oneOf": [
                {"type": "string", "pattern": r"^-?[0-9]{1,9}(\.[0-9]{1,2})?$"},
                {"type": "number"},
            ]
        }
    if field.type == "children":
        return {"type": "array", "items": {"type": "object"}}
    if field.type == "json":
        return {"oneOf": [{"type": "object"}, {"type": "array", "items": {}}]}
    return PLAIN.get(field.type, TEXT)


def _input(here: Scope, entity: Entity) -> Document:
    fields = [
        field
        for field in entity.settable_fields
        if not field.readonly and field.name != STATE_FIELD
    ]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {field.name: {**_input_field(field), "nullable": True} for field in fields},
    }


def _with_version(name: str) -> Document:
    return {
        "type": "object",
        "required": ["version"],
        "properties": {"version": WHOLE},
        "description": f"The fields of {name}_input to change, and the version that was changed.",
    }


def _paths(entity: Entity, rights: set[Rights]) -> Document:
    base, tags = f"/api/v1/{entity.name}/", [entity.label.en]
    said = _json({"type": "object"}, "Rights and fields")
    info = {"get": {"tags": tags, "responses": {"200": said, **_errors(400, 401, 404)}}}
    paths = {
        base: _whole(entity, rights),
        f"{base}{{pk}}": _single(entity, rights),
        f"{base}_info": info,
    }
    if entity.states and Rights.MOVE in rights:
        for move in entity.states.moves:
            answers = {"200": _json(_saved(entity), "Moved"), **WRONG}
            body = _body(_with_version(entity.name))
            step = {
                "tags": tags,
                "summary": move.label.en,
                "requestBody": body,
                "responses": answers,
            }
            paths[f"{base}{{pk}}/move/{move.name}"] = {"parameters": [NUMBER], "post": step}
    return paths | _files(entity, base, rights)


def _files(entity: Entity, base: str, rights: set[Rights]) -> Document:
    """Sending files for the fields that hold them, and getting them back."""
    names = [item.name for item in entity.settable_fields if item.type in UPLOADED]
    tags, content = [entity.label.en], {"type": "string", "format": "binary"}
    if not names:
        return {}
    number = {**NUMBER, "name": "number"}
    answers = {"200": {"description": "The file", "content": {"*/*": {"schema": content}}}}
    read = {"tags": tags, "summary": "A file", "responses": {**answers, **_errors(400, 401, 404)}}
    found: Document = {
        f"{base}{{pk}}/files/{{number}}": {"parameters": [NUMBER, number], "get": read}
    }
    form = {"type": "object", "required": ["file"], "properties": {"file": content}}
    kept = {"type": "object", "properties": {"id": WHOLE, "name": TEXT, "size": WHOLE}}
    send = {
        "tags": tags,
        "summary": "Send a file, to save its id in the field of a record",
        "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}}},
        "responses": {"201": _json(kept, "Kept"), **WRONG},
    }
    if {Rights.CREATE, Rights.EDIT} & rights:
        found |= {f"{base}files/{name}": {"post": send} for name in names}
    return found


def _reveal(entity: Entity, names: list[str]) -> Document:
    """Uncovering one of the fields that the reader sees masked."""
    if not names:
        return {}
    field: Document = {"type": "string", "enum": names}
    reason = {"type": "string", "minLength": 1, "maxLength": 200}
    asked = {
        "type": "object",
        "required": ["field", "reason"],
        "properties": {"field": field, "reason": reason},
    }
    shown = {
        "type": "object",
        "required": ["id", "field", "value"],
        "properties": {"id": WHOLE, "field": TEXT, "value": {}},
    }
    post = {
        "tags": [entity.label.en],
        "summary": "Uncover a masked value; the reason is kept in the audit trail",
        "requestBody": _body(asked),
        "responses": {"200": _json(shown, "The value"), **WRONG, **_errors(429)},
    }
    return {f"/api/v1/{entity.name}/{{pk}}/reveal": {"parameters": [NUMBER], "post": post}}


def _saved(entity: Entity) -> Document:
    record = {"$ref": f"#/components/schemas/{entity.name}"}
    return {
        "type": "object",
        "required": ["id", "result"],
        "properties": {"id": WHOLE, "result": record},
    }


def _whole(entity: Entity, rights: set[Rights]) -> Document:
    """The operations on all records of an entity."""
    record = {"$ref": f"#/components/schemas/{entity.name}"}
    listed = {
        "type": "object",
        "required": ["count", "ids", "result"],
        "properties": {
            "count": {**WHOLE, "description": "-1 stands for more than 10,000"},
            "ids": {"type": "array", "items": WHOLE},
            "result": {"type": "array", "items": record},
        },
    }
    query = {"name": "q", "in": "query", "required": False, "schema": TEXT, "description": "rison"}
    tags = [entity.label.en]
    answers = {"200": _json(listed, "A page"), **_errors(400, 401, 404, 422)}
    found: Document = {"get": {"tags": tags, "parameters": [query], "responses": answers}}
    if Rights.CREATE in rights:
        body = _body({"$ref": f"#/components/schemas/{entity.name}_input"})
        added = {"201": _json(_saved(entity), "Added"), **WRONG}
        found["post"] = {"tags": tags, "requestBody": body, "responses": added}
    return found


def _single(entity: Entity, rights: set[Rights]) -> Document:
    """The operations on one record."""
    tags, saved = [entity.label.en], _saved(entity)
    read = {
        "tags": tags,
        "responses": {"200": _json(saved, "The record"), **_errors(400, 401, 404)},
    }
    found: Document = {"parameters": [NUMBER], "get": read}
    if Rights.EDIT in rights:
        answers = {"200": _json(saved, "Changed"), **WRONG}
        body = _body(_with_version(entity.name))
        found["put"] = {"tags": tags, "requestBody": body, "responses": answers}
    if Rights.DELETE in rights and entity.deletion is not Deletion.NEVER:
        version = {"name": "version", "in": "query", "required": False, "schema": WHOLE}
        said = {"type": "object", "properties": {"message": TEXT}}
        answers = {"200": _json(said, "Deleted"), **WRONG}
        found["delete"] = {"tags": tags, "parameters": [version], "responses": answers}
    return found


NUMBER: Document = {
    "name": "pk",
    "in": "path",
    "required": True,
    "schema": {**WHOLE, "minimum": 0},
}
WRONG = _errors(400, 401, 403, 404, 409, 413, 422)


def _body(schema: Document) -> Document:
    return {"required": True, "content": {"application/json": {"schema": schema}}}
