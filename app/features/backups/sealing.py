"""A stream sealed in chunks, so that nothing of it can be changed, cut, swapped or added to unnoticed.

The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance, 2015), as age and Tink use it: AES-256 in GCM over chunks of 64 KiB, whose nonces
are their number and whether they are the last one. The key of a file is made from the backup key, a salt of the
file and its whole header (HKDF, RFC 5869), so a changed header opens nothing and no two files share a key.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kernel.errors import Refused
from app.kernel.messages import Message, _l

MAGIC = b"storewarden-backup/1\n"
CHUNK, TAG, SALT, KEY = 2**16, 16, 32, 32
LONGEST_HEADER = 300
MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_HEADER = re.compile(
    rb'\{"key":"([0-9a-f]{16})","made":"([0-9TZ:-]{20})","salt":"([0-9a-f]{64})"\}\n'
)


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself in clear: when it was made, and by which key it opens."""

    made: datetime
    key: str
    salt: bytes
    text: bytes


class SealedWriter:
    """Seals what is written to it; without ``close`` the stream is not whole."""

    def __init__(self, stream: BinaryIO, key: bytes, made: datetime) -> None:
        salt = secrets.token_bytes(SALT)
        said = {"key": name_of(key), "made": f"{made.astimezone(UTC):{MOMENT}}", "salt": salt.hex()}
        header = MAGIC + json.dumps(said, separators=(",", ":")).encode() + b"\n"
        self._stream, self._cipher = stream, _cipher(key, salt, header)
        self._waiting, self._number = bytearray(), 0
        stream.write(header)

    def write(self, data: bytes) -> None:
        """Take more; the last chunk waits until it is known to be the last."""
        self._waiting += data
        while len(self._waiting) > CHUNK:
            self._seal(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]

    def close(self) -> None:
        """Seal the last chunk."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, plain: bytes, *, last: bool) -> None:
        self._stream.write(self._cipher.encrypt(_nonce(self._number, last=last), plain, None))
        self._number += 1


class SealedReader:
    """Opens a sealed stream from its beginning; raises Refused at the first chunk that is not as it was written."""

    def __init__(self, stream: BinaryIO, key: bytes) -> None:
        self.header = header_of(stream)
        if self.header.key != name_of(key):
            raise Refused(
                _l("This backup was made with another key (%(other)s; this one is %(own)s).",
                   other=self.header.key, own=name_of(key))
            )  # fmt: skip
        self._chunks = _opened(stream, _cipher(key, self.header.salt, self.header.text))
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Just so many bytes; fewer only at the end."""
        parts, wanted = [], size
        while wanted:
            if not self._left:
                more = next(self._chunks, None)
                if more is None:
                    break
                self._left = memoryview(more)
            parts.append(bytes(self._left[:wanted]))
            self._left = self._left[wanted:]
            wanted -= len(parts[-1])
        return b"".join(parts)


def header_of(stream: BinaryIO) -> Header:
    """The header at the beginning of a stream, which is read up to its end; raises Refused when it has none."""
    if stream.read(len(MAGIC)) != MAGIC:
        raise Refused(_l("This is no backup of a portal, or of a newer version."))
    line = stream.readline(LONGEST_HEADER)
    found = _HEADER.fullmatch(line)
    if found is None:
        raise Refused(damaged())
    try:
        made = datetime.strptime(found[2].decode(), MOMENT).replace(tzinfo=UTC)
    except ValueError as fault:
        raise Refused(damaged()) from fault
    return Header(made, found[1].decode(), bytes.fromhex(found[3].decode()), MAGIC + line)


def ends_well(stream: BinaryIO, key: bytes) -> bool:
    """Whether the first chunk and the last one open with the key: a cheap look at a file that was whole once."""
    try:
        header = header_of(stream)
    except Refused:
        return False
    begin, end = stream.tell(), stream.seek(0, 2)
    last = max(0, (end - begin - 1) // (CHUNK + TAG))
    cipher = _cipher(key, header.salt, header.text)
    try:
        for number in {0, last}:
            stream.seek(begin + number * (CHUNK + TAG))
            cipher.decrypt(_nonce(number, last=number == last), stream.read(CHUNK + TAG), None)
    except InvalidTag:
        return False
    return True


def name_of(key: bytes) -> str:
    """What a key is called, from which nothing of it can be told."""
    return _derived(key, None, b"storewarden backup key name", 8).hex()


def damaged() -> Message:
    """Why a backup is not used."""
    return _l("This backup was damaged or changed; nothing of it is used.")


# Private


def _opened(stream: BinaryIO, cipher: AESGCM) -> Iterator[bytes]:
    number, sealed = 0, stream.read(CHUNK + TAG)
    while True:
        after = stream.read(CHUNK + TAG)
        try:
            plain = cipher.decrypt(_nonce(number, last=not after), sealed, None)
        except InvalidTag as fault:
            raise Refused(damaged()) from fault
        yield plain
        if not after:
            return
        number, sealed = number + 1, after


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cipher(key: bytes, salt: bytes, header: bytes) -> AESGCM:
    return AESGCM(_derived(key, salt, header, KEY))


def _derived(key: bytes, salt: bytes | None, about: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, salt, about).derive(key)
