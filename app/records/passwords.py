"""Passwords as they are kept: Argon2id, and older hashes until their holder signs in again."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from werkzeug.security import check_password_hash

# OWASP's second choice for Argon2id: little memory, so that eight people may sign in at once.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
# Of a password that nobody knows: checking it costs what checking a real one costs.
NOBODYS = (
    "$argon2id$v=19$m=19456,t=2,p=1$uH8cNUcvw8bJAFrtGBy7mA$"
    "Y6ASh7I8mBKmIDRDgHd3T2jrpQ7t1vMhGZEYvhlFutM"
)
ARGON2 = "$argon2"


def hash_password(password: str) -> str:
    """The hash to keep of a password."""
    return HASHER.hash(password)


def is_password(kept: str | None, password: str) -> bool:
    """Whether a password is the one that was kept; without one the same work is done in vain."""
    if kept is not None and not kept.startswith(ARGON2):
        return check_password_hash(kept, password)
    try:
        HASHER.verify(kept or NOBODYS, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Whether a hash is not what would be made of the password today."""
    return not kept.startswith(ARGON2) or HASHER.check_needs_rehash(kept)
