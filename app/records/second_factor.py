"""The second factor: codes of a phone by RFC 6238, each taken once, and ten codes for when the phone is lost."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.storage.session_tables import PORTAL_FACTOR as TABLE

PERIOD = 30
# A code of the step before or after is taken too, for clocks that differ.
NEIGHBOURS = (0, -1, 1)
RECOVERY_CODES = 10
RECOVERY_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
RECOVERY_LENGTH = 16
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class Factor:
    """That an account has a second factor: since when, and how many recovery codes are left."""

    set_at: datetime
    codes_left: int


class FactorKey:
    """Seals the secrets of second factors with a key that the database never sees."""

    def __init__(self, secret_key: str) -> None:
        self._cipher = AESGCM(hashlib.sha256(b"second factor:" + secret_key.encode()).digest())

    def seal(self, account_id: int, secret: str) -> bytes:
        """The secret, bound to its account."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), str(account_id).encode())

    def open(self, account_id: int, sealed: bytes) -> str | None:
        """The secret; None when it was sealed with another key or for another account."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, rest, str(account_id).encode()).decode()
        except InvalidTag:
            return None


def new_secret() -> str:
    """A secret by chance, 160 bits in base 32."""
    return pyotp.random_base32()


def address_of(secret: str, username: str, issuer: str) -> str:
    """What a phone reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def factor_of(session: Session, account_id: int) -> Factor | None:
    """The second factor of an account; None when it has none."""
    query = select(TABLE.c.set_at, func.jsonb_array_length(TABLE.c.codes))
    row = session.execute(query.where(TABLE.c.account_id == account_id)).first()
    return Factor(row[0], int(row[1])) if row else None


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, now or beside now; None for any other code."""
    current = int(now.timestamp()) // PERIOD
    said = "".join(code.split())
    totp = pyotp.TOTP(secret)
    found = [step for step in (current + n for n in NEIGHBOURS)
             if compare_digest(totp.generate_otp(step).encode(), said.encode())]  # fmt: skip
    return found[0] if found else None


def enrol(
    session: Session, account_id: int, secret: str, step: int, key: FactorKey, now: datetime
) -> tuple[str, ...]:
    """Keep a second factor whose first code was of ``step``; its recovery codes, which are shown once."""
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    values = {
        "secret": key.seal(account_id, secret),
        "codes": [_digest(code) for code in codes],
        "last_step": step,
        "set_at": now,
    }
    statement = insert(TABLE).values(account_id=account_id, **values)
    session.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))
    return codes


def remove_factor(session: Session, account_id: int) -> bool:
    """Forget the second factor of an account; false when it has none."""
    gone = delete(TABLE).where(TABLE.c.account_id == account_id).returning(TABLE.c.account_id)
    return session.execute(gone).first() is not None


def take_code(session: Session, account_id: int, code: str, key: FactorKey, now: datetime) -> bool:
    """Whether a code of the phone, or a recovery code, is good; it never is again."""
    row = session.execute(select(TABLE.c.secret).where(TABLE.c.account_id == account_id)).first()
    if row is None:
        return False
    secret = key.open(account_id, row.secret)
    step = step_of(secret, code, now) if secret is not None else None
    mine = TABLE.c.account_id == account_id
    if step is not None:
        newer = update(TABLE).where(mine, TABLE.c.last_step < step).values(last_step=step)
        return session.execute(newer.returning(TABLE.c.account_id)).first() is not None
    used = text(
        "UPDATE portal_factor SET codes = codes - CAST(:digest AS text)"
        " WHERE account_id = :id AND jsonb_exists(codes, :digest) RETURNING account_id"
    )
    return session.execute(used, {"id": account_id, "digest": _digest(code)}).first() is not None


# Private


def _recovery_code() -> str:
    made = "".join(secrets.choice(RECOVERY_LETTERS) for _ in range(RECOVERY_LENGTH))
    return "-".join(made[start : start + 4] for start in range(0, RECOVERY_LENGTH, 4))


def _digest(code: str) -> str:
    """Recovery codes are chosen by chance, 79 bits each, so one round of SHA-256 keeps them."""
    plain = "".join(char for char in code.lower() if char.isalnum())
    return hashlib.sha256(b"recovery:" + plain.encode()).hexdigest()
