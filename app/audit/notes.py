"""Checkpoints as signed notes: text that people can read and every tool of C2SP can check.

The formats are C2SP tlog-checkpoint and signed-note with Ed25519 (https://c2sp.org/tlog-checkpoint).
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from app.audit.canonical import moment_text
from app.audit.merkle import HASH_BYTES
from app.kernel.digests import SHA256
from app.kernel.errors import Unavailable
from app.storage.audit_tables import algorithm_of

ED25519 = b"\x01"
SIGNATURE_BYTES = 64
_TEXT = re.compile(
    r"([^\n +]+)\n([1-9][0-9]{0,18})\n([A-Za-z0-9+/]{43}=)\nalgorithm ([a-z0-9]+)\ntime (\S+)\n\n"
    "\u2014 ([^\n +]+) ([A-Za-z0-9+/]+={0,2})\n"
)


class BadNote(ValueError):
    """A text that is no checkpoint, or one that its key did not sign."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: a log, so many entries, the root over them, and when."""

    origin: str
    size: int
    root: bytes
    at: datetime

    @property
    def algorithm(self) -> str:
        """The hash of its tree, as the name of the log says; raises Unavailable for one that is not known."""
        return algorithm_of(self.origin)

    @property
    def text(self) -> str:
        """The signed text."""
        root = base64.b64encode(self.root).decode()
        hashed = f"algorithm {self.algorithm}\ntime {moment_text(self.at)}"
        return f"{self.origin}\n{self.size}\n{root}\n{hashed}\n"

    @property
    def short(self) -> str:
        """Size and first eight bytes of the root, as printed on paper; a hash other than SHA-256 is named."""
        named = "" if self.algorithm == SHA256 else f"{self.algorithm}-"
        return f"{self.size}-{named}{self.root[:8].hex()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A checkpoint with its signature, as it is kept, mailed and read aloud."""

    checkpoint: Checkpoint
    key_hash: bytes
    signature: bytes

    @property
    def text(self) -> str:
        """The whole note."""
        line = base64.b64encode(self.key_hash + self.signature).decode()
        return f"{self.checkpoint.text}\n\u2014 {self.checkpoint.origin} {line}\n"

    def signed_by(self, public: bytes) -> bool:
        """Whether the holder of this key (32 bytes) signed it."""
        if self.key_hash != key_hash(self.checkpoint.origin, public):
            return False
        try:
            key = Ed25519PublicKey.from_public_bytes(public)
            key.verify(self.signature, self.checkpoint.text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> Note:
    """The note of a checkpoint."""
    public = key.public_key().public_bytes_raw()
    signature = key.sign(checkpoint.text.encode())
    return Note(checkpoint, key_hash(checkpoint.origin, public), signature)


def parse(text: str) -> Note:
    """The note that a text spells, by its one spelling; raises BadNote, also for an empty log.

    One that names another hash than its log, or one that nobody here knows, is none.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise BadNote("not a checkpoint")
    origin, size, root, algorithm, time, signer, line = found.groups()
    try:
        blob = base64.b64decode(line, validate=True)
        checkpoint = Checkpoint(
            origin, int(size), base64.b64decode(root, validate=True), datetime.fromisoformat(time)
        )
    except (ValueError, binascii.Error) as fault:
        raise BadNote("not a checkpoint") from fault
    note = Note(checkpoint, blob[:4], blob[4:])
    if algorithm != _algorithm(origin):
        raise BadNote("not the hash of its log")
    sound = len(checkpoint.root) == HASH_BYTES and len(note.signature) == SIGNATURE_BYTES
    if signer != origin or not sound or note.text != text:
        raise BadNote("not a checkpoint")
    return note


def find(text: str) -> Note:
    """The first note in a text such as a mail; raises BadNote."""
    found = _TEXT.search(text.replace("\r\n", "\n"))
    return parse(found[0] if found else "")


def key_hash(name: str, public: bytes) -> bytes:
    """Which key a signature line speaks of: the first four bytes over name, kind and key."""
    return sha256(name.encode() + b"\n" + ED25519 + public).digest()[:4]


def fingerprint(public: bytes) -> str:
    """SHA-256 of a public key, for people to compare."""
    return sha256(public).hexdigest()


# Private


def _algorithm(origin: str) -> str | None:
    try:
        return algorithm_of(origin)
    except Unavailable:
        return None
