"""What administrators have changed in roles: cells of the rule book, written in the language itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from app.kernel.messages import Label
from app.language.definitions import Entity, EntityRights, Rights, Role, RowRule
from app.language.findings import Findings
from app.language.hidings import HIDE_WHEN, hidden_of, read_hidden
from app.language.identities import OVERLAY_PREFIX
from app.language.portals import ASKED_RIGHTS, REQUEST, SIMPLE_RIGHTS
from app.language.reading import Keys, good_name, read_expression
from app.language.source import Place, Scalar

# Files of the overlay among the sources of a revision.
PREFIX = OVERLAY_PREFIX
LISTED = (Rights.CREATE, Rights.EDIT, Rights.MOVE)
ROWS, FIELD = "rows", "field:"
CLEAR, REVEAL, MASKED, HIDDEN = "clear", "reveal", "masked", "hidden"
# From most to least; ``reveal`` is masked, and uncovered one by one with a reason.
SEEN = (CLEAR, REVEAL, MASKED, HIDDEN)
NOWHERE = Place("", 0)

# The value of a cell as plain JSON: true, false, "request", names, a word, or null for nothing said.
Value = bool | str | list[str] | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A right of a role on an entity: ``key`` is a right, ``rows``, ``hide_when``, or ``field:`` with a name."""

    role: str
    entity: str
    key: str

    @property
    def field(self) -> str | None:
        """The field that the cell is about."""
        return self.key.removeprefix(FIELD) if self.key.startswith(FIELD) else None


@dataclass(frozen=True, slots=True)
class NewRole:
    """A role that the base does not have."""

    label: Label
    second_factor: bool


@dataclass(frozen=True, slots=True)
class Overlay:
    """The changes of one role: a new one, one that is gone, or other cells of an old one."""

    role: str
    place: Place
    cells: Mapping[tuple[str, str], Value]
    new: NewRole | None = None
    removed: bool = False


def read_overlay(keys: Keys) -> Overlay | None:
    """A file of the overlay; None when it names no usable role."""
    name = keys.text("overlay", required=True)
    if not good_name(name, keys.place_of("overlay"), keys.findings):
        return None
    cells: dict[tuple[str, str], Value] = {}
    for entity, (_, node) in keys.table("sees").items():
        if isinstance(node, Scalar):
            cells[entity, ROWS] = node.text
    for entity, (place, node) in keys.table("may").items():
        inner = keys.sub(place, node, entity)
        if inner is not None:
            cells |= {(entity, key): value for key, value in _rights(inner)}
    overlay = Overlay(name, keys.place, cells, _new(keys), keys.flag("removed"))
    keys.done()
    return overlay


def overlaid(
    roles: Mapping[str, Role],
    entities: Mapping[str, Entity],
    overlays: Iterable[Overlay],
    findings: Findings,
) -> dict[str, Role]:
    """The roles with the changes in them; what does not fit is noted."""
    found = dict(roles)
    for overlay in overlays:
        if overlay.new is not None and overlay.role in roles:
            findings.add("S013", overlay.place, name=overlay.role, other=roles[overlay.role].place)
            continue
        if overlay.new is None and overlay.role not in roles:
            findings.add("S083", overlay.place, name=overlay.role)
            continue
        if overlay.removed:
            del found[overlay.role]
            continue
        found[overlay.role] = _changed(
            _begun(overlay, roles.get(overlay.role)), entities, overlay, findings
        )
    return found


def value_of(role: Role | None, entity: Entity | None, cell: Cell) -> Value:
    """What a role says in a cell; nothing said and nothing given are the same."""
    rights = role.may.get(cell.entity) if role is not None else None
    if role is not None and cell.key == ROWS:
        return _rule_text(role.sees.get(cell.entity))
    if cell.key == ROWS:
        return None
    if cell.field is not None:
        return _seen(rights or _blank(NOWHERE), entity, cell.field)
    if cell.key == HIDE_WHEN:
        hidden = rights.hide_when if rights is not None else None
        return hidden.text if hidden is not None else None
    if rights is None:
        return False
    right = Rights(cell.key)
    if right in rights.by_request:
        return REQUEST
    if right not in rights.rights:
        return False
    names = {
        Rights.CREATE: rights.create_fields, Rights.EDIT: rights.edit_fields, Rights.MOVE: rights.moves,
    }.get(right)  # fmt: skip
    return True if names is None else sorted(names)


def cells_of(role: Role, entities: Mapping[str, Entity]) -> Iterator[tuple[Cell, Value]]:
    """Everything that a role says, cell by cell, for a role that shall say the same."""
    for name, rights in role.may.items():
        entity = entities[name]
        if name in role.sees:
            yield Cell(role.name, name, ROWS), _rule_text(role.sees[name])
        for right in Rights:
            value = value_of(role, entity, Cell(role.name, name, right))
            if value:
                yield Cell(role.name, name, right.value), value
        if rights.hide_when is not None:
            yield Cell(role.name, name, HIDE_WHEN), rights.hide_when.text
        blank = _blank(NOWHERE)
        for field in entity.fields:
            seen = _seen(rights, entity, field)
            if seen != _seen(blank, entity, field):
                yield Cell(role.name, name, f"{FIELD}{field}"), seen


# Private


