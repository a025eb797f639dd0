"""Every bit of a sealed file counts, and every chunk has its place: nothing is used of one that was touched."""

from __future__ import annotations

import io
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.features.backups.container import Manifest, PartReader, PartWriter
from app.features.backups.sealing import (
    CHUNK,
    TAG,
    SealedReader,
    SealedWriter,
    ends_well,
    header_of,
    name_of,
)
from app.kernel.errors import Refused

KEY = bytes(range(32))
MADE = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
SEALED = CHUNK + TAG
BIG = secrets.token_bytes(3 * CHUNK + 1234)


def sealed(content: bytes, key: bytes = KEY) -> bytes:
    """A sealed stream."""
    out = io.BytesIO()
    writer = SealedWriter(out, key, MADE)
    writer.write(content)
    writer.close()
    return out.getvalue()


def plain(stream: bytes, key: bytes = KEY) -> bytes:
    """What a sealed stream holds."""
    return SealedReader(io.BytesIO(stream), key).read(10**9)


def cut(stream: bytes) -> tuple[bytes, list[bytes]]:
    """The header, and the chunks."""
    place = io.BytesIO(stream)
    header = header_of(place).text
    body = place.read()
    return header, [body[begin : begin + SEALED] for begin in range(0, len(body), SEALED)]


FILE = sealed(BIG)


@pytest.mark.parametrize("size", [1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 2 * CHUNK + 5])
def test_what_was_sealed_is_read_again(size: int) -> None:
    content = secrets.token_bytes(size)
    stream = sealed(content)
    assert plain(stream) == content
    # As many chunks as are needed, and the last one is never empty.
    assert [len(one) - TAG for one in cut(stream)[1]][-1] == (size - 1) % CHUNK + 1
    assert ends_well(io.BytesIO(stream), KEY)


def test_small_pieces_make_the_same_as_one_large_piece() -> None:
    out = io.BytesIO()
    writer = SealedWriter(out, KEY, MADE)
    for begin in range(0, len(BIG), 777):
        writer.write(BIG[begin : begin + 777])
    writer.close()
    assert plain(out.getvalue()) == BIG


def test_each_bit_of_a_small_file_counts() -> None:
    stream = sealed(b"all that there is")
    for place in range(len(stream)):
        for bit in range(8):
            changed = bytearray(stream)
            changed[place] ^= 1 << bit
            with pytest.raises(Refused):
                plain(bytes(changed))
            assert not ends_well(io.BytesIO(bytes(changed)), KEY)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(FILE) - 1), st.integers(0, 7))
def test_any_bit_of_a_large_file_counts(place: int, bit: int) -> None:
    changed = bytearray(FILE)
    changed[place] ^= 1 << bit
    with pytest.raises(Refused):
        plain(bytes(changed))


@pytest.mark.parametrize(
    "order",
    [
        (0, 1, 2), (0, 1), (0,), (), (1, 2, 3), (0, 2, 3), (0, 1, 3), (1, 0, 2, 3), (0, 2, 1, 3),
        (3, 1, 2, 0), (0, 0, 1, 2, 3), (0, 1, 1, 2, 3), (0, 1, 2, 3, 3), (0, 1, 2, 3, 0), (3,), (0, 1, 2, 2),
    ],
)  # fmt: skip
def test_chunks_that_are_missing_swapped_or_doubled_are_refused(order: Sequence[int]) -> None:
    header, chunks = cut(FILE)
    with pytest.raises(Refused):
        plain(header + b"".join(chunks[number] for number in order))


def test_a_cut_or_longer_file_is_refused() -> None:
    for size in (0, 1, 20, 100, len(FILE) - 1, len(FILE) - TAG, len(FILE) - SEALED):
        with pytest.raises(Refused):
            plain(FILE[:size])
        assert not ends_well(io.BytesIO(FILE[:size]), KEY)
    for more in (b"\0", b"\0" * SEALED, FILE):
        with pytest.raises(Refused):
            plain(FILE + more)
        assert not ends_well(io.BytesIO(FILE + more), KEY)


def test_a_chunk_of_another_file_is_refused() -> None:
    header, chunks = cut(FILE)
    _, others = cut(sealed(BIG))
    with pytest.raises(Refused):
        plain(header + b"".join([chunks[0], others[1], *chunks[2:]]))
    other_header, _ = cut(sealed(BIG))
    with pytest.raises(Refused):
        plain(other_header + b"".join(chunks))


def test_another_key_is_said_to_be_another() -> None:
    with pytest.raises(Refused, match="made with another key"):
        plain(FILE, bytes(32))
    assert name_of(KEY) != name_of(bytes(32))
    assert name_of(KEY) in FILE[:100].decode("ascii", "replace")


def test_equal_contents_look_different_each_time() -> None:
    assert sealed(BIG)[200:] != sealed(BIG)[200:]


def test_parts_come_back_with_a_manifest_that_fits() -> None:
    out = io.BytesIO()
    writer = PartWriter(SealedWriter(out, KEY, MADE))
    writer.add("database", [b"a" * 3 * 2**20, b"", b"b"])
    writer.add("files/x", [])
    told = Manifest("0.1.0", "m", 3, "d", {"public.a": 2}, "o", 5, "ff", ("files/y",))
    manifest = writer.end(told)
    reader = PartReader(out, KEY)
    assert [(name, b"".join(blocks)) for name, blocks in reader.parts()] == [
        ("database", b"a" * 3 * 2**20 + b"b"),
        ("files/x", b""),
    ]
    assert reader.manifest == manifest
    assert [(part.name, part.size) for part in manifest.parts] == [
        ("database", 3 * 2**20 + 1),
        ("files/x", 0),
    ]
    # Whoever leaves a part unread has it checked all the same.
    reader = PartReader(out, KEY)
    assert [name for name, _ in reader.parts()] == ["database", "files/x"]
    assert reader.manifest == manifest
