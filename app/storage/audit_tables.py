"""The sealed trail: entries that nobody changes, values that may be erased, and the head of the chain.

``portal_audit`` is a view over both, for whoever only reads.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

from app.kernel.digests import DIGESTS, SHA256
from app.kernel.errors import Unavailable
from app.kernel.messages import _l
from app.storage.tables import SYSTEM

FIRST_PREV = bytes(32)
HEADER = "storewarden-audit/1"
BLOCK = 256

# ``id`` is the dense number of an entry, from 1; ``leaf`` is SHA-256(0x00 || body) as in RFC 6962,
# whatever the tree of the log is hashed with.
AUDIT_ENTRY = Table(
    "portal_audit_entry",
    SYSTEM,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("at", DateTime(timezone=True), nullable=False, index=True),
    Column("account_id", Integer),
    Column("account_name", String(80), nullable=False),
    Column("action", String(40), nullable=False),
    Column("entity", String(63)),
    Column("record_id", BigInteger),
    Column("revision", Integer, nullable=False),
    Column("address", String(45)),
    Column("noted_at", DateTime(timezone=True), nullable=False),
    Column("clock_back", Boolean, nullable=False),
    Column("prev", LargeBinary, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_portal_audit_entry_entity_record_id", "entity", "record_id"),
    Index("ix_portal_audit_entry_action", "action", "id"),
    Index("ix_portal_audit_entry_account_name", "account_name", "id"),
)

# What an entry told of persons; the sealed body holds the digest of salt and text alone.
AUDIT_VALUE = Table(
    "portal_audit_value",
    SYSTEM,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("told", Text, nullable=False),
)

AUDIT_HEAD = Table(
    "portal_audit_head",
    SYSTEM,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("origin", String(80), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("wall", DateTime(timezone=True), nullable=False),
    Column("noted_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

# The root over each full block of entries, by the hash of the log, so that a tree of a million needs a few hundred
# leaves.
AUDIT_BLOCK = Table(
    "portal_audit_block",
    SYSTEM,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
)

# Checkpoints as they were signed; those in the home and in mails are the ones that count.
AUDIT_CHECKPOINT = Table(
    "portal_audit_checkpoint",
    SYSTEM,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)

# Entries that left for a file in the home: their numbers, and the leaf that the next entry follows.
AUDIT_ARCHIVE = Table(
    "portal_audit_archive",
    SYSTEM,
    Column("last", BigInteger, primary_key=True, autoincrement=False),
    Column("first", BigInteger, nullable=False),
    Column("last_leaf", LargeBinary, nullable=False),
    Column("name", String(80), nullable=False),
    Column("sha256", String(64), nullable=False),
    # What the entries that left said of keys.
    Column("keys", JSONB, nullable=False),
    Column("at", DateTime(timezone=True), server_default=func.now(), nullable=False),
)

AUDIT = Table(
    "portal_audit",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    *(
        Column(name, AUDIT_ENTRY.c[name].type)
        for name in ("at", "account_id", "account_name", "action", "entity", "record_id")
    ),
    Column("record_title", Text),
    Column("revision", Integer),
    Column("changes", JSONB),
    Column("address", String(45)),
    Column("noted_at", DateTime(timezone=True)),
    Column("clock_back", Boolean),
)

# A log is called after the hash of its tree, so that every entry and every checkpoint says which; without one it is
# SHA-256. What is in the bytes of each entry cannot be exchanged later.
ORIGIN = "storewarden/"


def algorithm_of(origin: str) -> str:
    """The hash that a log has by its name; raises Unavailable for one that this version does not know."""
    name = origin.split("/")[1] if origin.count("/") > 1 else SHA256
    if name not in DIGESTS:
        raise Unavailable(
            _l(
                "The audit trail is hashed with %(hash)s, which this version does not know.",
                hash=name,
            )
        )
    return name


def make_head(algorithm: str) -> str:
    """SQL that founds a log with a hash, or else with SHA-256, where there is none yet."""
    named = "" if algorithm in ("", SHA256) else f"{algorithm}/"
    return f"""
