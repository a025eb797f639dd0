"""Forms that were sent after their session had ended: kept for an hour, sealed, for one account."""

from __future__ import annotations

import hashlib
import secrets
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.storage.session_tables import PORTAL_KEPT_FORM as TABLE

KEPT_FOR = timedelta(hours=1)
MOST_OF_ACCOUNT = 5
NONCE_BYTES = 12
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where the forms of one account lie; ``secret_key`` is the portal's."""

    session: Session
    secret_key: str
    account_id: int
    now: datetime

    def keep(self, plain: bytes) -> str:
        """Keep a form, in the caller's transaction; returns the name by which it is found again.

        An account has five at the most; the oldest make room.
        """
        name, nonce = secrets.token_urlsafe(32), secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher(name).encrypt(nonce, zlib.compress(plain), self._beside)
        forget_forms(self.session, self.now)
        newest = select(TABLE.c.digest).where(TABLE.c.account_id == self.account_id)
        kept = newest.order_by(TABLE.c.at.desc()).limit(MOST_OF_ACCOUNT - 1)
        mine = TABLE.c.account_id == self.account_id
        self.session.execute(delete(TABLE).where(mine, TABLE.c.digest.not_in(kept)))
        values = {"digest": _digest(name), "account_id": self.account_id, "sealed": sealed, "at": self.now}  # fmt: skip
        self.session.execute(insert(TABLE).values(values))
        return name

    def find(self, name: str) -> bytes | None:
        """A form by its name; None when it is somebody else's, was kept too long, or never was."""
        mine = (TABLE.c.account_id == self.account_id) & (TABLE.c.digest == _digest(name))
        sealed = self.session.scalar(
            select(TABLE.c.sealed).where(mine, TABLE.c.at > self.now - KEPT_FOR)
        )
        if sealed is None:
            return None
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return zlib.decompress(self._cipher(name).decrypt(nonce, rest, self._beside))
        except InvalidTag:
            return None

    @property
    def _beside(self) -> bytes:
        return f"account {self.account_id}".encode()

    def _cipher(self, name: str) -> AESGCM:
        derived = HKDF(
            hashes.SHA256(), KEY_BYTES, salt=name.encode(), info=b"storewarden kept forms/1"
        )
        return AESGCM(derived.derive(self.secret_key.encode()))


def forget_forms(session: Session, now: datetime) -> None:
    """Forget what was kept for an hour, in the caller's transaction."""
    session.execute(delete(TABLE).where(TABLE.c.at <= now - KEPT_FOR))


# Private


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
