"""The tree of RFC 6962 over the leaves of the trail: roots, proofs, and their verification.

Without another hash they are of SHA-256, as the RFC has it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from app.kernel.digests import SHA256, Digest

HASH_BYTES = 32
# Gives the root over the leaves from the first number up to, and without, the second.
Subtree = Callable[[int, int], bytes]


@dataclass(frozen=True, slots=True)
class TreeHash:
    """The hash of one entry's bytes, and that over two subtrees (RFC 6962, 2.1); ``nothing`` is that of no entries."""

    name: str
    leaf: Digest
    node: Callable[[bytes, bytes], bytes]
    nothing: bytes

    @property
    def chained(self) -> bool:
        """Whether the leaves of the chain in the database are those of the tree."""
        return self.name == SHA256


def leaf_hash(data: bytes) -> bytes:
    """The SHA-256 of one entry's bytes (RFC 6962, 2.1), as the chain has it."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The SHA-256 over two subtrees (RFC 6962, 2.1)."""
    return sha256(b"\1" + left + right).digest()


OF_SHA256 = TreeHash(SHA256, leaf_hash, node_hash, sha256(b"").digest())


def root_of(leaves: Sequence[bytes], hashing: TreeHash = OF_SHA256) -> bytes:
    """The root over hashes of leaves; of none it is the hash of nothing."""
    if not leaves:
        return hashing.nothing
    level, node = list(leaves), hashing.node
    # Pairs from the left, the odd one goes up as it is: the same tree as splitting by powers of two.
    while len(level) > 1:
        odd = [level[-1]] if len(level) % 2 else []
        level = [node(level[at], level[at + 1]) for at in range(0, len(level) - len(odd), 2)] + odd
    return level[0]


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of the leaf ``index`` (from 0) in the tree of ``size`` (RFC 6962, 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, subtree)


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """That the tree of ``old`` leaves is the beginning of that of ``new`` (RFC 6962, 2.1.2)."""
    if not 0 < old <= new:
        raise ValueError(f"no proof from {old} to {new}")
    return _subproof(old, 0, new, subtree, whole=True) if old < new else []


def inclusion_holds(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes,
    hashing: TreeHash = OF_SHA256,
) -> bool:  # fmt: skip
    """Whether the path leads from the leaf to the root (RFC 9162, 2.1.3.2); false for an empty tree."""
    if not 0 <= index < size or not _hashes(leaf, root, *proof):
        return False
    at, last, found, node = index, size - 1, leaf, hashing.node
    for part in proof:
        if last == 0:
            return False
        if at % 2 or at == last:
            found = node(part, found)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            found = node(found, part)
        at, last = at // 2, last // 2
    return last == 0 and found == root


def consistency_holds(
    old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes],
    hashing: TreeHash = OF_SHA256,
) -> bool:  # fmt: skip
    """Whether the proof leads from the old root to the new one (RFC 9162, 2.1.4.2)."""
    if not 0 < old <= new or not _hashes(old_root, new_root, *proof):
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        return False
    at, last, node = old - 1, new - 1, hashing.node
    while at % 2:
        at, last = at // 2, last // 2
    first = second = path[0]
    for part in path[1:]:
        if last == 0:
            return False
        if at % 2 or at == last:
            first, second = node(part, first), node(part, second)
            while at % 2 == 0 and at:
                at, last = at // 2, last // 2
        else:
            second = node(second, part)
        at, last = at // 2, last // 2
    return last == 0 and first == old_root and second == new_root


@dataclass
class Growing:
    """A tree that only grows: the roots of its whole subtrees (a compact range) are all it keeps.

    ``peaks`` are pairs of a number of leaves, each a power of two, and the root over them.
    """

    peaks: list[tuple[int, bytes]] = field(default_factory=list)
    hashing: TreeHash = OF_SHA256

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return sum(size for size, _ in self.peaks)

    def add(self, found: bytes, leaves: int = 1) -> None:
        """Append a leaf, or the root over so many; the size so far must be a multiple of them."""
        self.peaks.append((leaves, found))
        while len(self.peaks) > 1 and self.peaks[-1][0] == self.peaks[-2][0]:
            (size, left), (_, right) = self.peaks[-2:]
            self.peaks[-2:] = [(2 * size, self.hashing.node(left, right))]

    def root(self, more: Sequence[bytes] = ()) -> bytes:
        """The root, as if the leaves ``more`` had been added; raises ValueError for an empty tree."""
        grown = Growing(list(self.peaks), self.hashing)
        for leaf in more:
            grown.add(leaf)
        if not grown.peaks:
            raise ValueError("an empty tree has nothing to prove")
        found = grown.peaks[-1][1]
        for _, left in reversed(grown.peaks[:-1]):
            found = self.hashing.node(left, found)
        return found


# Private


def _path(index: int, begin: int, end: int, subtree: Subtree) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = begin + _split(end - begin)
    if index < middle:
        return [*_path(index, begin, middle, subtree), subtree(middle, end)]
    return [*_path(index, middle, end, subtree), subtree(begin, middle)]


def _subproof(old: int, begin: int, end: int, subtree: Subtree, *, whole: bool) -> list[bytes]:
    if old == end:
        return [] if whole else [subtree(begin, end)]
    middle = begin + _split(end - begin)
    if old <= middle:
        return [*_subproof(old, begin, middle, subtree, whole=whole), subtree(middle, end)]
    return [*_subproof(old, middle, end, subtree, whole=False), subtree(begin, middle)]


def _split(size: int) -> int:
    """The largest power of two that is smaller than ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _hashes(*found: bytes) -> bool:
    return all(len(one) == HASH_BYTES for one in found)
