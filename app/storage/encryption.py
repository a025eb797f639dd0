"""Values that are kept encrypted: the column type, and the keys that an engine brings along.

A value is kept as ``e1.<index>.<key>.<content>``: a keyed digest of the plain text by which equal
values are found (a blind index), the number of the key, and nonce, ciphertext and tag of AES-256 or
SM4 in Galois/counter mode (NIST SP 800-38D, GB/T 36624), the first three parts being authenticated
with it. Whoever reads the database learns which values are equal, and nothing else of them. A value
that was moved from another row is not noticed here; the audit trail tells of that.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ColumnElement, Table, Text, func, literal, type_coerce
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator

from app.kernel.errors import SettingsError, Unavailable
from app.kernel.messages import _l

FORM = "e1"
# What marks a column whose values are encrypted, in the comment that the database keeps of it.
MARK = "encrypted"
KEPT = re.compile(rf"{FORM}\.[\w-]{{22}}\.(\d{{1,9}})\.[\w-]{{38,}}")
FILE = "field_keys.json"
NONCE_BYTES, INDEX_BYTES, TAG_BYTES = 12, 16, 16
AES, SM4 = "aes-256-gcm", "sm4-gcm"
CIPHERS = (AES, SM4)
ALGORITHMS = {AES: (algorithms.AES, 32), SM4: (algorithms.SM4, 16)}
DIGESTS = {AES: hashes.SHA256, SM4: hashes.SM3}


@dataclass(frozen=True)
class Key:
    """A key with its number, the cipher that it is for, and when it was made."""

    number: int
    cipher: str
    secret: bytes
    made: str

    def encrypt(self, nonce: bytes, plain: bytes, beside: bytes) -> bytes:
        """Ciphertext and tag."""
        worker = Cipher(self._algorithm, modes.GCM(nonce)).encryptor()
        worker.authenticate_additional_data(beside)
        return worker.update(plain) + worker.finalize() + worker.tag

    def digest(self, plain: bytes) -> bytes:
        """A keyed digest: HMAC with SHA-256, or with SM3 beside SM4."""
        worker = self._digest.copy()
        worker.update(plain)
        return worker.finalize()

    def decrypt(self, nonce: bytes, content: bytes, beside: bytes) -> bytes:
        """The plain text; raises InvalidTag."""
        tag = content[-TAG_BYTES:]
        worker = Cipher(self._algorithm, modes.GCM(nonce, tag)).decryptor()
        worker.authenticate_additional_data(beside)
        return worker.update(content[:-TAG_BYTES]) + worker.finalize()

    @cached_property
    def _algorithm(self) -> Any:
        algorithm, size = ALGORITHMS[self.cipher]
        return algorithm(_derived(self.secret, f"field {self.cipher}", size))

    @cached_property
    def _digest(self) -> hmac.HMAC:
        return hmac.HMAC(_derived(self.secret, "blind index", 32), DIGESTS[self.cipher]())


@dataclass(frozen=True, slots=True)
class Keys:
    """What the file holds: the keys by number, the newest of which encrypts, and that of the blind index."""

    by_number: dict[int, Key]
    index: Key
    stamp: tuple[int, int]

    @property
    def newest(self) -> Key:
        """The key that encrypts."""
        return self.by_number[max(self.by_number)]


@dataclass
class KeyRing:
    """The keys in a file of the home folder, made at the first use and read again when it changes."""

    place: Path
    cipher: str = AES
    _keys: Keys | None = field(default=None, repr=False)

    def encrypted(self, plain: str) -> str:
        """A value as it is kept; another one each time."""
        keys = self.keys()
        key = keys.newest
        beside = f"{FORM}.{self.index(plain)}.{key.number}"
        nonce = secrets.token_bytes(NONCE_BYTES)
        return f"{beside}.{_text(nonce + key.encrypt(nonce, plain.encode(), beside.encode()))}"

    def plain(self, kept: str) -> str:
        """The value; raises Unavailable when its key is missing, or it was tampered with."""
        beside, _, content = kept.rpartition(".")
        if not KEPT.fullmatch(kept):
            raise Unavailable(_l("An encrypted value is damaged; restore it from a backup."))
        number = int(beside.rpartition(".")[2])
        key = self.keys().by_number.get(number) or self.keys(anew=True).by_number.get(number)
        if key is None:
            raise Unavailable(
                _l("Key %(number)s is missing from %(place)s, and values are encrypted with it; restore the file.",
                   number=number, place=self.place.name)
            )  # fmt: skip
        both = _bytes(content)
        try:
            found = key.decrypt(both[:NONCE_BYTES], both[NONCE_BYTES:], beside.encode())
        except InvalidTag as fault:
            raise Unavailable(
                _l("An encrypted value is damaged; restore it from a backup.")
            ) from fault
        return found.decode()

    def index(self, plain: str) -> str:
        """The keyed digest by which equal values are found."""
        return _text(self.keys().index.digest(plain.encode())[:INDEX_BYTES])

    def keys(self, *, anew: bool = False) -> Keys:
        """The keys of this moment."""
        known = self._keys
        if known is None or anew or known.stamp != _stamp(self.place):
            known = self._keys = self._read()
        return known

    def rotate(self, made: str) -> int:
        """Add a key that encrypts from now on, in every process; its number. ``made`` is the day."""
        with _locked(self.place):
            keys = self.keys(anew=True)
            number = keys.newest.number + 1
            new = Key(number, self.cipher, secrets.token_bytes(32), made)
            self._write(keys.index, [*keys.by_number.values(), new])
        return number

    def forget(self, numbers: Iterable[int]) -> None:
        """Drop keys that nothing is encrypted with any more; never the newest."""
        with _locked(self.place):
            keys = self.keys(anew=True)
            gone = set(numbers) - {keys.newest.number}
            self._write(keys.index, [k for n, k in keys.by_number.items() if n not in gone])

    # Private

    def _read(self) -> Keys:
        if not self.place.exists():
            with _locked(self.place):
                if not self.place.exists():
                    first = Key(1, self.cipher, secrets.token_bytes(32), "")
                    index = Key(0, self.cipher, secrets.token_bytes(32), "")
                    self._write(index, [first])
        stamp = _stamp(self.place)
        try:
            told = json.loads(self.place.read_text("ascii"))
            keys = [_key(one) for one in told["keys"]]
            return Keys({key.number: key for key in keys}, _key(told["index"]), stamp)
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise SettingsError(
                _l("The keys of encrypted fields in %(place)s cannot be read; restore the file from a backup.",
                   place=str(self.place))
            ) from fault  # fmt: skip

    def _write(self, index: Key, keys: list[Key]) -> None:
        told = {"index": _told(index), "keys": [_told(key) for key in keys]}
        new = self.place.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            json.dump(told, stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        new.replace(self.place)
        self._keys = None


class _Equality(TypeDecorator.Comparator[str]):
    """Encrypted values are equal or not, there or not; anything else has no meaning."""

    def operate(self, op: Any, *other: Any, **named: Any) -> ColumnElement[Any]:
        """The comparison, by the blind index."""
        if op in (operators.is_, operators.is_not) or (other and other[0] is None):
            return super().operate(op, *other, **named)
        digest = blind_index(self.expr)
        if op in (operators.eq, operators.ne):
            beside = isinstance(other[0], ColumnElement)
            sought = blind_index(other[0]) if beside else literal(other[0], IndexOf())
            found: ColumnElement[Any] = op(digest, sought)
            return found
        if op in (operators.in_op, operators.not_in_op):
            among: ColumnElement[Any] = op(digest, [literal(one, IndexOf()) for one in other[0]])
            return among
        raise TypeError(f"{op} of an encrypted value")


class EncryptedText(TypeDecorator[str]):
    """A text that is encrypted with the keys of the engine on its way in, and plain again on its way out."""

    impl = Text
    cache_ok = True
    comparator_factory = _Equality

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """As it is kept."""
        return None if value is None else ring_of(dialect).encrypted(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """As it was given."""
        return None if value is None else ring_of(dialect).plain(value)


class IndexOf(TypeDecorator[str]):
    """The blind index of a plain text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The digest."""
        return None if value is None else ring_of(dialect).index(value)


def keys_within(text: str) -> set[int]:
    """The numbers of the keys that the encrypted values in a longer text need."""
    return {int(number) for number in KEPT.findall(text)}


def blind_index(column: Any) -> ColumnElement[str]:
    """The part of a kept value by which equal ones are found."""
    return func.split_part(type_coerce(column, Text), ".", 2)


def encrypted_columns(table: Table, names: Iterable[str]) -> list[str]:
    """Those of the named columns that are encrypted."""
    return [name for name in names if isinstance(table.c[name].type, EncryptedText)]


def give_keys(engine: Engine, ring: KeyRing) -> None:
    """Let an engine encrypt and decrypt with these keys."""
    engine.dialect.portal_keys = ring  # type: ignore[attr-defined]


def ring_of(dialect: Dialect) -> KeyRing:
    """The keys that an engine was given; raises Unavailable without any."""
    ring: KeyRing | None = getattr(dialect, "portal_keys", None)
    if ring is None:
        raise Unavailable(_l("This process was given no keys for encrypted fields."))
    return ring


# Private


def _derived(secret: bytes, purpose: str, size: int) -> bytes:
    """A key of its own for each purpose (RFC 5869)."""
    return HKDF(hashes.SHA256(), size, None, purpose.encode()).derive(secret)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _told(key: Key) -> dict[str, Any]:
    return {
        "number": key.number, "cipher": key.cipher, "secret": _text(key.secret), "made": key.made,
    }  # fmt: skip


def _key(told: Any) -> Key:
    if told["cipher"] not in CIPHERS:
        raise ValueError(told["cipher"])
    return Key(int(told["number"]), told["cipher"], _bytes(told["secret"]), str(told["made"]))


def _stamp(place: Path) -> tuple[int, int]:
    try:
        found = place.stat()
    except FileNotFoundError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    """One process at a time changes the file."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