INSERT INTO portal_audit_head (one, origin, size, leaf, wall, noted_at)
SELECT 1, '{ORIGIN}{named}' || gen_random_uuid(), 0, decode(repeat('00', 32), 'hex'), '-infinity', '-infinity'
WHERE NOT EXISTS (SELECT 1 FROM portal_audit_head)
"""  # noqa: S608 - the algorithm is one of DIGESTS


MAKE_VIEW = """
CREATE OR REPLACE VIEW portal_audit WITH (security_invoker = true) AS
SELECT e.id, e.at, e.account_id, e.account_name, e.action, e.entity, e.record_id,
       v.told::jsonb ->> 'title' AS record_title, e.revision,
       coalesce(v.told::jsonb -> 'changes', '{}') AS changes, e.address, e.noted_at, e.clock_back
FROM portal_audit_entry e LEFT JOIN portal_audit_value v ON v.id = e.id
"""

# Whoever may only execute this can choose neither number nor predecessor of what is appended.
# The clocks of two hosts may differ by five seconds before an entry is marked.
MAKE_APPEND = r"""
CREATE OR REPLACE FUNCTION portal_audit_append(bodies bytea[], tellings text[], salts bytea[])
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '3s' AS $$
DECLARE
    head portal_audit_head%ROWTYPE;
    said jsonb;
    wall timestamptz;
    noted timestamptz;
    back boolean;
    bytes bytea;
    sealed bytea;
