"""Checks a change field by field before it is written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from app.kernel.messages import Message, _l
from app.language import chinese
from app.language.definitions import Entity, Field
from app.language.evaluation import Moment, Read, evaluate
from app.language.values import WrongValue, check_value

Problems = dict[str, tuple[Message, ...]]
DISAGREES = _l("This does not match the identity number.")
REQUIRED = _l("Please fill this in.")


class Values:
    """The values of a record in the making; deeper paths are read by ``follow``."""

    def __init__(
        self,
        values: Mapping[str, Any],
        follow: Callable[[tuple[str, ...]], Any],
        actor: Mapping[str, Any],
    ) -> None:
        self._values = values
        self._follow = follow
        self._actor = actor
        self._followed: dict[tuple[str, ...], Any] = {}

    def read(self, path: tuple[str, ...]) -> Any:
        """The value of a path, for conditions."""
        if path[0] == "actor":
            return self._actor.get(path[1])
        if len(path) == 1 and path[0] in self._values:
            return self._values[path[0]]
        if path not in self._followed:
            self._followed[path] = self._follow(path)
        return self._followed[path]


def shown(entity: Entity, field: Field, read: Read, moment: Moment) -> bool:
    """Whether the form shows the field, by its own condition and its section's."""
    conditions = [field.show_when] + [
        section.show_when
        for tab in entity.form
        for section in tab.sections
        if field.name in section.fields
    ]
    return all(evaluate(c.tree, read, moment) is True for c in conditions if c is not None)


def required(field: Field, read: Read, moment: Moment) -> bool:
    """Whether the field must be filled in, as things stand."""
    if field.required:
        return True
    return (
        field.require_when is not None and evaluate(field.require_when.tree, read, moment) is True
    )


def readonly(field: Field, read: Read, moment: Moment) -> bool:
    """Whether the form only shows the field, as things stand."""
    return (
        field.readonly_when is not None and evaluate(field.readonly_when.tree, read, moment) is True
    )


def normalised(
    fields: Mapping[str, Field], values: Mapping[str, Any]
) -> tuple[dict[str, Any], Problems]:
    """The values as they are stored, and what is wrong with the others."""
    good: dict[str, Any] = {}
    problems: Problems = {}
    for name, value in values.items():
        try:
            good[name] = check_value(fields[name], value)
        except WrongValue as wrong:
            problems[name] = (wrong.message,)
    return good, problems


def completed(
    entity: Entity, values: Mapping[str, Any], read: Read, moment: Moment
) -> tuple[dict[str, Any], Problems]:
    """What new values leave empty and the schema works out of the others, and what is wrong with it."""
    found = {
        field.name: evaluate(field.default.tree, read, moment)
        for field in entity.settable_fields
        if field.default is not None
        and field.completed
        and values.get(field.name) is None
        and shown(entity, field, read, moment)
    }
    return normalised({name: entity.fields[name] for name in found}, found)


def disagreeing(entity: Entity, values: Mapping[str, Any], changed: Collection[str]) -> Problems:
    """Fields that do not say what the identity number beside them says, where one of them is ``changed``.

    The number is kept encrypted, so that the database cannot look into it.
    """
    problems: Problems = {}
    for field in entity.settable_fields:
        number = values.get(field.name) if field.type == "id_card" else None
        for key, told in (("born", chinese.birth_date), ("sex", chinese.sex)) if number else ():
            name = field.options.get(key)
            concerned = name in changed or field.name in changed
            if name and concerned and values.get(name) not in (None, told(str(number))):
                problems[name] = (DISAGREES,)
    return problems


def missing(entity: Entity, values: Mapping[str, Any], read: Read, moment: Moment) -> Problems:
    """The fields that must be filled in and are not, among those that the form shows."""
    problems: Problems = {}
    for field in entity.settable_fields:
        if field.type == "yes_no" or values.get(field.name) is not None:
            continue
        if required(field, read, moment) and shown(entity, field, read, moment):
            own = field.messages.get("required")
            problems[field.name] = (Message("%(text)s", {"text": own}) if own else REQUIRED,)
    return problems


def out_of_bounds(
    entity: Entity, values: Mapping[str, Any], read: Read, moment: Moment
) -> Problems:
    """Dates outside the bounds that the schema gives as expressions."""
    problems: Problems = {}
    for name, value in values.items():
        field = entity.fields.get(name)
        if field is None or value is None or field.type not in ("date", "month"):
            continue
        low, high = (field.options.get(key) for key in ("min", "max"))
        least = evaluate(low.tree, read, moment) if low else None
        most = evaluate(high.tree, read, moment) if high else None
        if least is not None and value < least:
            problems[name] = (_l("Not before %(min)s.", min=least),)
        elif most is not None and value > most:
            problems[name] = (_l("Not after %(max)s.", max=most),)
    return problems
