"""Makes derived columns anew when a schema changes what they are made from."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BindParameter, Engine, bindparam, select, update

from app.language.definitions import Entity
from app.records.columns import derived_columns, table_of
from app.records.runtime import Runtime
from app.storage.columns import column_name

BATCH = 2000


def refresh_derived(engine: Engine, runtime: Runtime, entity: Entity) -> int:
    """Write search text and sort key of every row again, a batch at a time; returns how many rows."""
    table = table_of(runtime, entity)
    names = {*(field.name for field in entity.search_fields), *entity.title_fields}
    fields = [field for name in names if (field := entity.fields.get(name)) is not None]
    columns = [table.c[column_name(field)].label(field.name) for field in fields]
    last = done = 0
    while True:
        with engine.begin() as connection:
            page = select(table.c.id, *columns).where(table.c.id > last).order_by(table.c.id)
            rows = connection.execute(page.limit(BATCH)).mappings().all()
            if not rows:
                return done
            made = [{"row": row["id"], **derived_columns(entity, dict(row))} for row in rows]
            changed: dict[str, BindParameter[Any]] = {
                name: bindparam(name) for name in made[0] if name != "row"
            }
            statement = update(table).where(table.c.id == bindparam("row")).values(changed)
            connection.execute(statement, made)
            last, done = int(rows[-1]["id"]), done + len(rows)
