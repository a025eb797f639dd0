"""Plans and applies a schema to a database: one transaction under one lock, recorded as a revision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.language.definitions import Schema
from app.language.identities import identities
from app.storage.database import current_revision, own_revision
from app.storage.models import Models, has_search, has_sort_key, sort_key_field
from app.storage.overlays import present_identities
from app.storage.planning import change_steps, run_steps
from app.storage.purging import purge_due
from app.storage.refusals import said_plainly
from app.storage.renaming import rename_steps
from app.storage.steps import Plan
from app.storage.system import grant_rows
from app.storage.tables import REVISION
from app.storage.walls import drop_walls

After = Callable[[Connection, int, Plan], None]


@dataclass(frozen=True)
class Revision:
    """A recorded schema."""

    number: int
    digest: str
    sources: Mapping[str, str]
    operations: Mapping[str, Any]
    applied_at: Any
    applied_by: str


def revisions(connection: Connection, limit: int = 50) -> list[Revision]:
    """The recorded revisions, newest first."""
    rows = connection.execute(select(REVISION).order_by(REVISION.c.number.desc()).limit(limit))
    return [Revision(**row) for row in rows.mappings()]


def plan_schema(engine: Engine, schema: Schema, models: Models) -> Plan:
    """What an apply would do now; everything that it tries is rolled back."""
    with said_plainly(), engine.connect() as connection:
        try:
            return _plan(connection, schema, models)
        finally:
            connection.rollback()


@dataclass(frozen=True)
class Order:
    """How to apply: who does it, whether values may be put aside, and the application's role."""

    by: str
    app_role: str
    allow_loss: bool = False


def apply_schema(
    engine: Engine, schema: Schema, models: Models, order: Order, after: After
) -> Plan:
    """Make the database hold ``schema`` and record the revision; raises Refused, Unavailable.

    ``after`` is called inside the transaction, once the tables are as they should be. When
    anything fails or the process dies, the old revision stays as it was.
    """
    with said_plainly(), engine.begin() as connection:
        own_revision(connection)
        latest = revisions(connection, 1)
        plan = _plan(connection, schema, models)
        if latest and latest[0].digest == schema.digest and not plan.steps:
            return plan
        _refuse(plan, order)
        number = plan.base + 1
        _record(connection, schema, models, plan, order)
        grant_rows(connection, order.app_role)
        after(connection, number, plan)
        return plan


def purge(engine: Engine) -> list[str]:
    """Drop what was set aside long enough ago; returns what was dropped."""
    with engine.begin() as connection:
        return purge_due(connection)


# Private


def _plan(connection: Connection, schema: Schema, models: Models) -> Plan:
    """Renames are really done, so that all else can be compared; the caller keeps or undoes them."""
    latest = revisions(connection, 1)
    base = current_revision(connection)
    owned = latest[0].operations.get("tables", ()) if latest else ()
    renames = list(rename_steps(connection, schema))
    run_steps(connection, renames)
    steps = tuple(change_steps(connection, schema, models, owned, base + 1))
    return Plan(
        base, (*renames, *steps), _reindexed(schema, latest[0].operations if latest else {})
    )


def _refuse(plan: Plan, order: Order) -> None:
    if plan.blocked:
        step = plan.blocked[0]
        raise Refused(
            _l(
                "%(step)s These rows prevent it: %(rows)s",
                step=step.says,
                rows=_listed(step.rows),
            )
        )
    if plan.losses and not order.allow_loss:
        raise Refused(
            _l(
                "%(step)s Values would be put aside; say so explicitly (--allow-loss).",
                step=plan.losses[0].says,
            )
        )


def _listed(rows: Iterable[int]) -> str:
    return ", ".join(str(row) for row in rows)


def _record(
    connection: Connection, schema: Schema, models: Models, plan: Plan, order: Order
) -> None:
    changes = [step for step in plan.steps if not step.renames]
    # A column that a policy names cannot change its type; the policies come back with the new rules.
    drop_walls(connection, {table for step in changes for table in step.tables})
    run_steps(connection, changes)
    operations = {
        "steps": [str(step.says) for step in plan.steps],
        "tables": sorted(
            name for name, table in models.metadata.tables.items() if not table.info.get("external")
        ),
        "search": _search_shapes(schema),
        "identities": identities(schema, present_identities(connection), plan.base + 1),
    }
    values = {
        "number": plan.base + 1, "digest": schema.digest, "sources": dict(schema.sources),
        "operations": operations, "applied_by": order.by,
    }  # fmt: skip
    connection.execute(insert(REVISION).values(values))


def _search_shapes(schema: Schema) -> dict[str, list[str]]:
    """What the derived search columns of each entity are made from."""
    shapes: dict[str, list[str]] = {}
    for entity in schema.entities.values():
        if has_search(entity) or has_sort_key(entity):
            keyed = sort_key_field(entity)
            shapes[entity.name] = [
                *(field.name for field in entity.search_fields),
                "|",
                keyed.name if keyed else "",
            ]
    return shapes


def _reindexed(schema: Schema, recorded: Mapping[str, Any]) -> tuple[str, ...]:
    old = recorded.get("search", {})
    return tuple(
        name for name, shape in _search_shapes(schema).items() if name in old and old[name] != shape
    )
