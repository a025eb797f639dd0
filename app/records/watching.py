"""Records whose date comes near, found by the portal itself; and what one reader may see of some records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, case, cast, func, literal, null, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.access.actor import NOBODY
from app.access.permissions import Access
from app.access.row_scope import actor_values
from app.language.definitions import Entity, Field, Rights
from app.language.expressions import Expression
from app.language.paths import holder_of, link_target, walk_path
from app.records.columns import bare_compiler
from app.records.runtime import Runtime
from app.storage.criteria import Compiler

Path = tuple[str, ...]
PLACE = "place_id"


@dataclass(frozen=True, slots=True)
class Watch:
    """Which records to look for: a date of theirs, what must hold, and what else to know of each."""

    entity: str
    date: Expression
    where: Expression | None
    flags: tuple[Expression | None, ...] = ()
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """A record with its date; ``flags`` and ``values`` answer the expressions and paths of the watch."""

    id: int
    due: date | datetime
    place: int | None
    flags: tuple[bool, ...]
    values: tuple[Any, ...]


def find_watched(
    session: Session,
    runtime: Runtime,
    watch: Watch,
    between: tuple[date | datetime, date | datetime],
) -> list[Watched]:
    """The records whose date lies between two days or moments, whoever may see them."""
    entity = runtime.entity(watch.entity)
    compiler = bare_compiler(runtime, NOBODY, entity)
    due = compiler.value(watch.date.tree)
    place = compiler.identity() if entity.scope == ("self",) else _place(compiler)
    flags = [
        case((compiler.criterion(flag.tree), 1), else_=0) if flag is not None else literal(1)
        for flag in watch.flags
    ]
    values = [
        compiler.identity() if path == ("id",) else compiler.path(path) for path in watch.paths
    ]
    wanted = [*compiler.not_deleted(), due.between(*between)]
    if watch.where is not None:
        wanted.append(compiler.criterion(watch.where.tree))
    columns = [compiler.identity(), due, place, *flags, *values]
    named = [column.label(f"c{number}") for number, column in enumerate(columns)]
    statement = compiler.from_source(select(*named)).where(*wanted).order_by(compiler.identity())
    split = 3 + len(flags)
    return [
        Watched(row[0], row[1], row[2], tuple(map(bool, row[3:split])), tuple(row[split:]))
        for row in session.execute(statement)
    ]


def seen_values(
    session: Session, runtime: Runtime, access: Access, name: str,
    ids: Collection[int], paths: Sequence[Path],
) -> dict[int, tuple[Any, ...]]:  # fmt: skip
    """What the reader sees of those records that he may see at all; hidden and masked values are None.

    The session must be bound to the reader's scope, so that links lead nowhere he may not go.
    """
    entity = runtime.entity(name)
    if not ids or not access.entity(name).allows(Rights.READ):
        return {}
    model = runtime.models.classes[name]
    actor = access.actor
    compiler = Compiler(
        runtime.schema, runtime.models, runtime.moment(), actor_values(actor, actor.places), entity, model
    )  # fmt: skip
    columns = [_shown(runtime, access, entity, path, compiler) for path in paths]
    named = [column.label(f"c{number}") for number, column in enumerate(columns)]
    among = func.unnest(literal(sorted(ids), ARRAY(BigInteger)))
    statement = select(model.id, *named).select_from(model).where(model.id.in_(select(among)))
    return {row[0]: tuple(row[1:]) for row in session.execute(statement)}


def title_paths(runtime: Runtime, entity: Entity, path: Path) -> tuple[Path, ...]:
    """The paths that make up what a path shows: of a link, the title of where it leads."""
    last = walk_path(runtime.schema.entities, entity, path)[-1]
    if last.type == "lookup":
        return title_paths(runtime, entity, (*path[:-1], *last.options["path"]))
    target = target_of(runtime, entity, path)
    if target is None:
        return (path,)
    return tuple((*path, name) for name in target.title_fields)


def target_of(runtime: Runtime, entity: Entity, path: Path) -> Entity | None:
    """The entity that a path of links ends in; None for a plain value."""
    holder = holder_of(runtime.schema.entities, entity, path)
    last = walk_path(runtime.schema.entities, entity, path)[-1]
    if last.type == "lookup":
        return target_of(runtime, holder, tuple(last.options["path"]))
    return runtime.schema.entities.get(str(link_target(last, holder)))


def steps_of(runtime: Runtime, entity: Entity, path: Path) -> Iterator[tuple[Entity, Field]]:
    """Each field of a path with the entity that it belongs to."""
    fields = walk_path(runtime.schema.entities, entity, path)
    for number, field in enumerate(fields):
        yield holder_of(runtime.schema.entities, entity, path[: number + 1]), field


# Private


def _place(compiler: Compiler) -> ColumnElement[Any]:
    columns = compiler.source.c
    return columns[PLACE] if PLACE in columns else null()


def _shown(
    runtime: Runtime, access: Access, entity: Entity, path: Path, compiler: Compiler
) -> ColumnElement[Any]:
    for holder, field in steps_of(runtime, entity, path):
        if not access.entity(holder.name).clear_everywhere(field.name):
            return cast(null(), Text)
    return compiler.path(path)
