"""Row-level security as PostgreSQL keeps it: the actor of a transaction, and a policy for each table.

The functions read a setting of the transaction and are yet declared immutable, so that the planner
works them out before it plans: whoever sees a whole table pays nothing, and whoever sees some places
has them as constants that an index can use. It holds because the portal never prepares a statement
for a later transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.storage.former_names import naming_function

SETTING = "portal.actor"
# The portal's own rules look at all rows; whoever comes without this setting sees none.
ENGINE = json.dumps({"engine": True})
POLICY = "portal_scope"
# Where the views are through which row scopes lead.
PATHS = "portal_paths"

_ACTOR = f"nullif(current_setting('{SETTING}', true), '')::jsonb"
_SHAPES = {
    "portal_wall_open(entity text, held text[], whole text[]) RETURNS boolean": (
        "coalesce((actor->'engine')::boolean, false) OR coalesce(actor->'system' ? entity, false)"
        " OR coalesce(actor->'whole' ?| (held || whole), false)"
        " OR coalesce(actor->'places' ?| held, false)"
    ),
    "portal_wall_holds(roles text[]) RETURNS boolean": (
        "coalesce(actor->'whole' ?| roles, false) OR coalesce(actor->'places' ?| roles, false)"
    ),
    "portal_wall_whole(roles text[]) RETURNS boolean": "coalesce(actor->'whole' ?| roles, false)",
    "portal_wall_places(roles text[]) RETURNS bigint[]": (
        "ARRAY(SELECT DISTINCT place::bigint FROM jsonb_each(actor->'places') AS at(role, ids),"
        " jsonb_array_elements_text(at.ids) AS place WHERE at.role = ANY (roles))"
    ),
    "portal_wall_portal() RETURNS boolean": (
        "coalesce((actor->'engine')::boolean, false) OR coalesce((actor->'portal')::boolean, false)"
    ),
    "portal_wall_person() RETURNS bigint": "(actor->>'person')::bigint",
    "portal_wall_account() RETURNS integer": "(actor->>'account')::integer",
    "portal_wall_today() RETURNS date": "(actor->>'today')::date",
    "portal_wall_zone() RETURNS text": "actor->>'zone'",
}
# Whether the actor reaches a record, by the policy of the record's own table. The statement is planned each
# time anew: a plan that is kept would hold the actor of an earlier transaction.
_SEES = """
CREATE OR REPLACE FUNCTION portal_wall_sees(entity text, record bigint) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    found boolean;
BEGIN
    IF entity IS NULL OR record IS NULL OR starts_with(entity, 'portal_') OR NOT EXISTS (
        SELECT FROM pg_class c WHERE c.oid = to_regclass(format('public.%I', entity)) AND c.relrowsecurity
    ) THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE id = $1)', entity) INTO found USING record;
    RETURN found;
END $$
"""
WALL_FUNCTIONS = (
    *(
        f"CREATE OR REPLACE FUNCTION {shape} LANGUAGE sql IMMUTABLE PARALLEL SAFE"  # noqa: S608 - constants
        f" AS $$ SELECT {body} FROM (SELECT {_ACTOR}) AS said(actor) $$"
        for shape, body in _SHAPES.items()
    ),
    _SEES,
)


@dataclass(frozen=True)
class Wall:
    """The policy of one table: which rows the actor of a transaction reaches.

    ``written`` is said of tables into which the portal writes also for others, such as a notice.
    """

    table: str
    using: str
    written: str | None = None

    @property
    def guarded(self) -> str:
        """The criterion, in a form whose share of the rows the planner does not guess at.

        Statements bring the same criterion along; counted twice it would promise next to no rows.
        """
        return f"CASE WHEN {self.using} THEN true ELSE false END"

    @property
    def digest(self) -> str:
        """Tells whether the database has just this policy."""
        return hashlib.sha256(self.rule.encode()).hexdigest()

    @property
    def rule(self) -> str:
        """The rows that are reached and those that may be written, as the statement says them."""
        check = f" WITH CHECK ({self.written})" if self.written else ""
        return f"USING ({self.guarded}){check}"


@dataclass(frozen=True)
class PathView:
    """What a rule looks at on its way through a table: keys and states, and nobody's name.

    A view reads with the rights of its owner, so that a rule leads on where the actor may not read.
    """

    table: str
    columns: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Tells whether the database has just this view."""
        return ",".join(self.columns)


def raise_walls(
    connection: Connection, views: Iterable[PathView], walls: Iterable[Wall], app_role: str
) -> list[str]:
    """Give every table its policy, where it has another or none; returns the tables changed."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    _run(connection, f"CREATE SCHEMA IF NOT EXISTS {PATHS}")
    _run(connection, f"GRANT USAGE ON SCHEMA {PATHS} TO {quote(app_role)}")
    known, wanted = _views(connection), {view.table: view for view in views}
    for gone in set(known) - set(wanted):
        _run(connection, f"DROP VIEW {PATHS}.{quote(gone)} CASCADE")
    for view in wanted.values():
        if known.get(view.table) == view.digest:
            continue
        name = f"{PATHS}.{quote(view.table)}"
        columns = ", ".join(map(quote, view.columns))
        # Policies that lead through the view go with it, and come back below.
        _run(connection, f"DROP VIEW IF EXISTS {name} CASCADE")
        _run(connection, f"CREATE VIEW {name} AS SELECT {columns} FROM public.{quote(view.table)}")  # noqa: S608
        _run(connection, f"COMMENT ON VIEW {name} IS '{view.digest}'")
        _run(connection, f"GRANT SELECT ON {name} TO {quote(app_role)}")
    _run(connection, naming_function(connection))
    present = _policies(connection)
    changed = [wall for wall in walls if present.get(wall.table) != wall.digest]
    for wall in changed:
        name = quote(wall.table)
        _run(connection, f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
        _run(connection, f"DROP POLICY IF EXISTS {POLICY} ON {name}")
        _run(connection, f"CREATE POLICY {POLICY} ON {name} {wall.rule}")
        _run(connection, f"COMMENT ON POLICY {POLICY} ON {name} IS '{wall.digest}'")
    return [wall.table for wall in changed]


def drop_walls(connection: Connection, tables: Iterable[str]) -> None:
    """Take policies and views off tables whose columns are about to change; until they are back nobody sees them."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    for table in sorted(set(tables)):
        if table in _views(connection):
            _run(connection, f"DROP VIEW {PATHS}.{quote(table)} CASCADE")
        if table in _policies(connection):
            _run(connection, f"DROP POLICY {POLICY} ON {quote(table)}")


def set_actor(session: Session | Connection, actor: str) -> None:
    """Say who acts until the transaction ends."""
    session.execute(
        text("SELECT set_config(:name, :actor, true)"), {"name": SETTING, "actor": actor}
    )


# Private


def _run(connection: Connection, statement: str) -> None:
    connection.exec_driver_sql(statement.replace("%", "%%"))


def _views(connection: Connection) -> Mapping[str, str]:
    rows = connection.execute(
        text(
            "SELECT c.relname, obj_description(c.oid, 'pg_class') AS digest FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = :paths AND relkind = 'v'"
        ),
        {"paths": PATHS},
    )
    return {row.relname: row.digest for row in rows}


def _policies(connection: Connection) -> Mapping[str, str]:
    rows = connection.execute(
        text(
            "SELECT c.relname, obj_description(p.oid, 'pg_policy') AS digest FROM pg_policy p"
            " JOIN pg_class c ON c.oid = p.polrelid WHERE p.polname = :name"
        ),
        {"name": POLICY},
    )
    return {row.relname: row.digest for row in rows}
