"""Which accounts belong to one person: the person record, and what identifies a person in law."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.access.session_scope import lowered
from app.language.definitions import Entity, Schema
from app.storage.columns import column_name
from app.storage.models import Models

Identity = frozenset[tuple[str, str]]
IDENTITY_TYPES = ("id_card",)


def identity_of(session: Session, schema: Schema, models: Models, account_id: int) -> Identity:
    """All that says who is behind an account; two accounts that share any of it are one person.

    Records of people who were deleted count as well: whoever comes back is still the same person.
    """
    found = {("account", str(account_id))}
    portal = schema.portal
    if portal.person_entity is None or portal.person_account is None:
        return frozenset(found)
    entity = schema.entities[portal.person_entity]
    table = models.metadata.tables[entity.name]
    names = _identifying(entity)
    columns = [table.c[column_name(entity.fields[name])] for name in names]
    mine = table.c[f"{portal.person_account}_id"] == account_id
    with lowered(session):
        rows = session.execute(select(table.c.id, *columns).where(mine)).all()
    for row in rows:
        found.add((entity.name, str(row[0])))
        found |= {(name, _said(value)) for name, value in zip(names, row[1:], strict=True) if value}
    return frozenset(found)


# Private


def _identifying(entity: Entity) -> list[str]:
    """Identity cards, and whatever else is personal and nobody shares."""
    return [
        field.name
        for field in entity.fields.values()
        if field.type in IDENTITY_TYPES or (field.unique and field.sensitivity is not None)
    ]


def _said(value: Any) -> str:
    return str(value).strip().upper()
