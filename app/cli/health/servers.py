"""The doctor's look at PostgreSQL and Redis: versions, settings, rights, clocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from redis import Redis
from sqlalchemy import Connection, text

from app.cli.health.finding import Finding, careful, faulty, fine
from app.kernel.clock import SystemClock
from app.kernel.messages import _l
from app.settings import Settings

OLDEST_POSTGRES = 180000
DURABLE = ("fsync", "full_page_writes", "data_checksums")
CLOCK_SECONDS, CLOCK_LIMIT_SECONDS = 2, 60

# What the role of the application may do beyond rows of the portal's tables.
POWERS = text(
    "SELECT r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication"
    " OR has_schema_privilege('public', 'CREATE')"
    " OR has_database_privilege(current_database(), 'CREATE') AS powers,"
    " (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "  WHERE n.nspname = 'public' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owned, r.rolname"
    " FROM pg_roles r WHERE r.rolname = current_user"
)
TRAIL = text(
    "SELECT has_table_privilege('portal_audit_entry', 'INSERT, UPDATE, DELETE, TRUNCATE')"
    " OR has_any_column_privilege('portal_audit_entry', 'UPDATE') AS changes,"
    " (SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D' AND tgrelid IN"
    "  ('portal_audit_entry'::regclass, 'portal_audit_value'::regclass, 'portal_audit_head'::regclass))"
    " AS disabled"
)


def look_at_server(connection: Connection) -> Iterator[Finding]:
    """Version and durability of PostgreSQL."""
    number = int(connection.scalar(text("SHOW server_version_num")) or 0)
    name = connection.scalar(text("SHOW server_version"))
    if number < OLDEST_POSTGRES:
        yield faulty(
            "postgres", _l("PostgreSQL %(version)s is too old; 18 is needed.", version=name)
        )
    else:
        yield fine("postgres", _l("PostgreSQL %(version)s.", version=name))
    rows = connection.execute(
        text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)"),
        {"names": [*DURABLE, "synchronous_commit"]},
    )
    found = {row.name: row.setting for row in rows}
    off = [name for name in DURABLE if found.get(name) != "on"]
    if off:
        yield faulty("durability", _l(
            "%(names)s: off, so a power cut can destroy data unnoticed; switch it on in PostgreSQL.",
            names=", ".join(off),
        ))  # fmt: skip
    elif found["synchronous_commit"] == "off":
        yield careful("durability", _l(
            "synchronous_commit is off: the last second may be lost in a power cut; switch it on."
        ))  # fmt: skip
    else:
        yield fine("durability", _l("fsync, full page writes and data checksums are on."))


def look_at_rights(connection: Connection) -> Iterator[Finding]:
    """The role of the application changes no table, and appends to the trail only."""
    role = connection.execute(POWERS).one()
    if role.powers or role.owned:
        yield faulty("database_role", _l(
            "The role %(role)s in PORTAL_DATABASE_URL may create or change tables; use a role that owns "
            "nothing and is neither superuser nor member of the owner.", role=role.rolname,
        ))  # fmt: skip
    else:
        yield fine("database_role", _l("The role %(role)s owns nothing and changes no tables.",
                                       role=role.rolname))  # fmt: skip
    trail = connection.execute(TRAIL).one()
    if trail.changes:
        yield faulty("audit_trail", _l(
            "The role %(role)s may change or remove entries of the audit trail; "
            "run portal prepare, which takes that right away.", role=role.rolname,
        ))  # fmt: skip
    elif trail.disabled:
        yield faulty("audit_trail", _l(
            "A trigger of the audit trail is switched off; run ALTER TABLE portal_audit_entry ENABLE TRIGGER ALL."
        ))  # fmt: skip
    else:
        yield fine("audit_trail", _l("Entries of the audit trail can be added, never changed."))


def look_at_clock(connection: Connection) -> Iterator[Finding]:
    """The clocks of this machine and of the database's."""
    there = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    seconds = round(abs((SystemClock().now() - there).total_seconds()))
    says = _l("The clocks here and in the database differ by %(seconds)s s; set both by NTP.",
              seconds=seconds)  # fmt: skip
    if seconds > CLOCK_SECONDS:
        yield (faulty if seconds > CLOCK_LIMIT_SECONDS else careful)("clock", says)
    else:
        yield fine("clock", _l("The clocks here and in the database agree."))


def look_at_redis(settings: Settings) -> Iterator[Finding]:
    """Whether the queue answers, and outlives a restart."""
    with Redis.from_url(settings.redis_url, socket_timeout=5, socket_connect_timeout=5) as redis:
        told: Any = redis.info()
    version = str(told.get("valkey_version") or told["redis_version"])
    saved = told.get("aof_enabled") or told.get("rdb_saves")
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        yield careful("redis", _l(
            "Redis may throw entries away (maxmemory-policy %(policy)s); set it to noeviction.", policy=policy
        ))  # fmt: skip
    elif not saved:
        yield careful("redis", _l(
            "Redis keeps nothing on disk; set appendonly yes, or tasks are sent again after a restart."
        ))  # fmt: skip
    else:
        yield fine("redis", _l("Redis or Valkey %(version)s answers and keeps its entries on disk.",
                               version=version))  # fmt: skip
