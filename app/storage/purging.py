"""Drops for good what was put aside long enough ago, as a function that runs with the owner's rights.

The role of the application may call it and nothing more: what is dropped, and when, stands in a table that it may
only read, so nobody loses by it what the portal has not promised away.
"""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from app.storage.database import APPLY_LOCK_TIMEOUT, REVISION_LOCK

PURGE = "portal_purge()"

# A note of an older portal does not know of renames: then the one table that has the column and no note of its
# own is meant. Where several have it nothing is dropped, and the note stays.
PURGE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION portal_purge() RETURNS SETOF text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '{APPLY_LOCK_TIMEOUT}' AS $$
DECLARE
    noted record;
    holders text[];
BEGIN
    PERFORM pg_advisory_xact_lock({REVISION_LOCK});
    FOR noted IN
        SELECT id, table_name, column_name, kept_as FROM portal_set_aside
        WHERE purge_on <= current_date ORDER BY id
    LOOP
        IF noted.column_name IS NULL THEN
            EXECUTE format('DROP TABLE IF EXISTS public.%I CASCADE', noted.kept_as);
        ELSE
            SELECT array_agg(c.relname::text) INTO holders
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE a.attname = noted.kept_as AND NOT a.attisdropped AND c.relkind = 'r'
            AND c.relnamespace = 'public'::regnamespace AND (c.relname = noted.table_name OR NOT EXISTS
            (SELECT FROM portal_set_aside s WHERE s.table_name = c.relname AND s.kept_as = noted.kept_as));
            IF noted.table_name = ANY (holders) THEN
                holders = ARRAY[noted.table_name];
            END IF;
            CONTINUE WHEN cardinality(holders) > 1;
            IF cardinality(holders) = 1 THEN
                EXECUTE format('ALTER TABLE public.%I DROP COLUMN %I', holders[1], noted.kept_as);
            END IF;
        END IF;
        DELETE FROM portal_set_aside WHERE id = noted.id;
        RETURN NEXT noted.table_name || '.' || coalesce(noted.column_name, '*');
    END LOOP;
END $$
"""  # noqa: S608 - constants


def purge_due(door: Session | Connection) -> list[str]:
    """Drop what is due, in the caller's transaction; what was dropped, as ``table.column`` or ``table.*``.

    To be called first in a transaction: it waits a few seconds for an apply that is under way.
    """
    return list(door.scalars(text("SELECT * FROM portal_purge()")))
