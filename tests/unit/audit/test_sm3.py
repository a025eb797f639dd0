"""SM3 against the vectors of GB/T 32905-2016 and against each other, and the tree that it builds."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from app.audit import verify_bundle as outsider
from app.audit.hashing import hash_of, of_sm3
from app.audit.merkle import (
    Growing,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    root_of,
)
from app.audit.notes import BadNote, Checkpoint, parse, sign
from app.kernel.digests import Digest, of_cryptography, of_python, sm3_after
from app.kernel.errors import SettingsError, Unavailable
from app.settings import read_settings

ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
ABCD = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
EVERY: dict[str, Callable[[bytes], bytes]] = {
    "alone": outsider.plain_sm3,
    "outsider": outsider.sm3,
    "python": of_python(b""),
    "cryptography": of_cryptography(b""),
}
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
MORNING = datetime(2026, 6, 15, 4, tzinfo=UTC)
NAME = "0d4f0a62-5f2c-4e4c-9d0e-3a4d2f6b8f11"
# As it was signed before logs could be of another hash than SHA-256.
OLD_NOTE = f"""storewarden/{NAME}
40
TZDFmzUW8GAwcoq/OfUDPvHibPamkSNBidFs8uUohvM=
algorithm sha256
time 2026-06-15T04:00:00.000000Z

