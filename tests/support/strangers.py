"""Rows of the other bed in every kind of record, and own rows that point at them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from app.language.definitions import Entity, Field
from tests.support.nursery import CANARY
from tests.support.portals import NOON, Portal

TEXTS = ("text", "long_text", "rich_text")
OTHERS: dict[str, Any] = {
    "integer": 7, "decimal": Decimal("7.5"), "money": Decimal("77.70"), "duration": 7,
    "date": NOON.date(), "datetime": NOON,
}  # fmt: skip


def plant_strangers(portal: Portal) -> dict[str, int]:
    """One row of the east bed for every kind that has a place; its key by the name of the kind."""
    found: dict[str, int] = {"bed": portal.ids["east"]}
    with portal.records() as records:
        records.change("bed", portal.ids["east"], {"name": f"{CANARY}-bed"}, 1)
        for name in ("gardener", "buyer", "plant", "task", "sale", "measurement", "treatment"):
            found[name] = records.create(name, _row(portal.schema.entities[name], found))
        for name in ("task_step", "sale_line"):
            found[name] = records.create(name, _row(portal.schema.entities[name], found))
    return found


def point_at_strangers(portal: Portal, strangers: dict[str, int]) -> dict[str, int]:
    """Own rows of the west bed whose links lead to the strangers."""
    west = portal.ids["west"]
    with portal.records() as records:
        task = {
            "name": "越界", "bed": west, "doer": strangers["gardener"], "about": f"plant:{strangers['plant']}",
        }  # fmt: skip
        sale = records.create("sale", {"buyer": portal.ids["buyer"]})
        line = {"sale": sale, "count": 3, "plant": strangers["plant"]}
        return {
            "task": records.create("task", task),
            "sale": sale,
            "sale_line": records.create("sale_line", line),
        }


# Private


def _row(entity: Entity, known: dict[str, int]) -> dict[str, Any]:
    values = {field.name: _value(field, known) for field in entity.settable_fields}
    return {name: value for name, value in values.items() if value is not None}


def _value(field: Field, known: dict[str, int]) -> Any:
    if field.show_when or field.readonly:
        return None
    if field.type in TEXTS:
        return f"{CANARY}-{field.name}"
    if field.type == "tags":
        return [f"{CANARY}-tag"]
    if field.type == "link":
        return known.get(str(field.target), 1 if field.target == "species" else None)
    return OTHERS.get(field.type)
