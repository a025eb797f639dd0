"""The tree over the log in the database, with the root of every full block kept, so that few leaves are read."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from app.audit.merkle import TreeHash, root_of
from app.storage.audit_tables import AUDIT_BLOCK, AUDIT_ENTRY, BLOCK


class LogTree:
    """The tree of the first ``size`` entries; leaves are counted from 0, entries from 1."""

    def __init__(self, connection: Connection, size: int, hashing: TreeHash) -> None:
        self.size, self.hashing = size, hashing
        self._connection = connection
        self._blocks = _blocks(connection)
        self._leaves: dict[int, list[bytes]] = {}

    def root(self, size: int) -> bytes:
        """The root over the first ``size`` entries; raises ValueError for none."""
        if not 0 < size <= self.size:
            raise ValueError(f"no tree of {size} in a log of {self.size}")
        return self.subtree(0, size)

    def subtree(self, begin: int, end: int) -> bytes:
        """The root over the leaves from ``begin`` up to, and without, ``end``."""
        count = end - begin
        if begin % BLOCK == 0 and count % BLOCK == 0 and end <= BLOCK * len(self._blocks):
            return root_of(self._blocks[begin // BLOCK : end // BLOCK], self.hashing)
        if begin // BLOCK == (end - 1) // BLOCK:
            first = begin // BLOCK * BLOCK
            return root_of(self._block(begin // BLOCK)[begin - first : end - first], self.hashing)
        middle = begin + (1 << ((count - 1).bit_length() - 1))
        return self.hashing.node(self.subtree(begin, middle), self.subtree(middle, end))

    def _block(self, number: int) -> list[bytes]:
        if number not in self._leaves:
            last = min(self.size, (number + 1) * BLOCK)
            self._leaves[number] = leaves(self._connection, number * BLOCK + 1, last, self.hashing)
        return self._leaves[number]


def keep_blocks(connection: Connection, size: int, hashing: TreeHash) -> None:
    """Keep the root of every full block among the first ``size`` entries that is not kept yet."""
    kept = connection.scalar(select(func.max(AUDIT_BLOCK.c.number)))
    first = 0 if kept is None else int(kept) + 1
    for number in range(first, size // BLOCK):
        found = leaves(connection, number * BLOCK + 1, (number + 1) * BLOCK, hashing)
        connection.execute(insert(AUDIT_BLOCK).values(number=number, root=root_of(found, hashing)))


def leaves(connection: Connection, first: int, last: int, hashing: TreeHash) -> list[bytes]:
    """The leaves of the entries ``first`` to ``last``; raises ValueError when one is missing."""
    wanted = AUDIT_ENTRY.c.id.between(first, last)
    # The database keeps the leaves of its chain; those of another hash come from the bytes.
    column = AUDIT_ENTRY.c.leaf if hashing.chained else AUDIT_ENTRY.c.body
    found = list(connection.scalars(select(column).where(wanted).order_by(AUDIT_ENTRY.c.id)))
    if len(found) != last - first + 1:
        raise ValueError(f"entries are missing between {first} and {last}")
    return found if hashing.chained else [hashing.leaf(body) for body in found]


# Private


def _blocks(connection: Connection) -> list[bytes]:
    rows = connection.execute(select(AUDIT_BLOCK.c.root).order_by(AUDIT_BLOCK.c.number))
    return [row.root for row in rows]
