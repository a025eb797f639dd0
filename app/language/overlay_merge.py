"""Three-way merge: the base as it is now, the base as it was, and what administrators have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from app.kernel.messages import Label, Message, _l
from app.language.definitions import Rights, Schema
from app.language.hidings import HIDE_WHEN, parts_of
from app.language.identities import ROLES, SELF, Identities
from app.language.overlay import FIELD, PREFIX, ROWS, Cell, Value, value_of

# The cell of the role itself: whether it is new or gone.
ROLE = "role"
GONE = _l("The schema has no longer what this was about.")
OTHER = _l("The schema was changed here as well; the schema holds until you decide.")
NEWCOMER = _l("The schema now has a role of this name itself; the schema holds until you decide.")


@dataclass(frozen=True, slots=True)
class Change:
    """One cell as an administrator wants it.

    ``old`` is what the base said then; ``ids`` are the identities of the entity (under SELF), of the
    role (under ROLES) when the base has it, and of the fields that the cell names. So it follows
    renames, and never finds a new thing of an old name.
    """

    cell: Cell
    old: Any
    new: Any
    ids: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A change that does not hold, why, and what the base says instead."""

    change: Change
    why: Message
    base: Any


@dataclass(frozen=True, slots=True)
class Merged:
    """The overlay as files beside those of the base; what is kept, and what is not.

    ``renamed`` are changes that were written with other names, each with what it is called today;
    ``settled`` are those that the base says itself by now.
    """

    files: Mapping[str, str]
    kept: tuple[Change, ...]
    conflicts: tuple[Conflict, ...]
    renamed: tuple[tuple[Change, Change], ...] = ()
    settled: tuple[Change, ...] = ()


def base_sources(sources: Mapping[str, str]) -> dict[str, str]:
    """The sources without the overlay."""
    return {name: text for name, text in sources.items() if not name.startswith(PREFIX)}


def merge(base: Schema, changes: Sequence[Change], ids: Identities) -> Merged:
    """What of the changes holds over ``base``, whose entities and fields have these identities."""
    kept: list[Change] = []
    conflicts: list[Conflict] = []
    renamed: list[tuple[Change, Change]] = []
    settled: list[Change] = []
    own = {one.cell.role for one in changes if one.cell.key == ROLE and one.new is not None}
    names = _Names(ids)
    for change in changes:
        held = names.today(change)
        if held is None:
            conflicts.append(Conflict(change, GONE, None))
            continue
        now, why = _base_says(base, held, own)
        if why is not None or now not in (held.old, held.new):
            conflicts.append(Conflict(change, why or OTHER, now))
        elif now != held.new:
            kept.append(held)
            renamed += [(change, held)] if held.cell != change.cell else []
        else:
            settled.append(change)
    made = {c.cell.role for c in kept if c.cell.key == ROLE and c.new is not None}
    # Rights of a new role are nothing without it.
    kept = [c for c in kept if c.cell.role in made or c.cell.role in base.roles]
    return Merged(files_of(kept), tuple(kept), tuple(conflicts), tuple(renamed), tuple(settled))


def files_of(changes: Sequence[Change]) -> dict[str, str]:
    """The changes as files in the language, one for each role."""
    found: dict[str, dict[str, Any]] = {}
    for change in sorted(changes, key=lambda c: (c.cell.role, c.cell.entity, c.cell.key)):
        document = found.setdefault(change.cell.role, {"overlay": change.cell.role})
        _write(document, change.cell, change.new)
    return {f"{PREFIX}{name}.yaml": as_yaml(document) for name, document in found.items()}


def as_yaml(document: Any) -> str:
    """A document as people read it."""
    text: str = yaml.dump(document, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=120)
    return text