def _rights(inner: Keys) -> Iterator[tuple[str, Value]]:
    for right in (*SIMPLE_RIGHTS, *ASKED_RIGHTS, *LISTED):
        node = inner.node(right)
        if node is None:
            continue
        asked = right in ASKED_RIGHTS and isinstance(node, Scalar) and node.text == REQUEST
        if asked:
            yield right, REQUEST
        elif right in LISTED and not (isinstance(node, Scalar) and isinstance(node.value, bool)):
            yield right, list(inner.names(right))
        else:
            yield right, inner.flag(right)
    hidden = read_hidden(inner)
    if hidden is not None:
        yield HIDE_WHEN, hidden.text
    for name, (place, node) in inner.table("fields").items():
        if isinstance(node, Scalar) and node.text in SEEN:
            yield f"{FIELD}{name}", node.text
        else:
            inner.findings.add("S015", place, value=name, choices=", ".join(SEEN))
    inner.done()


def _new(keys: Keys) -> NewRole | None:
    if keys.node("label") is None:
        keys.node("second_factor")
        return None
    return NewRole(keys.needed_label(), keys.flag("second_factor"))


def _begun(overlay: Overlay, role: Role | None) -> Role:
    if overlay.new is None:
        assert role is not None
        return role
    nothing: Mapping[str, Any] = MappingProxyType({})
    return Role(overlay.role, overlay.new.label, overlay.place, None, nothing, nothing,
                asks_factor=overlay.new.second_factor)  # fmt: skip


def _changed(
    role: Role, entities: Mapping[str, Entity], overlay: Overlay, findings: Findings
) -> Role:
    may, sees = dict(role.may), dict(role.sees)
    for (name, key), value in overlay.cells.items():
        if name not in entities:
            findings.add("S020", overlay.place, name=name)
            continue
        if key == ROWS:
            rule = _rule(value, overlay.place, findings)
            sees = {one: said for one, said in sees.items() if one != name}
            sees |= {name: rule} if rule is not None else {}
            continue
        rights = replace(may.get(name, _blank(overlay.place)), place=overlay.place)
        may[name] = _with(rights, entities[name], key, value, findings)
    empty = {name for name, rights in may.items() if not rights.rights and not rights.by_request}
    kept = {name: rights for name, rights in may.items() if name not in empty or name in role.may}
    return replace(role, may=MappingProxyType(kept), sees=MappingProxyType(sees))


def _blank(place: Place) -> EntityRights:
    """No rights at all."""
    return EntityRights(frozenset(), (), (), (), (), (), (), place)


def _with(
    rights: EntityRights, entity: Entity, key: str, value: Value, findings: Findings
) -> EntityRights:
    """The rights of a role on an entity with one cell changed."""
    if key.startswith(FIELD):
        return _with_field(rights, entity, key.removeprefix(FIELD), str(value), findings)
    if key == HIDE_WHEN:
        return replace(rights, hide_when=hidden_of(value, rights.place, findings))
    right = Rights(key)
    given, asked = rights.rights - {right}, rights.by_request - {right}
    names = tuple(value) if isinstance(value, list) else None if value is True else ()
    changed = replace(
        rights,
        rights=given | ({right} if value and value != REQUEST else set()),
        by_request=asked | ({right} if value == REQUEST else set()),
    )
    if right is Rights.CREATE:
        return replace(changed, create_fields=names)
    if right is Rights.EDIT:
        return replace(changed, edit_fields=names)
    return replace(changed, moves=names) if right is Rights.MOVE else changed


def _with_field(
    rights: EntityRights, entity: Entity, name: str, seen: str, findings: Findings
) -> EntityRights:
    field = entity.field(name)
    if field is None:
        findings.add("S021", rights.place, entity=entity.name, name=name)
        return rights
    hide = tuple(one for one in rights.hide if one != name)
    mask = tuple(one for one in rights.mask if one != name)
    show = None if rights.show is None else tuple(one for one in rights.show if one != name)
    reveals: tuple[str, ...] = tuple(entity.fields) if rights.reveal is None else rights.reveal
    reveals = tuple(one for one in reveals if one != name)
    if seen == HIDDEN:
        hide = (*hide, name)
    elif seen in (MASKED, REVEAL):
        mask = (*mask, name)
        reveals = (*reveals, name) if seen == REVEAL else reveals
    elif field.sensitivity is not None and show is not None:
        show = (*show, name)
    return replace(rights, hide=hide, mask=mask, show=show, reveal=reveals)


def _seen(rights: EntityRights, entity: Entity | None, name: str) -> str:
    field = entity.field(name) if entity is not None else None
    if name in rights.hide:
        return HIDDEN
    shown = rights.show is None or name in rights.show
    if name in rights.mask or (field is not None and field.sensitivity is not None and not shown):
        return REVEAL if rights.reveal is None or name in rights.reveal else MASKED
    return CLEAR


def _rule(value: Value, place: Place, findings: Findings) -> RowRule | None:
    if not isinstance(value, str):
        return None
    if value in ("all", "below"):
        return RowRule(value, None, place)
    condition = read_expression(Scalar(value, place, value), findings)
    return RowRule("condition", condition, place) if condition is not None else None


def _rule_text(rule: RowRule | None) -> str | None:
    if rule is None:
        return None
    return rule.condition.text if rule.condition is not None else rule.kind
