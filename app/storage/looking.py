"""Looks at a database that is to be served: whether it was prepared, and whether the files still say the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, select, text

from app.kernel.errors import SettingsError, Unavailable
from app.kernel.messages import Message, _l
from app.language.compiler import compile_schema
from app.language.findings import SchemaInvalid
from app.language.overlay_merge import base_sources
from app.safety import one_account
from app.storage.applying import revisions
from app.storage.audit_tables import AUDIT_HEAD, algorithm_of
from app.storage.database import make_engine


def look_at_database(url: str, audit_hash: str) -> None:
    """See whether a database that was prepared elsewhere can be served.

    Raises Unavailable before it was prepared, and SettingsError for an account that owns its tables or
    for another hash than that of its trail.
    """
    engine = make_engine(url, pool_size=1)
    try:
        with engine.connect() as connection:
            _refuse_unprepared(connection)
            refuse_other_hash(connection, audit_hash)
    finally:
        engine.dispose()


def refuse_other_hash(connection: Connection, wanted: str) -> None:
    """Raise SettingsError when the trail was founded with another hash than is ``wanted``; empty: any will do."""
    says = other_hash(connection, wanted)
    if says is not None:
        raise SettingsError(says)


def other_hash(connection: Connection, wanted: str) -> Message | None:
    """Why the trail cannot have the hash that is ``wanted``; None when it has."""
    founded = algorithm_of(str(connection.scalar(select(AUDIT_HEAD.c.origin))))
    if wanted in ("", founded):
        return None
    return _l(
        "The audit trail was founded with %(founded)s, which is never changed, but PORTAL_AUDIT_HASH is "
        "%(wanted)s; set PORTAL_AUDIT_HASH=%(founded)s or remove it.", founded=founded, wanted=wanted,
    )  # fmt: skip


def say_when_other(owner: Engine, folder: Path, say: Callable[[Message], None]) -> None:
    """Say when the files in ``folder`` are not the schema that is served: a start alone does not apply them."""
    with owner.connect() as connection:
        same = _is_served(connection, folder)
    if not same:
        say(_l("The files in %(folder)s are not what is served: see portal schema plan, then run "
               "portal schema apply.", folder=str(folder)))  # fmt: skip


# Private


def _refuse_unprepared(connection: Connection) -> None:
    owns = connection.scalar(
        text(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
            " WHERE oid = to_regclass('portal_revision')"
        )
    )
    if owns:
        raise SettingsError(one_account())
    if owns is None or not revisions(connection, 1):
        raise Unavailable(
            _l("The database holds no schema yet; run portal prepare once, with "
               "PORTAL_DATABASE_OWNER_URL.")
        )  # fmt: skip


def _is_served(connection: Connection, folder: Path) -> bool:
    """Changes that were made in the browser do not count."""
    stored = base_sources(revisions(connection, 1)[0].sources)
    try:
        return dict(compile_schema(folder).sources) == dict(stored)
    except SchemaInvalid:
        return False
