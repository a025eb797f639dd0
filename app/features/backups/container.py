"""What stands in a sealed stream: named parts of any length, then a manifest that says what they have to be."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, BinaryIO

from app.features.backups.sealing import SealedReader, SealedWriter, damaged
from app.kernel.errors import Refused
from app.kernel.messages import _l

FORMAT = 1
MANIFEST = "manifest"
LONGEST_NAME, LARGEST_BLOCK = 400, 2**20
_NAME, _BLOCK = struct.Struct(">H"), struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Part:
    """A part as the manifest names it; ``sha256`` is of its plain bytes, ``size`` counts them."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. ``rows`` counts the rows by table, ``missing`` names files that were not to be had.

    ``audit_root`` is the root of the trail's Merkle tree over its first ``audit_size`` entries, in hexadecimal.
    """

    version: str
    made: str
    revision: int
    schema_digest: str
    rows: Mapping[str, int]
    audit_origin: str
    audit_size: int
    audit_root: str
    missing: tuple[str, ...] = ()
    format: int = FORMAT
    parts: tuple[Part, ...] = field(default=())


class PartWriter:
    """Writes parts one after the other, and remembers what it wrote."""

    def __init__(self, out: SealedWriter) -> None:
        self.parts: list[Part] = []
        self._out = out

    def add(self, name: str, blocks: Iterable[bytes]) -> Part:
        """One part, of which no more than a block is held at once."""
        digest, size = hashlib.sha256(), 0
        called = name.encode()
        self._out.write(_NAME.pack(len(called)) + called)
        for block in blocks:
            for begin in range(0, len(block), LARGEST_BLOCK):
                piece = block[begin : begin + LARGEST_BLOCK]
                digest.update(piece)
                size += len(piece)
                self._out.write(_BLOCK.pack(len(piece)) + piece)
        self._out.write(_BLOCK.pack(0))
        made = Part(name, size, digest.hexdigest())
        self.parts.append(made)
        return made

    def end(self, manifest: Manifest) -> Manifest:
        """Write the manifest with the parts so far, and seal the end; the manifest as it was written."""
        told = asdict(manifest) | {"parts": [asdict(part) for part in self.parts]}
        self.add(MANIFEST, [json.dumps(told, ensure_ascii=False).encode()])
        self._out.close()
        return manifest_of(told)


class PartReader:
    """Reads a backup from its beginning to its end; ``manifest`` is there once ``parts`` was read to its end."""

    def __init__(self, stream: BinaryIO, key: bytes) -> None:
        stream.seek(0)
        self._sealed = SealedReader(stream, key)
        self._found: list[Part] = []
        self._manifest: Manifest | None = None

    @property
    def manifest(self) -> Manifest:
        """What the backup says of itself, held against what was read."""
        assert self._manifest is not None
        return self._manifest

    def parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each part with its blocks; what the caller leaves is read over. Raises Refused."""
        while True:
            name = self._exactly(*_NAME.unpack(self._exactly(_NAME.size))).decode()
            if name == MANIFEST:
                self._end(b"".join(self._blocks(name)))
                return
            blocks = self._blocks(name)
            yield name, blocks
            for _ in blocks:
                pass

    # Private

    def _blocks(self, name: str) -> Iterator[bytes]:
        digest, size = hashlib.sha256(), 0
        while length := _BLOCK.unpack(self._exactly(_BLOCK.size))[0]:
            block = self._exactly(length)
            digest.update(block)
            size += length
            yield block
        self._found.append(Part(name, size, digest.hexdigest()))

    def _exactly(self, size: int) -> bytes:
        found = self._sealed.read(size)
        if len(found) != size:
            raise Refused(damaged())
        return found

    def _end(self, told: bytes) -> None:
        self._manifest = manifest_of(json.loads(told))
        if self._found[:-1] != list(self._manifest.parts) or self._sealed.read(1):
            raise Refused(damaged())


def manifest_of(told: Mapping[str, Any]) -> Manifest:
    """A manifest from its JSON; raises Refused for a format that this version does not know."""
    if told.get("format") != FORMAT:
        raise Refused(_l("This backup is of a newer version of the portal."))
    parts = tuple(Part(**one) for one in told["parts"])
    return Manifest(**{**told, "parts": parts, "missing": tuple(told["missing"])})
