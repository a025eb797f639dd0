"""The key that signs checkpoints: a file in the home that the database never sees."""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from app.audit.durable import write_durable
from app.kernel.errors import SettingsError, Unavailable
from app.kernel.messages import _l

KEY_FILE, NEXT_FILE = "audit/key.pem", "audit/key.next.pem"
OWNER_READS = 0o400


def has_key(home: Path) -> bool:
    """Whether this home signs checkpoints."""
    return (home / KEY_FILE).exists()


def load_key(home: Path, name: str = KEY_FILE) -> Ed25519PrivateKey:
    """The key of this home; raises Unavailable when there is none, SettingsError when others may read it."""
    place = home / name
    if not place.exists():
        raise Unavailable(_l("This home has no key for checkpoints: %(place)s.", place=str(place)))
    if place.stat().st_mode & 0o077:
        raise SettingsError(
            _l("%(place)s can be read by others; run: chmod 400 %(place)s", place=str(place))
        )
    key = load_pem_private_key(place.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(_l("%(place)s holds no Ed25519 key.", place=str(place)))
    return key


def new_key() -> Ed25519PrivateKey:
    """A key by chance."""
    return Ed25519PrivateKey.generate()


def keep_key(home: Path, key: Ed25519PrivateKey, name: str = KEY_FILE) -> None:
    """Put the key into the home, in the place of the one before, whole or not at all."""
    place = home / name
    place.parent.mkdir(mode=0o700, exist_ok=True)
    written = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_durable(place, written, mode=OWNER_READS)


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The public half, 32 bytes."""
    return key.public_key().public_bytes_raw()


def public_pem(key: Ed25519PrivateKey) -> str:
    """The public half as openssl reads it."""
    found = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return found.decode()


def public_text(public: bytes) -> str:
    """A public key as entries announce it."""
    return base64.b64encode(public).decode()
