"""The rule book of a role: a line for each entity, its rights as columns, rows and fields in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.features.rights import rules
from app.features.rights.editing import RIGHTS
from app.features.rights.showing import listed, names_in
from app.kernel.messages import Label, Message
from app.language.definitions import Entity, Rights, Role, Schema
from app.language.overlay import LISTED, REVEAL, SEEN, Cell, value_of
from app.language.portals import REQUEST

REPORT = "report"
COLUMNS: tuple[str, ...] = (
    Rights.READ, Rights.CREATE, Rights.EDIT, Rights.DELETE, Rights.EXPORT, Rights.PRINT, Rights.IMPORT,
    REPORT, Rights.MOVE,
)  # fmt: skip
HEADS: Mapping[str, Label] = {**RIGHTS, REPORT: Label("报表", "reports")}


@dataclass(frozen=True, slots=True)
class BookCell:
    """A right: ``kind`` is yes, some, ask or no; ``names`` are what some of it stands for."""

    kind: str
    head: Label
    count: int = 0
    names: Label | None = None


@dataclass(frozen=True, slots=True)
class BookLine:
    """An entity as a role meets it."""

    entity: Entity
    cells: tuple[BookCell, ...]
    reach: Message
    condition: str
    fields: tuple[tuple[str, Label], ...]


def lines(schema: Schema, role: Role) -> Iterator[tuple[Label, list[BookLine]]]:
    """The lines of a role by module, in the order of the menu; entities without any right are left out."""
    for module in schema.portal.modules:
        known = [schema.entities[name] for name in module.entities if name in schema.entities]
        found = [line_of(schema, role, one) for one in known if one.name in role.may]
        if found:
            yield module.label, found


def line_of(schema: Schema, role: Role, entity: Entity) -> BookLine:
    """What a role may do with an entity."""
    reach = rules.reach(role, entity)
    seen: dict[str, list[Label]] = {}
    if entity.name in role.may:
        for field in rules.fields_of(schema, role, entity):
            level = REVEAL if field.reveals else field.seen.name.lower()
            seen.setdefault(level, []).append(field.label)
    return BookLine(
        entity,
        tuple(_cell(schema, role, entity, column) for column in COLUMNS),
        rules.reach_text(reach),
        reach.condition.text if reach.condition is not None else "",
        tuple((one, listed(seen[one])) for one in reversed(SEEN) if one in seen),
    )


def absent(schema: Schema, role: Role) -> list[Entity]:
    """The entities with pages that a role has no right on."""
    return [one for one in schema.enabled_entities() if one.name not in role.may]


# Private


def _cell(schema: Schema, role: Role, entity: Entity, column: str) -> BookCell:
    head = HEADS[column]
    if column == REPORT:
        found = [
            report.label
            for report in schema.reports.values()
            if role.name in report.readers
            and any(part.entity == entity.name for part in report.parts.values())
        ]
        return BookCell("some" if found else "no", head, len(found), listed(found))
    value = value_of(role, entity, Cell(role.name, entity.name, column))
    if column == Rights.MOVE and entity.states is None:
        value = False
    if isinstance(value, list) and column in LISTED:
        return BookCell("some", head, len(value), listed(names_in(entity, column, value)))
    return BookCell("ask" if value == REQUEST else "yes" if value else "no", head)
