"""The marshmallow field of each field type, and how values are written as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, fields, validate

from app.kernel.messages import Message
from app.kernel.registry import Registry
from app.language.definitions import Entity, Field
from app.language.definitions import Schema as PortalSchema
from app.language.values import own_words

Make = Callable[[Field], fields.Field[Any]]
API_FIELDS: Registry[Make] = Registry("API field")


class Month(fields.Field[date]):
    """A month, written as ``2026-01``."""

    default_error_messages = {"invalid": "Not a valid month."}

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> date:  # noqa: ARG002  # marshmallow's shape
        try:
            return date.fromisoformat(f"{value}-01" if len(str(value)) == 7 else str(value))
        except ValueError as error:
            raise self.make_error("invalid") from error


class Exact(fields.Decimal):
    """An exact number; texts such as "10.50" keep their cents, floats are read as they are written."""

    def _validated(self, value: Any) -> Decimal:
        return super()._validated(str(value) if isinstance(value, float) else value)


def input_schema(schema: PortalSchema, entity: Entity, *, partial: bool, depth: int = 0) -> Schema:
    """What may be sent for an entity; unknown fields are refused."""
    made: dict[str, Any] = (
        {"version": fields.Integer(strict=True, required=partial)} if partial or depth else {}
    )
    for field in entity.settable_fields:
        if field.readonly:
            continue
        if field.type == "children":
            made[field.name] = _rows(schema, field, depth)
        else:
            made[field.name] = api_field(field)
    if depth:
        made |= {"id": fields.Integer(strict=True), "removed": fields.Boolean()}
    name = f"{entity.name}_{'change' if partial else 'new'}_{depth}"
    made["Meta"] = type("Meta", (), {"unknown": RAISE})
    return type(name, (Schema,), made)()


def api_field(field: Field) -> fields.Field[Any]:
    """The marshmallow field that reads a JSON value of a field; null empties it."""
    return API_FIELDS.get(field.type)(field)


def in_own_words(
    entity: Entity | None, expected: Schema, problems: Mapping[str, tuple[Message, ...]]
) -> dict[str, tuple[Message, ...]]:
    """Problems by path, said with a field's own sentence where the schema has one."""
    own = {
        name: entity.fields[name] for name in expected.fields if entity and name in entity.fields
    }
    return {
        path: (own_words(own[path], texts[0]),) if path in own else texts
        for path, texts in problems.items()
    }


def to_json(value: Any) -> Any:
    """A stored value as JSON: exact numbers as texts, moments in UTC."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    return (
        value if value is None or isinstance(value, int | str | list | dict | bool) else str(value)
    )


# Private


def _rows(schema: PortalSchema, field: Field, depth: int) -> fields.Field[Any]:
    target = schema.entities[str(field.target)]
    if depth:
        return fields.List(fields.Dict(), allow_none=True)
    inner = input_schema(schema, target, partial=False, depth=depth + 1)
    inner.fields.pop(str(field.options["by"]), None)
    return fields.List(fields.Nested(inner), allow_none=True)


def _text(field: Field) -> fields.Field[Any]:
    return fields.String(allow_none=True)


def _whole(field: Field) -> fields.Field[Any]:
    return fields.Integer(strict=True, allow_none=True)


def _exact(field: Field) -> fields.Field[Any]:
    return Exact(allow_none=True, allow_nan=False)


def _choice(field: Field) -> fields.Field[Any]:
    return fields.String(
        allow_none=True, validate=validate.OneOf([choice.name for choice in field.choices])
    )


def _register() -> None:
    makers: dict[str, Make] = {
        "integer": _whole,
        "decimal": _exact,
        "money": _exact,
        "percent": _exact,
        "yes_no": lambda field: fields.Boolean(allow_none=True, truthy={True}, falsy={False}),
        "date": lambda field: fields.Date(allow_none=True),
        "datetime": lambda field: fields.AwareDateTime(allow_none=True, default_timezone=UTC),
        "time": lambda field: fields.Time(allow_none=True),
        "month": lambda field: Month(allow_none=True),
        "duration": _whole,
        "choice": _choice,
        "choices": lambda field: fields.List(_choice(field), allow_none=True),
        "tags": lambda field: fields.List(fields.String(), allow_none=True),
        "link": _whole,
        "parent": _whole,
        "links": lambda field: fields.List(fields.Integer(strict=True), allow_none=True),
        "children": lambda field: fields.List(fields.Dict(), allow_none=True),
        "file": _whole,
        "image": _whole,
        "signature": _whole,
        "files": lambda field: fields.List(fields.Integer(strict=True), allow_none=True),
        "rating": _whole,
        "json": lambda field: fields.Raw(allow_none=True),
        "computed": _text,
        "lookup": _text,
        "summary": _exact,
    }
    for name in ("text", "long_text", "rich_text", "code", "reference", "phone", "mobile", "email", "url", "id_card",
                 "credit_code", "bank_card", "region", "location", "colour", "secret"):  # fmt: skip
        makers[name] = _text
    for name, make in makers.items():
        API_FIELDS.add(name, make)


_register()
