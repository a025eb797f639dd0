"""What an entity and its fields were called, and from which revision to which: the trail tells it under those names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.language.identities import SELF

# Every revision in which the entity of this name was there, with the identities of its fields.
_CALLED = text(
    "SELECT r.number, e.key AS name, e.value AS ids,"
    " r.number = (SELECT min(number) FROM portal_revision WHERE operations ? 'identities') AS first"
    " FROM portal_revision r, jsonb_each(r.operations->'identities') AS e"
    " WHERE e.value->>:self = (SELECT operations->'identities'->:entity->>:self FROM portal_revision"
    "  ORDER BY number DESC LIMIT 1) ORDER BY r.number"
)
# What the entities of today are called that ever bore one of some names.
_BEARERS = text(
    "SELECT DISTINCT n.key FROM portal_revision r, jsonb_each(r.operations->'identities') AS e,"
    " (SELECT operations->'identities' AS ids FROM portal_revision ORDER BY number DESC LIMIT 1) AS newest,"
    " jsonb_each(newest.ids) AS n WHERE e.key = ANY(:names) AND e.value->>:self = n.value->>:self ORDER BY 1"
)

# Every revision with the identity of every entity that it had.
_ALL = text(
    "SELECT r.number, e.key AS name, e.value->>:self AS identity,"
    " r.number = (SELECT max(number) FROM portal_revision) AS latest"
    " FROM portal_revision r, jsonb_each(r.operations->'identities') AS e ORDER BY r.number"
)


@dataclass(frozen=True, slots=True)
class Called:
    """A name from revision ``since`` until before ``until``.

    ``fields`` leads from what a field was called to what it is called today; None is one that is gone.
    """

    name: str
    since: int
    until: int | None
    fields: Mapping[str, str | None]

    def covers(self, name: str, revision: int) -> bool:
        """Whether an entry of a revision that names this name means the entity."""
        return (
            name == self.name
            and revision >= self.since
            and (self.until is None or revision < self.until)
        )

    def today(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes under the names of today; those of fields that are gone are left out."""
        named = ((self.fields.get(name, name), pair) for name, pair in changes.items())
        return {name: pair for name, pair in named if name is not None}


def names_of(door: Session | Connection, entity: str) -> tuple[Called, ...]:
    """All that the entity was called, oldest first; another one that bore its name before is none of it."""
    rows = door.execute(_CALLED, {"entity": entity, "self": SELF}).all()
    if not rows:
        return (Called(entity, 0, None, {}),)
    today = {identity: name for name, identity in rows[-1].ids.items() if name != SELF}
    periods = [next(same) for _, same in groupby(rows, lambda row: (row.name, row.ids))]
    # What was done before revisions knew identities was done under the first name that is known.
    starts = [0 if row.first else row.number for row in periods]
    ends = [*(after for _, after in pairwise(starts)), None]
    return tuple(
        Called(row.name, since, until, {n: today.get(i) for n, i in row.ids.items() if n != SELF})
        for row, since, until in zip(periods, starts, ends, strict=True)
    )


def bearers(door: Session | Connection, names: Collection[str]) -> list[tuple[Called, ...]]:
    """All that those entities of today were called that ever bore one of the names; see ``names_of``."""
    if not names:
        return []
    rows = door.scalars(_BEARERS, {"names": sorted(names), "self": SELF}).all()
    return [names_of(door, name) for name in rows]


def naming_function(connection: Connection) -> str:
    """Makes the function that says how an entity is called today that had a name in a revision; NULL is gone."""
    rows = connection.execute(_ALL, {"self": SELF}).all()
    today = {row.identity: row.name for row in rows if row.latest}
    otherwise: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        if today.get(row.identity) != row.name:
            otherwise.setdefault((row.name, today.get(row.identity, "")), []).append(row.number)
    cases = [
        f" WHEN entity = {_quoted(name)} AND known = ANY ('{{{','.join(map(str, numbers))}}}')"
        f" THEN {_quoted(now) if now else 'NULL'}"
        for (name, now), numbers in sorted(otherwise.items())
    ]
    named = f"CASE{''.join(cases)} ELSE entity END" if cases else "entity"
    # What was done before revisions knew identities was done under the first name that is known.
    known = (
        "SELECT coalesce((SELECT max(number) FROM portal_revision WHERE number <= revision"
        " AND operations ? 'identities'), (SELECT min(number) FROM portal_revision"
        " WHERE operations ? 'identities'))"
    )
    body = f"SELECT {named} FROM ({known}) AS at(known)" if cases else "SELECT entity"  # noqa: S608 - names of the schema
    return (
        "CREATE OR REPLACE FUNCTION portal_wall_named(entity text, revision integer) RETURNS text"
        f" LANGUAGE sql STABLE PARALLEL SAFE AS $$ {body} $$"
    )


def called_at(door: Session | Connection, entity: str, revision: int) -> Called | None:
    """What the entity of today and its fields were called in a revision; None when it was not there."""
    there = door.scalar(
        text("SELECT operations->'identities' FROM portal_revision WHERE number = :number"),
        {"number": revision},
    )
    if there is None:
        return None
    for called in names_of(door, entity):
        if called.since <= revision and (called.until is None or revision < called.until):
            return called if called.name in there else None
    return None


def sources_of(door: Session | Connection, revision: int) -> Mapping[str, str] | None:
    """The files of a revision; None when there is no such revision."""
    found: Mapping[str, str] | None = door.scalar(
        text("SELECT sources FROM portal_revision WHERE number = :number"), {"number": revision}
    )
    return found


# Private


def _quoted(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
