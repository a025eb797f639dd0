"""Finds the records that a link may point to, as one types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from flask import jsonify
from sqlalchemy import ColumnElement
from werkzeug.datastructures import MultiDict

from app.kernel.errors import NotFound
from app.kernel.messages import Message, _l
from app.language.definitions import Entity, Field, Rights
from app.language.expressions import Expression
from app.records.finding import find_titled
from app.storage.criteria import Compiler
from app.web.form_page import FormPage
from app.web.locale import say
from app.web.state import Scope

SHOWN = 20
LEAST_TYPED = 2
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Found:
    """What may be chosen, at most SHOWN rows of id, text and hint, and why there is nothing."""

    rows: list[dict[str, Any]]
    note: Message | None = None


@dataclass(frozen=True, slots=True)
class Filling:
    """A form that is being filled in: what is typed so far, and the record that it changes."""

    form: MultiDict[str, str]
    record_id: int | None


def look_up(
    scope: Scope, entity: Entity, field_name: str, typed: str, filling: Filling | None = None
) -> Found:
    """Records by name, pinyin, initials or number, that the form so far allows; raises NotFound for other fields.

    Where views are counted these are too, and nothing is offered before it is asked for.
    """
    field = entity.fields.get(field_name)
    allowed = scope.access.entity(entity.name)
    usable = any(allowed.allows(right) for right in (Rights.READ, Rights.CREATE, Rights.EDIT))
    if field is None or not usable:
        raise NotFound
    record = _record(scope, entity, field, filling)
    return _offered(scope, entity, field, _targets(entity, field), typed, record)


def look_up_records(scope: Scope, name: str, typed: str) -> Found:
    """Records of an entity that the reader may see, by what they are called."""
    return _offered(scope, scope.schema.entities[name], None, (name,), typed)


def found_rows(scope: Scope, found: Found) -> Any:
    """The answer to a select that looks for records."""
    note = say(found.note, scope.language) if found.note is not None else None
    return jsonify(results=found.rows, note=note)


# Private


def _record(
    scope: Scope, entity: Entity, field: Field, filling: Filling | None
) -> Mapping[str, Any]:
    """What the condition of a field is told of the form; only what the reader sees in clear or has typed."""
    where = field.options.get("where")
    if filling is None or where is None or not _of_form(where):
        return {}
    return FormPage(scope, entity, filling.record_id).typed_so_far(filling.form)


def _of_form(where: Expression) -> set[str]:
    """The fields of the form that a condition reads."""
    return {path[1] for path in where.names() if path[0] == "record"}


def _targets(entity: Entity, field: Field) -> tuple[str, ...]:
    if field.type == "parent":
        return (entity.name,)
    if field.type == "reference":
        return tuple(field.options["to"])
    if field.type in ("link", "links"):
        return (str(field.target),)
    raise NotFound


def _offered(
    scope: Scope, entity: Entity, field: Field | None, targets: tuple[str, ...], typed: str,
    record: Mapping[str, Any] = NOTHING,
) -> Found:  # fmt: skip
    counted = any(scope.schema.entities[target].viewing is not None for target in targets)
    if counted and len(typed.strip()) < LEAST_TYPED:
        return Found([], _l("Type at least two characters."))
    rows: list[dict[str, Any]] = []
    for target in targets:
        prefix = f"{target}:" if field is not None and field.type == "reference" else ""
        rows += [
            {**row, "id": f"{prefix}{row['id']}"}
            for row in _search(scope, entity, field, target, typed, record)
        ]
    return Found(rows[:SHOWN])


def _search(
    scope: Scope, entity: Entity, field: Field | None, name: str, typed: str,
    record: Mapping[str, Any],
) -> list[dict[str, Any]]:  # fmt: skip
    target = scope.schema.entities[name]
    if name != "account" and not scope.access.entity(name).allows(Rights.READ):
        return []
    if name == "account" and not scope.actor.administers("accounts"):
        return []
    where = _restriction(scope, entity, field, target, record)
    return [
        {"id": hit.id, "text": hit.title, "hint": hit.hint}
        for hit in find_titled(scope.records.reader, target, typed, where, SHOWN)
    ]


def _restriction(
    scope: Scope, entity: Entity, field: Field | None, target: Entity, record: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    """What the field demands of a target, unless that asks for what the form does not tell."""
    where = field.options.get("where") if field is not None else None
    if where is None or not _of_form(where) <= record.keys():
        return []
    runtime, compiler = scope.state.runtime, scope.records.reader.compiler(target.name)
    model = runtime.models.classes[target.name]
    asked = Compiler(runtime.schema, runtime.models, runtime.moment(), compiler.actor, target, model,
                     record=record, record_entity=entity)  # fmt: skip
    return [asked.criterion(where.tree)]
