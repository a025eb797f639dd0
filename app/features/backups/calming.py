"""What must not come alive again with an older database: sessions, links, tasks, mails, roles that wait to be given.

Everything here runs in the transaction that restores, so that no portal ever starts on a database without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.kernel.messages import _l
from app.tasks.claims import as_json

# Why a task or a mail of the past does not go on.
STOPPED = _l("The portal was restored from a backup; begin it anew if it was not done since then.")
WITHHELD = "restored from a backup"

# An epoch may have moved after the backup was made, and a token may name that later one: the minutes since 2026
# are more than anybody's sessions were ever ended.
CALMING = """
SET LOCAL search_path = public;
-- Nobody stays signed in, and no token of any time before this one holds.
INSERT INTO portal_counter AS kept (name, value)
    SELECT 'epoch:' || id, (extract(epoch FROM clock_timestamp() - timestamptz '2026-01-01 00:00Z') / 60)::bigint
    FROM ab_user
    ON CONFLICT (name) DO UPDATE SET value = greatest(kept.value + 1, excluded.value);
UPDATE portal_session SET revoked_at = clock_timestamp() WHERE revoked_at IS NULL;
DELETE FROM portal_reset;
DELETE FROM portal_kept_form;
-- An owner may have stopped it since, and nobody would have a day to do so again.
UPDATE portal_break_glass SET ended_at = clock_timestamp() WHERE ended_at IS NULL;
-- Each makes one file that is handed out once; whether it was is not known.
UPDATE portal_export_grant SET state = 'expired' WHERE state IN ('ready', 'making', 'made');
-- Most were done before the end came; whoever waits for one begins it anew on the page of tasks.
UPDATE portal_task SET state = 'cancelled', problem = {problem}, fence = fence + 1, lease_until = NULL,
    ended_at = clock_timestamp() WHERE state IN ('ready', 'running');
-- Notices stay in the inbox, but their mails went out once.
UPDATE portal_delivery SET state = 'withheld', error = {withheld}, lease_until = NULL
    WHERE state IN ('waiting', 'sending');
-- Schedules go on with their next moment, without catching up on what was served before.
INSERT INTO portal_slot (schedule, moment) SELECT DISTINCT schedule, transaction_timestamp() FROM portal_slot;
UPDATE portal_report_schedule SET last_slot = clock_timestamp() WHERE last_slot < clock_timestamp();
UPDATE portal_report_turn SET state = 'withheld', problem = {problem}, ended_at = clock_timestamp()
    WHERE state = 'waiting';
-- Policies and their views are raised anew with the rights of this database; until then nobody sees a row.
DROP SCHEMA IF EXISTS portal_paths CASCADE;
"""


def calming() -> str:
    """The statements, for the end of the transaction that restores."""
    return CALMING.format(problem=_quoted(json.dumps(as_json(STOPPED))), withheld=_quoted(WITHHELD))


def counted(rows: Mapping[str, int]) -> str:
    """A statement that fails unless each table holds just so many rows."""
    expected = _quoted(json.dumps(dict(rows)))
    return f"""DO $counting$
DECLARE
    expected record;
    held bigint;
BEGIN
    FOR expected IN SELECT key, value::bigint AS wanted FROM pg_catalog.jsonb_each_text({expected}) LOOP
        EXECUTE 'SELECT count(*) FROM ' || expected.key INTO held;
        IF held <> expected.wanted THEN
            RAISE EXCEPTION '% has % rows instead of %', expected.key, held, expected.wanted;
        END IF;
    END LOOP;
END $counting$;
"""  # noqa: S608 - the names were quoted by the database that was backed up


# Private


def _quoted(text: str) -> str:
    """A literal of any text, whatever standard_conforming_strings says."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
