"""Says in the reader's words what a database constraint refused."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from app.kernel.errors import Invalid, PortalError, Refused
from app.kernel.messages import Message, _l
from app.language.definitions import Entity
from app.records.runtime import Runtime
from app.storage.columns import column_name


def explain(runtime: Runtime, entity: Entity, error: IntegrityError) -> PortalError:
    """The error to raise instead of ``error``; it holds no SQL and no value of another record."""
    name = str(getattr(getattr(error.orig, "diag", None), "constraint_name", "") or "")
    table = runtime.models.metadata.tables[entity.name]
    for index in table.indexes:
        if index.name == name and index.unique:
            return Invalid(_duplicate(entity, {column.name for column in index.columns}))
    if getattr(error.orig, "sqlstate", "") == "23503":
        return Refused(
            _l(
                "It cannot be saved or deleted: another record refers to it, or a linked one is gone."
            )
        )
    return Invalid({"": (_l("These values cannot be saved together."),)})


# Private


def _duplicate(entity: Entity, columns: set[str]) -> dict[str, tuple[Message, ...]]:
    fields = [field for field in entity.fields.values() if column_name(field) in columns]
    problems: dict[str, tuple[Message, ...]] = {}
    for field in fields:
        own = field.messages.get("unique")
        if own:
            problems[field.name] = (Message("%(text)s", {"text": own}),)
        elif len(fields) == 1:
            problems[field.name] = (_l("There is already a record with this value."),)
        else:
            problems[field.name] = (
                _l("There is already a record with the same values in these fields."),
            )
    return problems
