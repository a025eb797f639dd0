"""The form of one role with one entity: what it shows, and what was chosen in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.features.rights import rules
from app.features.rights.editing import RIGHTS
from app.features.rights.showing import WORDS
from app.kernel.messages import Label, Message
from app.language.definitions import Entity, Rights, Role
from app.language.overlay import FIELD, LISTED, SEEN, Cell, value_of
from app.language.portals import ASKED_RIGHTS, REQUEST
from app.web.form_contexts import Option
from app.web.locale import say

YES, NO, SOME = "yes", "no", "some"
MODES: Mapping[str, Label] = {
    NO: Label("不可以", "None"),
    REQUEST: Label("须申请", "On request"),
    SOME: Label("部分", "Some"),
    YES: Label("可以（全部）", "All"),
}


@dataclass(frozen=True, slots=True)
class RightChoice:
    """A right with its ways to be given."""

    name: str
    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A field: how it is shown, and whether it may be filled in."""

    name: str
    label: str
    options: tuple[Option, ...]
    settable: bool
    creates: bool
    edits: bool


@dataclass(frozen=True, slots=True)
class MoveChoice:
    """A step that may be taken."""

    name: str
    label: str
    given: bool


@dataclass(frozen=True, slots=True)
class RightsForm:
    """Everything that can be chosen."""

    rights: tuple[RightChoice, ...]
    fields: tuple[FieldChoice, ...]
    moves: tuple[MoveChoice, ...]


def chosen(role: str, entity: Entity, form: MultiDict[str, str]) -> dict[Cell, Any]:
    """What a sent form says, cell by cell; what it does not hold stays as it is."""
    found: dict[Cell, Any] = {}
    for right in Rights:
        mode = form.get(f"right-{right.value}", "")
        if mode in MODES:
            found[Cell(role, entity.name, right.value)] = _value(right, mode, entity, form)
    for name in entity.fields:
        seen = form.get(f"field-{name}", "")
        if seen in SEEN:
            found[Cell(role, entity.name, f"{FIELD}{name}")] = seen
    return found


def form_of(role: Role, entity: Entity, wanted: Mapping[Cell, Any], language: str) -> RightsForm:
    """The form, filled with what the role says or with what was chosen before."""

    def value(key: str) -> Any:
        cell = Cell(role.name, entity.name, key)
        return wanted[cell] if cell in wanted else value_of(role, entity, cell)

    settable = {field.name for field in entity.settable_fields if not field.readonly}
    creates, edits, moves = (value(right.value) for right in LISTED)
    rights = tuple(
        RightChoice(right.value, _name(right, language), tuple(_modes(right, entity, value(right.value), language)))
        for right in rules.LETTERS
        if right is not Rights.MOVE or entity.states is not None
    )  # fmt: skip
    fields = tuple(
        FieldChoice(field.name, field.label.text(language),
                    tuple(_seen(value(f"{FIELD}{field.name}"), language)), field.name in settable,
                    _holds(creates, field.name), _holds(edits, field.name))
        for field in entity.fields.values()
    )  # fmt: skip
    steps = tuple(
        MoveChoice(move.name, move.label.text(language), _holds(moves, move.name))
        for move in (entity.states.moves if entity.states else ())
    )
    return RightsForm(rights, fields, steps)


# Private


def _value(right: Rights, mode: str, entity: Entity, form: MultiDict[str, str]) -> Any:
    if mode == SOME and right in LISTED:
        known: Iterable[str] = entity.fields
        if right is Rights.MOVE:
            known = [move.name for move in entity.states.moves] if entity.states else []
        names = form.getlist(f"names-{right.value}")
        return sorted(set(names) & set(known)) or False
    if mode == REQUEST and right in ASKED_RIGHTS:
        return REQUEST
    return mode == YES


def _name(right: Rights, language: str) -> str:
    words: Message | Label = RIGHTS[right]
    return say(words, language)


def _modes(right: Rights, entity: Entity, value: Any, language: str) -> Iterator[Option]:
    held = (
        SOME if isinstance(value, list) else REQUEST if value == REQUEST else YES if value else NO
    )
    modes = [
        NO,
        *([REQUEST] if right in ASKED_RIGHTS else []),
        *([SOME] if right in LISTED else []),
        YES,
    ]
    for mode in modes:
        yield Option(mode, MODES[mode].text(language), mode == held)


def _seen(value: Any, language: str) -> Iterator[Option]:
    for word in SEEN:
        yield Option(word, WORDS[word].text(language), word == (value or SEEN[0]))


def _holds(value: Any, name: str) -> bool:
    return value is True or (isinstance(value, list) and name in value)