def ids_of(cell: Cell, values: Sequence[Value], ids: Identities) -> dict[str, str]:
    """The identities that a change of ``cell`` between ``values`` rests on."""
    known = ids.get(cell.entity, {})
    names = {SELF} | ({cell.field} if cell.field is not None else set())
    for value in values:
        names |= set(value) if isinstance(value, list) and cell.key != Rights.MOVE else set()
    found = {name: known[name] for name in sorted(names) if name in known}
    role = ids.get(ROLES, {}).get(cell.role)
    return found if role is None else {**found, ROLES: role}


# Private


class _Plain(yaml.SafeDumper):
    """Writes everything out: the language knows no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - their shape
        return True


class _Names:
    """Finds what carries an identity today."""

    def __init__(self, ids: Identities) -> None:
        self.roles = ids.get(ROLES, {})
        self.entities = {known[SELF]: name for name, known in ids.items() if SELF in known}
        self.fields = {
            identity: name
            for entity, known in ids.items()
            for name, identity in known.items()
            if SELF not in (entity, name) and entity != ROLES
        }

    def today(self, change: Change) -> Change | None:
        """The change with today's names; None when what it was about is gone."""
        cell, role = change.cell, change.ids.get(ROLES)
        if role is not None and self.roles.get(cell.role) != role:
            return None
        if not cell.entity:
            return change
        entity = self.entities.get(change.ids.get(SELF, ""))
        if entity is None:
            return None
        key = cell.key
        if cell.field is not None:
            name = self.fields.get(change.ids.get(cell.field, ""))
            if name is None:
                return None
            key = f"{FIELD}{name}"
        old, new = (self._value(cell, value, change.ids) for value in (change.old, change.new))
        own = {self.fields[one]: one for one in change.ids.values() if one in self.fields}
        kept = {name: change.ids[name] for name in (SELF, ROLES) if name in change.ids}
        return Change(Cell(cell.role, entity, key), old, new, {**own, **kept})

    def _value(self, cell: Cell, value: Any, ids: Mapping[str, str]) -> Any:
        if not isinstance(value, list) or cell.key == Rights.MOVE:
            return value
        names = sorted(self.fields[ids[one]] for one in value if ids.get(one) in self.fields)
        return names or False


def _base_says(base: Schema, held: Change, own: set[str]) -> tuple[Any, Message | None]:
    """What the base says in the cell, and what stands against any change of it."""
    role = base.roles.get(held.cell.role)
    if held.cell.key == ROLE:
        if held.new is not None:
            return None, NEWCOMER if role is not None else None
        return held.old, GONE if role is None else None
    if role is None and held.cell.role not in own:
        return None, GONE
    if role is not None and held.cell.role in own:
        return value_of(role, base.entities.get(held.cell.entity), held.cell), NEWCOMER
    entity = base.entities.get(held.cell.entity)
    if held.cell.key == Rights.MOVE and isinstance(held.new, list):
        moves = {move.name for move in entity.states.moves} if entity and entity.states else set()
        if not set(held.new) <= moves:
            return value_of(role, entity, held.cell), GONE
    return value_of(role, entity, held.cell), None


def _write(document: dict[str, Any], cell: Cell, value: Any) -> None:
    if cell.key == ROLE:
        document.update({"removed": True} if value is None else value)
    elif cell.key == ROWS:
        document.setdefault("sees", {})[cell.entity] = value
    elif cell.key == HIDE_WHEN:
        found = parts_of(value)
        if found is not None:
            may = document.setdefault("may", {}).setdefault(cell.entity, {})
            may[HIDE_WHEN] = {"when": found[0], "fields": list(found[1])}
    elif cell.field is not None:
        if value is not None:
            may = document.setdefault("may", {}).setdefault(cell.entity, {})
            may.setdefault("fields", {})[cell.field] = value
    else:
        document.setdefault("may", {}).setdefault(cell.entity, {})[str(cell.key)] = value


def label_value(label: Label, *, second_factor: bool) -> dict[str, Any]:
    """What the cell of a new role holds."""
    return {"label": {"zh": label.zh, "en": label.en}, "second_factor": second_factor}