— storewarden/{NAME} 3o8xM0a9oU3a+kzaNxLa5Tdz1O+O9kIBbIkgCJLlYcwpXtVX0gunFRwfsQsy/zAU3sWa0YsVDdgkxf8Qnf5DQSB08wM=
"""
SM3_LOG = f"storewarden/sm3/{NAME}"


@pytest.mark.parametrize("name", EVERY)
def test_the_vectors_of_the_standard(name: str) -> None:
    assert EVERY[name](b"abc").hex() == ABC
    assert EVERY[name](b"abcd" * 16).hex() == ABCD


@given(st.binary(max_size=300), st.binary(max_size=70))
def test_each_way_to_work_it_out_has_the_same_digest(data: bytes, prefix: bytes) -> None:
    wanted = outsider.plain_sm3(prefix + data)
    assert {way(prefix)(data) for way in (of_python, of_cryptography)} == {wanted}
    assert outsider.sm3(prefix + data) == hashlib.new("sm3", prefix + data).digest() == wanted


def test_a_digest_begun_once_is_used_again_and_again() -> None:
    digest = sm3_after(b"a")
    assert [digest(b"bc").hex(), digest(b"bc").hex()] == [ABC, ABC]


def test_without_any_openssl_that_has_it_one_sentence_says_so() -> None:
    def has_none(prefix: bytes) -> Digest:
        raise ValueError(prefix)

    with pytest.raises(SettingsError, match=r"built without it; install one that has SM3, or"):
        sm3_after(b"", [has_none, has_none])
    # The second is asked where the first has none.
    assert sm3_after(b"", [has_none, of_cryptography])(b"abc").hex() == ABC


# The tree


SM3 = of_sm3()
LEAVES = [SM3.leaf(bytes([number])) for number in range(40)]


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1 of RFC 6962 writes it, with SM3."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = by_definition(leaves[:split]), by_definition(leaves[split:])
    return outsider.plain_sm3(b"\1" + left + right)


def subtree(begin: int, end: int) -> bytes:
    """Over the leaves of this module."""
    return root_of(LEAVES[begin:end], SM3)


def test_leaves_and_roots_are_those_of_the_definition() -> None:
    assert LEAVES[7] == outsider.plain_sm3(b"\0\7")
    assert root_of([], SM3) == outsider.plain_sm3(b"")
    tree = Growing(hashing=SM3)
    for size in range(1, 41):
        tree.add(LEAVES[size - 1])
        wanted = by_definition(LEAVES[:size])
        assert wanted == root_of(LEAVES[:size], SM3) == tree.root()
        assert wanted == tree.root([]) == Growing(hashing=SM3).root(LEAVES[:size])
    assert root_of(LEAVES, SM3) != root_of(LEAVES)


def test_every_proof_up_to_40_holds_with_sm3_alone_also_for_the_outsider() -> None:
    for size in range(2, 41):
        root = subtree(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, subtree)
            assert inclusion_holds(LEAVES[index], index, size, proof, root, SM3)
            assert outsider.included(LEAVES[index], index, size, proof, root, outsider.sm3)
            assert not inclusion_holds(LEAVES[index], index, size, proof, root)
            assert not outsider.included(LEAVES[index], index, size, proof, root)
        for old in range(1, size):
            proof = consistency_proof(old, size, subtree)
            given_ = old, size, subtree(0, old), root, proof
            assert consistency_holds(*given_, SM3)
            assert outsider.consistent(*given_, outsider.sm3)
            assert not consistency_holds(*given_)
            assert not outsider.consistent(*given_)


# The name of a log says its hash, and its checkpoints no other


def test_checkpoints_of_before_are_the_same_to_the_byte() -> None:
    note = parse(OLD_NOTE)
    public = KEY.public_key().public_bytes_raw()
    assert note.text == OLD_NOTE
    assert note.signed_by(public)
    assert note.checkpoint.algorithm == "sha256"
    assert note.checkpoint.short == "40-4d90c59b3516f060"
    assert sign(note.checkpoint, KEY).text == OLD_NOTE
    assert outsider.read_note(OLD_NOTE, public) == (
        f"storewarden/{NAME}", 40, note.checkpoint.root,
    )  # fmt: skip


def test_a_checkpoint_names_the_hash_of_its_log_on_screen_and_paper() -> None:
    checkpoint = Checkpoint(SM3_LOG, 40, subtree(0, 40), MORNING)
    root = base64.b64encode(checkpoint.root).decode()
    assert checkpoint.text == (
        f"{SM3_LOG}\n40\n{root}\nalgorithm sm3\ntime 2026-06-15T04:00:00.000000Z\n"
    )
    assert checkpoint.short == f"40-sm3-{checkpoint.root.hex()[:16]}"
    assert parse(sign(checkpoint, KEY).text).checkpoint == checkpoint


@pytest.mark.parametrize(
    ("origin", "algorithm"),
    [
        (SM3_LOG, "sha256"), (f"storewarden/{NAME}", "sm3"), (SM3_LOG, "SM3"), (SM3_LOG, "sha1"),
        (f"storewarden/sha1/{NAME}", "sha1"), (f"storewarden/sha1/{NAME}", "sha256"),
        (f"storewarden/sm3/sha256/{NAME}", "sha256"), (f"storewarden//{NAME}", ""),
    ],
)  # fmt: skip
def test_mixed_and_unknown_hashes_are_refused_though_the_key_signed_them(
    origin: str, algorithm: str
) -> None:
    text = signed_text(origin, algorithm)
    with pytest.raises(BadNote):
        parse(text)
    with pytest.raises(outsider.Wrong):
        outsider.read_note(text, KEY.public_key().public_bytes_raw())


def test_what_the_forger_of_this_test_signs_is_taken_when_nothing_is_mixed() -> None:
    for origin, algorithm in ((SM3_LOG, "sm3"), (f"storewarden/{NAME}", "sha256")):
        text = signed_text(origin, algorithm)
        assert parse(text).text == text
        assert outsider.read_note(text, KEY.public_key().public_bytes_raw())[0] == origin


def signed_text(origin: str, algorithm: str) -> str:
    """A note with any algorithm in it, well signed."""
    line = Checkpoint(f"storewarden/{NAME}", 40, LEAVES[0], MORNING).text
    said = line.replace("algorithm sha256", f"algorithm {algorithm}")
    said = said.replace(f"storewarden/{NAME}", origin)
    public = KEY.public_key().public_bytes_raw()
    known = hashlib.sha256(origin.encode() + b"\n\1" + public).digest()[:4]
    blob = base64.b64encode(known + KEY.sign(said.encode())).decode()
    return f"{said}\n— {origin} {blob}\n"


def test_a_log_of_a_hash_that_nobody_knows_is_refused() -> None:
    assert hash_of("storewarden/x").name == "sha256"
    assert hash_of("storewarden/sm3/x").name == "sm3"
    for origin in ("storewarden/blake3/x", "storewarden//x", "storewarden/SM3/x"):
        with pytest.raises(Unavailable, match="does not know"):
            hash_of(origin)


def test_the_setting_knows_two_hashes_and_leaves_it_to_the_log(tmp_path: Path) -> None:
    given_ = {"PORTAL_HOME": str(tmp_path)}
    assert read_settings(given_).audit_hash == ""
    assert read_settings(given_ | {"PORTAL_AUDIT_HASH": "sm3"}).audit_hash == "sm3"
    with pytest.raises(SettingsError, match="PORTAL_AUDIT_HASH must be sha256 or sm3"):
        read_settings(given_ | {"PORTAL_AUDIT_HASH": "md5"})
