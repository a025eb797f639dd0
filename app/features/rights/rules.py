"""The rule book as values: what each role may do with each entity, on which rows, with which fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.access.actor import Grant
from app.access.permissions import EntityAccess, HeldRights, Visibility, rule_of
from app.kernel.messages import Label, Message, _l
from app.language.definitions import Decided, Entity, Rights, Role, RowRule, Schema

# A letter for the table and the words of its legend.
LETTERS: Mapping[Rights, tuple[Label, Message]] = {
    Rights.READ: (Label("看", "R"), _l("Read")),
    Rights.CREATE: (Label("增", "C"), _l("Create")),
    Rights.EDIT: (Label("改", "E"), _l("Edit")),
    Rights.DELETE: (Label("删", "D"), _l("Delete")),
    Rights.MOVE: (Label("转", "M"), _l("Take steps")),
    Rights.EXPORT: (Label("导", "X"), _l("Export")),
    Rights.PRINT: (Label("印", "P"), _l("Print")),
    Rights.IMPORT: (Label("入", "I"), _l("Import")),
}
DECIDED: Mapping[Decided, Message] = {
    Decided.EXPORT: _l("Export"),
    Decided.DELETE: _l("Delete"),
    Decided.CHANGE: _l("Change"),
    Decided.RIGHTS: _l("Rights of roles"),
    Decided.ERASE: _l("Erase personal data"),
}
PARTS: Mapping[str, Message] = {
    "schema": _l("Schema"),
    "accounts": _l("Accounts"),
    "roles": _l("Roles"),
    "trail": _l("Trail"),
    "reminders": _l("Reminders"),
}
SEEN: Mapping[Visibility, Message] = {
    Visibility.CLEAR: _l("In clear"),
    Visibility.MASKED: _l("Masked"),
    Visibility.HIDDEN: _l("Hidden"),
}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """How a role sees a field, and whether it may fill it in when creating and when editing."""

    label: Label
    seen: Visibility
    creates: bool
    edits: bool
    asks: bool
    reveals: bool = False


def ordered(rights: frozenset[Rights]) -> list[Rights]:
    """Rights in the order of the legend."""
    return [right for right in LETTERS if right in rights]


def reach(role: Role, entity: Entity) -> RowRule:
    """The rows that a role sees where it is held at a place."""
    return rule_of(Grant(role, ()), entity)


def reach_text(rule: RowRule) -> Message:
    """The rows in words."""
    if rule.kind == "all":
        return _l("all rows")
    if rule.kind == "below":
        return _l("at the place of the role and below")
    return _l("those that meet a condition")


def fields_of(schema: Schema, role: Role, entity: Entity) -> Iterator[FieldRule]:
    """Every field of an entity as a role meets it."""
    rights = role.may[entity.name]
    held = HeldRights(Grant(role, None), entity, rights, reach(role, entity))
    access = EntityAccess(schema, entity, (held,))
    for field in entity.fields.values():
        settable = not field.readonly and field in entity.settable_fields
        yield FieldRule(
            field.label,
            access.visibility(field.name),
            settable and access.may_set(field.name, Rights.CREATE),
            settable and access.may_set(field.name, Rights.EDIT),
            settable and access.may_only_ask(field.name),
            access.may_reveal(field.name),
        )
