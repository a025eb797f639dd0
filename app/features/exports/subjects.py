"""Exports about one person: for that person, or for somebody who may take such records along."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.access.permissions import Access
from app.features.exports.extract import Extractor, Words, write
from app.language.definitions import Entity, Rights
from app.records.gateway import Records

FORMAT = "zip"
# Whoever may print has a page of records on paper.
PAPER = "pdf"


def about(entity: Entity, record_id: int) -> dict[str, Any]:
    """What is asked for: the copy of what is held of one person."""
    return {
        "entity": entity.name, "subject": record_id, "search": "", "sort": "", "view": "",
        "filters": {}, "columns": [], "format": FORMAT,
    }  # fmt: skip


def subject_of(asked: Mapping[str, Any]) -> int | None:
    """The record that a copy is about; None for an export of a list."""
    number = asked.get("subject")
    return number if isinstance(number, int) else None


def entities_of(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """The entities whose records are in what is asked for."""
    return tuple(asked.get("entities") or [str(asked["entity"])])


def may_ask(access: Access, asked: Mapping[str, Any]) -> bool:
    """Whether the actor may ask for the export: by a role for all that is in it, or because it is about himself."""
    entity, actor = str(asked["entity"]), access.actor
    own = subject_of(asked) is not None and subject_of(asked) == actor.person_id
    rights = [access.entity(name) for name in entities_of(asked)]
    asks = any(one.asks(Rights.EXPORT) for one in rights) and all(
        one.allows(Rights.EXPORT) or one.asks(Rights.EXPORT) for one in rights
    )
    return asks or (own and entity == access.schema.portal.person_entity)


def may_take(access: Access, asked: Mapping[str, Any], *, requested: bool) -> bool:
    """Whether the actor may have the file today: by his own rights, or because a request was agreed to."""
    ways = (Rights.EXPORT, Rights.PRINT) if asked["format"] == PAPER else (Rights.EXPORT,)
    rights = [access.entity(name) for name in entities_of(asked)]
    own = all(any(one.allows(way) for way in ways) for one in rights)
    return own or (requested and may_ask(access, asked))


def write_copy(
    records: Records, words: Words, asked: Mapping[str, Any], head: str, place: Path
) -> int:
    """Write the copy; returns how many records it holds. Raises NotFound."""
    language = records.reader.language
    entity, number = records.runtime.entity(str(asked["entity"])), subject_of(asked) or 0
    found = Extractor(records, words, language).collect(entity, number, head)
    return write(found, place, words, language)
