"""How records are called in links, lists and messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    any_,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from app.language.definitions import Entity
from app.language.titles import title_parts
from app.records.runtime import Runtime
from app.records.showing import nameable
from app.storage.models import sort_key_field

Key = tuple[str, int]
MAX_TITLE = 200


def title_of(entity: Entity, values: Mapping[str, Any], language: str) -> str:
    """The title of a record from the values of its title fields."""
    parts: list[str] = []
    for part, named in title_parts(entity.title):
        field = entity.field(part) if named else None
        value = values.get(part) if named else part
        choice = field.choice(str(value)) if field is not None and value is not None else None
        parts.append(choice.label.text(language) if choice else "" if value is None else str(value))
    return "".join(parts).strip()[:MAX_TITLE] or f"#{values.get('id', '')}"


def load_titles(
    session: Session, runtime: Runtime, wanted: Iterable[Key], language: str
) -> dict[Key, str]:
    """The titles of the wanted records that the session may see, in one statement.

    A title is the record, as far as a budget goes: it counts as looked at, and is left out beyond the budget.
    """
    found = find_titles(session, runtime, wanted, language)
    seen: dict[str, set[int]] = {}
    for name, record_id in found:
        seen.setdefault(name, set()).add(record_id)
    named = {name: nameable(session, runtime.entity(name), ids) for name, ids in seen.items()}
    return {key: title for key, title in found.items() if key[1] in named[key[0]]}


def find_titles(
    session: Session, runtime: Runtime, wanted: Iterable[Key], language: str
) -> dict[Key, str]:
    """The same for what counts the records itself, before it shows any of them."""
    by_entity: dict[str, set[int]] = {}
    for name, record_id in wanted:
        by_entity.setdefault(name, set()).add(record_id)
    if not by_entity:
        return {}
    parts = [_title_rows(runtime, name, ids) for name, ids in by_entity.items()]
    rows = session.execute(union_all(*parts) if len(parts) > 1 else parts[0]).all()
    return {
        (row[0], row[1]): _from_row(runtime.entity(row[0]), row[2], row[1], language)
        for row in rows
    }


def title_columns(runtime: Runtime, name: str) -> list[Any]:
    """The columns of an entity's title fields, in their order."""
    model = runtime.models.classes[name]
    return [getattr(model, part) for part in runtime.entity(name).title_fields]


def title_from(entity: Entity, values: Sequence[Any], record_id: int, language: str) -> str:
    """The title from the values of the title fields, in their order."""
    return _from_row(entity, values, record_id, language)


def among(column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """Whether a record's number is one of ``ids``.

    Accounts are numbered with fewer bits than records; a larger number is unknown, not a failure.
    The rows of a single number can be read in the order of an index, those of an array cannot.
    """
    if len(ids) == 1:
        return cast("ColumnElement[bool]", column == literal(ids[0], BigInteger))
    wanted = literal(list(ids), ARRAY(BigInteger))
    found: ColumnElement[bool] = column == any_(wanted)
    return found


def sorts_by_key(entity: Entity, field: str) -> bool:
    """Whether sorting by ``field`` means sorting by the pinyin key."""
    keyed = sort_key_field(entity)
    return keyed is not None and keyed.name == field


# Private


def _id(runtime: Runtime, name: str) -> Any:
    return runtime.models.classes[name].id


def _title_rows(runtime: Runtime, name: str, ids: Iterable[int]) -> Select[Any]:
    found = func.jsonb_build_array(*title_columns(runtime, name))
    wanted = among(_id(runtime, name), sorted(ids))
    return select(literal(name), _id(runtime, name), found).where(wanted)


def _from_row(entity: Entity, values: Sequence[Any], record_id: int, language: str) -> str:
    named = dict(zip(entity.title_fields, values, strict=True))
    return title_of(entity, named | {"id": record_id}, language)
