"""The tree against the vectors of RFC 6962, against a second way to work it out, and against forgers."""

from __future__ import annotations

from hashlib import sha256

import pytest

from app.audit.merkle import (
    Growing,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of,
)

# The inputs and roots of the test of Certificate Transparency's reference implementation.
INPUTS = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAVES = [leaf_hash(bytes([number])) for number in range(40)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1 writes it: split at the largest power of two below n."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def subtree(begin: int, end: int) -> bytes:
    """Over the leaves of this module."""
    return by_definition(LEAVES[begin:end])


def test_the_vectors_of_certificate_transparency() -> None:
    leaves = [leaf_hash(bytes.fromhex(one)) for one in INPUTS]
    assert {size: root_of(leaves[:size]).hex() for size in ROOTS} == ROOTS
    assert root_of([]) == sha256(b"").digest()


def test_every_root_up_to_40_is_that_of_the_definition() -> None:
    for size in range(1, 41):
        assert root_of(LEAVES[:size]) == by_definition(LEAVES[:size])


def test_a_growing_tree_has_the_same_roots() -> None:
    tree, tiled = Growing(), Growing()
    for size in range(1, 41):
        tree.add(LEAVES[size - 1])
        if size % 8 == 0:
            tiled.add(root_of(LEAVES[size - 8 : size]), 8)
        assert tree.size == size
        assert (
            tree.root()
            == tiled.root(LEAVES[size - size % 8 : size])
            == by_definition(LEAVES[:size])
        )
    with pytest.raises(ValueError, match="empty tree"):
        Growing().root()


def test_every_inclusion_proof_up_to_40_holds_for_its_leaf_alone() -> None:
    for size in range(1, 41):
        root = root_of(LEAVES[:size])
        for index in range(size):
            proof = inclusion_proof(index, size, subtree)
            assert inclusion_holds(LEAVES[index], index, size, proof, root)
            assert not inclusion_holds(
                LEAVES[index - 1] if size > 1 else root[::-1], index, size, proof, root
            )
            assert not inclusion_holds(LEAVES[index], index, size, [*proof, root], root)
            assert not proof or not inclusion_holds(LEAVES[index], index, size, proof[:-1], root)


def test_every_consistency_proof_up_to_40_holds_for_its_roots_alone() -> None:
    roots = {size: root_of(LEAVES[:size]) for size in range(1, 41)}
    for new in range(1, 41):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, subtree)
            assert consistency_holds(old, new, roots[old], roots[new], proof)
            assert not consistency_holds(old, new, roots[new][::-1], roots[new], proof)
            assert not consistency_holds(old, new, roots[old], roots[old][::-1], proof)
            assert not consistency_holds(old, new, roots[old], roots[new], [*proof, roots[1]])
            for at in range(len(proof)):
                bent = [*proof[:at], node_hash(proof[at], proof[at]), *proof[at + 1 :]]
                assert not consistency_holds(old, new, roots[old], roots[new], bent)


@pytest.mark.parametrize(
    ("old", "new", "old_root", "proof"),
    [
        (0, 5, sha256(b"").digest(), []),
        (3, 5, root_of(LEAVES[:3]), []),
        (0, 0, b"", []),
        (3, 2, LEAVES[0], []),
        (1, 2, b"short", [LEAVES[1]]),
    ],
)
def test_empty_trees_and_short_hashes_prove_nothing(
    old: int, new: int, old_root: bytes, proof: list[bytes]
) -> None:
    assert not consistency_holds(old, new, old_root, root_of(LEAVES[:new]), proof)
    assert not inclusion_holds(old_root, 0, 0, proof, old_root)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        inclusion_proof(3, 3, subtree)
    with pytest.raises(ValueError, match="no proof from 0"):
        consistency_proof(0, 3, subtree)
