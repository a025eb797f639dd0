"""How the tree over a log is hashed. A log bears its algorithm in its name, and so does all that it signs.

The chain inside the database is of SHA-256 whatever the tree is of: PostgreSQL knows no SM3. Both are over
the same bytes, in which each entry holds the hash of the one before it, so that they bind the same thing.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Connection, select

from app.audit.merkle import OF_SHA256, TreeHash
from app.kernel.digests import SHA256, SM3, sm3_after
from app.storage.audit_tables import AUDIT_HEAD, algorithm_of


def hash_of(origin: str) -> TreeHash:
    """That of the log with this name; raises Unavailable for one that this version does not know."""
    return OF_SHA256 if algorithm_of(origin) == SHA256 else of_sm3()


def hash_of_log(connection: Connection) -> TreeHash:
    """That of the log in the database."""
    return hash_of(str(connection.scalar(select(AUDIT_HEAD.c.origin))))


@cache
def of_sm3() -> TreeHash:
    """The tree of RFC 6962 with SM3 in the place of SHA-256; raises SettingsError where there is none."""
    over = sm3_after(b"\1")

    def node(left: bytes, right: bytes) -> bytes:
        return over(left + right)

    return TreeHash(SM3, sm3_after(b"\0"), node, sm3_after(b"")(b""))