BEGIN
    SELECT * INTO STRICT head FROM portal_audit_head FOR UPDATE;
    FOR n IN 1 .. cardinality(bodies) LOOP
        said := convert_from(bodies[n], 'UTF8')::jsonb;
        wall := (said ->> 'wall')::timestamptz;
        noted := clock_timestamp();
        back := coalesce(wall < head.wall - interval '5 seconds', false)
            OR noted < head.noted_at - interval '5 seconds';
        bytes := convert_to(
            'storewarden-audit/1 ' || head.origin || E'\nseq ' || (head.size + 1)
            || E'\nprev ' || encode(head.leaf, 'hex') || E'\nnoted '
            || to_char(noted AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            || CASE WHEN back THEN E'\nmark clock_back\n' ELSE E'\n' END, 'UTF8') || bodies[n];
        sealed := sha256('\x00'::bytea || bytes);
        INSERT INTO portal_audit_entry (id, at, account_id, account_name, action, entity, record_id,
            revision, address, noted_at, clock_back, prev, leaf, body)
        VALUES (head.size + 1, (said ->> 'at')::timestamptz, (said ->> 'account')::integer,
            said ->> 'name', said ->> 'action', said ->> 'entity', (said ->> 'record')::bigint,
            (said ->> 'revision')::integer, said ->> 'address', noted, back, head.leaf, sealed, bytes);
        IF tellings[n] IS NOT NULL THEN
            INSERT INTO portal_audit_value (id, salt, told)
            VALUES (head.size + 1, salts[n], tellings[n]);
        END IF;
        head.size := head.size + 1;
        head.leaf := sealed;
        head.wall := coalesce(wall, head.wall);
        head.noted_at := noted;
    END LOOP;
    UPDATE portal_audit_head
    SET size = head.size, leaf = head.leaf, wall = head.wall, noted_at = head.noted_at;
    RETURN head.size;
END $$
"""

# The values of records are erased by number, of one name from a revision until before another; that somebody did is
# an entry of its own. With them goes what is kept for undoing, and the row of a record that was deleted for good;
# with ``until`` what was told lately stays, as the law has logs kept half a year.
MAKE_ERASE = """
CREATE OR REPLACE FUNCTION portal_audit_erase(
    about text, record bigint, since integer, before integer, until timestamptz)
RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH period AS (
        SELECT (SELECT applied_at FROM portal_revision WHERE number = since) AS first,
               (SELECT applied_at FROM portal_revision WHERE number = before) AS last
    ), gone AS (
        DELETE FROM portal_audit_value v USING portal_audit_entry e
        WHERE v.id = e.id AND e.entity = about AND e.record_id = record
        AND e.revision >= since AND (before IS NULL OR e.revision < before)
        AND (until IS NULL OR e.at < until) RETURNING 1
    ), before AS (
        DELETE FROM portal_before b USING period WHERE b.entity = about AND b.record_id = record
        AND (first IS NULL OR b.at >= first) AND (last IS NULL OR b.at < last)
    ), stone AS (
        UPDATE portal_tombstone t SET row = NULL, title = '' FROM period
        WHERE until IS NULL AND t.entity = about AND t.record_id = record
        AND (first IS NULL OR t.at >= first) AND (last IS NULL OR t.at < last)
    ) SELECT count(*) FROM gone
$$
"""

# Those of before, which knew no former names.
DROP_FORMER = (
    "DROP FUNCTION IF EXISTS portal_audit_erase(text, bigint)",
    "DROP FUNCTION IF EXISTS portal_audit_erase_old(text, bigint, timestamptz)",
)

# The only way by which entries leave: whole blocks, written to a file before, and half a year old at least,
# which the law asks for (Cybersecurity Law, article 21).
MAKE_ARCHIVE = """
CREATE OR REPLACE FUNCTION portal_audit_archive(until bigint, file text, digest text)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    kept bigint := (SELECT coalesce(max(last), 0) FROM portal_audit_archive);
    gone bigint;
BEGIN
    PERFORM 1 FROM portal_audit_head FOR UPDATE;
    IF until % 256 <> 0 OR until <= kept OR until >= (SELECT size FROM portal_audit_head)
        OR (SELECT count(*) FROM portal_audit_block WHERE number < until / 256) <> until / 256 THEN
        RAISE EXCEPTION 'only whole blocks of the audit trail are archived';
    END IF;
    INSERT INTO portal_audit_archive (last, first, last_leaf, name, sha256, keys)
    SELECT until, kept + 1, leaf, file, digest, (
        SELECT coalesce(jsonb_agg(jsonb_build_object('seq', k.id, 'facts',
            substring(convert_from(k.body, 'UTF8') from '[{].*$')::jsonb -> 'facts') ORDER BY k.id), '[]')
        FROM portal_audit_entry k WHERE k.id <= until AND k.action = 'audit:key'
    ) FROM portal_audit_entry WHERE id = until;
    DELETE FROM portal_audit_value WHERE id <= until;
    DELETE FROM portal_audit_entry WHERE id <= until;
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $$
"""

MAKE_REFUSAL = """
CREATE OR REPLACE FUNCTION portal_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'portal_audit_entry' THEN
        IF OLD.noted_at < clock_timestamp() - interval '180 days'
            AND EXISTS (SELECT 1 FROM portal_audit_archive WHERE last >= OLD.id) THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is never changed (%)', TG_OP USING ERRCODE = '42501';
END $$
"""

TRIGGERS = """
CREATE OR REPLACE TRIGGER portal_audit_kept BEFORE UPDATE OR DELETE ON portal_audit_entry
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_not_emptied BEFORE TRUNCATE ON portal_audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_value_kept BEFORE UPDATE ON portal_audit_value
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_value_not_emptied BEFORE TRUNCATE ON portal_audit_value
    FOR EACH STATEMENT EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_head_kept BEFORE DELETE ON portal_audit_head
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_block_kept BEFORE UPDATE OR DELETE ON portal_audit_block
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_checkpoint_kept BEFORE UPDATE OR DELETE ON portal_audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_archive_kept BEFORE UPDATE OR DELETE ON portal_audit_archive
    FOR EACH ROW EXECUTE FUNCTION portal_audit_refuse();
CREATE OR REPLACE TRIGGER portal_audit_head_not_emptied BEFORE TRUNCATE ON portal_audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION portal_audit_refuse()
"""

# In the order in which they build on each other, after the tables and the head.
MAKE_TRAIL = (
    MAKE_VIEW, MAKE_APPEND, *DROP_FORMER, MAKE_ERASE, MAKE_ARCHIVE, MAKE_REFUSAL, *TRIGGERS.split(";"),
)  # fmt: skip

TRAIL_TABLES = (
    "portal_audit",
    "portal_audit_entry",
    "portal_audit_value",
    "portal_audit_head",
    "portal_audit_archive",
)
GROWING = ("portal_audit_block", "portal_audit_checkpoint")
TRAIL_FUNCTIONS = (
    "portal_audit_append(bytea[], text[], bytea[])",
    "portal_audit_erase(text, bigint, integer, integer, timestamptz)",
    "portal_audit_archive(bigint, text, text)",
)
