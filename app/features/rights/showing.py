"""Says cells of the rule book in words of both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.features.rights.editing import RIGHTS
from app.kernel.messages import Label
from app.language.definitions import Entity, EntityRights, Rights, Schema
from app.language.hidings import HIDE_WHEN
from app.language.overlay import CLEAR, HIDDEN, MASKED, REVEAL, Cell
from app.language.overlay_merge import ROLE

WORDS: Mapping[Any, Label] = {
    True: Label("可以", "yes"),
    False: Label("不可以", "no"),
    None: Label("未说明", "nothing said"),
    "request": Label("须申请", "on request"),
    CLEAR: Label("明文", "in clear"),
    REVEAL: Label("脱敏，可填理由查看", "masked, uncovered with a reason"),
    MASKED: Label("脱敏", "masked"),
    HIDDEN: Label("不可见", "hidden"),
    "all": Label("全部数据", "all rows"),
    "below": Label("任职范围及以下", "at the place of the role and below"),
}


def cell_label(schema: Schema, cell: Cell) -> Label:
    """Which cell it is: the role, the entity, and the right or the field."""
    role, entity = schema.roles.get(cell.role), schema.entities.get(cell.entity)
    parts = [role.label if role is not None else Label(cell.role, cell.role)]
    parts += [entity.label] if entity is not None else []
    parts += [_what(entity, cell)] if cell.key != ROLE else []
    return Label(" · ".join(p.zh for p in parts), " · ".join(p.en for p in parts))


def change_text(schema: Schema, cell: Cell, former: Any, new: Any) -> Label:
    """What a cell was and what it shall be."""
    old, then = value_text(schema, cell, former), value_text(schema, cell, new)
    return Label(f"{old.zh} → {then.zh}", f"{old.en} → {then.en}")


def value_text(schema: Schema, cell: Cell, value: Any) -> Label:
    """A value of a cell."""
    if cell.key == ROLE:
        return Label("有", "is there") if value else Label("没有", "is not there")
    if isinstance(value, list):
        return listed(names_in(schema.entities.get(cell.entity), cell.key, value))
    if isinstance(value, str) and value not in WORDS:
        return Label(value, value)
    return WORDS[value]


def names_in(entity: Entity | None, key: str, names: Iterable[str]) -> list[Label]:
    """Fields or steps by what they are called."""
    if entity is None:
        return [Label(name, name) for name in names]
    if key == Rights.MOVE:
        known = {move.name: move.label for move in entity.states.moves} if entity.states else {}
    else:
        known = {field.name: field.label for field in entity.fields.values()}
    return [known.get(name, Label(name, name)) for name in names]


def listed(labels: Iterable[Label]) -> Label:
    """Some names one after the other."""
    known = list(labels)
    return Label("、".join(one.zh for one in known), ", ".join(one.en for one in known))


def hidden_text(rights: EntityRights, entity: Entity) -> Label:
    """While which condition holds what is hidden; nothing for most rights."""
    hidden = rights.hide_when
    if hidden is None:
        return Label("", "")
    names = listed(names_in(entity, HIDE_WHEN, hidden.fields))
    return Label(f"{hidden.when.text} → {names.zh}", f"{hidden.when.text} → {names.en}")


# Private


def _what(entity: Entity | None, cell: Cell) -> Label:
    if cell.key == HIDE_WHEN:
        return Label("按条件隐藏", "hidden while")
    if cell.field is None:
        return RIGHTS.get(cell.key, Label(cell.key, cell.key))
    field = entity.field(cell.field) if entity is not None else None
    return field.label if field is not None else Label(cell.field, cell.field)
