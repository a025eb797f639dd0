"""Tells entries to a reader: in sentences, with the values that the reader may see, under the reader's masks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.access.masking import mask_of, masked
from app.access.permissions import HeldRights, Visibility
from app.features.trail.rules import NAMES, TONES, sentence
from app.language.definitions import Entity, Rights
from app.records.titles import Key, load_titles
from app.web.cells import Shower
from app.web.contexts import HistoryChange
from app.web.history_page import value_text
from app.web.list_page import shower_for
from app.web.locale import datetime_text
from app.web.state import Scope

MOST_CHARACTERS = 300
FIELDS_OF_RECORDS = "record:"


@dataclass(frozen=True, slots=True)
class TrailLine:
    """An entry as its reader finds it; an empty address stands for a record that there is no page of."""

    seq: int
    at: str
    who: str
    what: str
    tone: str
    address: str
    url: str
    clock_back: bool
    changes: tuple[HistoryChange, ...]


class Teller:
    """Tells some entries to one reader; what their records are called is asked for once."""

    def __init__(self, here: Scope, entries: Iterable[Mapping[str, Any]]) -> None:
        self._here = here
        self._entries = list(entries)
        keys = set(self._keys())
        self._seen = load_titles(here.session, here.state.runtime, keys, here.language)
        self._shower: Shower = shower_for(here, self._seen)

    def lines(self) -> tuple[TrailLine, ...]:
        """The entries in their order."""
        return tuple(self._line(entry) for entry in self._entries)

    def open(self, entry: Mapping[str, Any]) -> bool:
        """Whether the reader may see all that the entry tells, so that it may leave the house."""
        entity = self._entity(entry)
        if entity is None:
            return True
        if not self._readable(entity, entry["record_id"]):
            return False
        access = self._here.access.entity(entity.name)
        told = {*entry["changes"], *entity.title_fields} & entity.fields.keys()
        return all(access.clear_everywhere(name) for name in told)

    # Private

    def _keys(self) -> Iterator[Key]:
        """The records that the entries are about, and those that their values point to."""
        links = self._here.records.reader.links_in
        for entry in self._entries:
            entity = self._entity(entry)
            if entity is None or not self._allowed(entity):
                continue
            if entry["record_id"] is not None:
                yield entity.name, entry["record_id"]
            for name, pair in entry["changes"].items():
                for value in pair if isinstance(pair, list) else ():
                    if isinstance(value, int | list | str):
                        yield from (
                            key for key in links(entity, name, value) if key[0] in self._known
                        )

    @property
    def _known(self) -> Mapping[str, Entity]:
        return self._here.schema.entities

    def _entity(self, entry: Mapping[str, Any]) -> Entity | None:
        return self._known.get(entry["entity"] or "")

    def _allowed(self, entity: Entity) -> bool:
        return self._here.access.entity(entity.name).allows(Rights.READ)

    def _readable(self, entity: Entity, record: int | None) -> bool:
        """Whether the reader sees the record, or would if it were still there."""
        return (entity.name, record) in self._seen or any(
            Rights.READ in held.rights.rights and _whole(held)
            for held in self._here.access.entity(entity.name).held
        )

    def _line(self, entry: Mapping[str, Any]) -> TrailLine:
        here, entity = self._here, self._entity(entry)
        readable = entity is None or self._readable(entity, entry["record_id"])
        there = entity is not None and (entity.name, entry["record_id"]) in self._seen
        return TrailLine(
            seq=entry["id"],
            at=datetime_text(entry["at"], here.state.runtime.zone),
            who=entry["account_name"],
            what=sentence(
                entry["action"], self._about(entity, entry, readable=readable), here.language
            ),
            tone=TONES.get(entry["action"], "neutral"),
            address=entry["address"] or "",
            url=f"/{entity.name}/show/{entry['record_id']}" if there and entity else "",
            clock_back=entry["clock_back"],
            changes=tuple(self._changes(entity, entry)) if readable else (),
        )

    def _about(self, entity: Entity | None, entry: Mapping[str, Any], *, readable: bool) -> str:
        title = entry["record_title"] or ""
        if entity is None:
            return title if not entry["entity"] else f"{entry['entity']} {title}".strip()
        label = entity.label.text(self._here.language)
        if entry["record_id"] is None:
            return label
        access = self._here.access.entity(entity.name)
        clear = readable and all(access.clear_everywhere(name) for name in entity.title_fields)
        return f"{label} {title if clear and title else '#' + str(entry['record_id'])}"

    def _changes(self, entity: Entity | None, entry: Mapping[str, Any]) -> Iterator[HistoryChange]:
        of_fields = entity is not None and entry["action"].startswith(FIELDS_OF_RECORDS)
        for name, told in entry["changes"].items():
            pair = told if isinstance(told, list) and len(told) == 2 else [None, told]
            if entity is not None and name in entity.fields:
                yield from self._field(entity, name, pair)
            elif name == "revealed_field" and entity is not None and pair[1] in entity.fields:
                label = NAMES[name].text(self._here.language)
                yield HistoryChange(
                    label, "", entity.fields[pair[1]].label.text(self._here.language)
                )
            elif name == "read_classes":
                yield HistoryChange(
                    NAMES[name].text(self._here.language), "", self._classes(pair[1])
                )
            elif not of_fields or name in NAMES:
                label = NAMES[name].text(self._here.language) if name in NAMES else name
                yield HistoryChange(label, *(_short(value) for value in pair))

    def _classes(self, names: Any) -> str:
        known = self._here.schema.portal.classes
        labels = (
            known[name].label.text(self._here.language) if name in known else name for name in names
        )
        return ", ".join(labels)

    def _field(self, entity: Entity, name: str, pair: list[Any]) -> Iterator[HistoryChange]:
        access, field = self._here.access.entity(entity.name), entity.fields[name]
        if access.visibility(name) is Visibility.HIDDEN:
            return
        if access.clear_everywhere(name):
            texts = [value_text(entity, field, self._shower, value) for value in pair]
        else:
            mask = mask_of(self._here.schema, field)
            texts = [masked(value, mask) or "" for value in pair]
        yield HistoryChange(
            field.label.text(self._here.language), *(text[:MOST_CHARACTERS] for text in texts)
        )


# Private


def _whole(held: HeldRights) -> bool:
    """Whether a grant reaches every row: by its rule, or because it is held over the whole tree."""
    return held.rule.kind == "all" or (held.rule.kind == "below" and held.grant.places is None)


def _short(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text[:MOST_CHARACTERS]
