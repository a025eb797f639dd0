"""The hashes that a log may be built with, and SM3 (GB/T 32905-2016) from whichever OpenSSL has it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

from app.kernel.errors import SettingsError
from app.kernel.messages import _l

SHA256, SM3 = "sha256", "sm3"
DIGESTS = (SHA256, SM3)
# Of bytes the 32 bytes of their digest.
Digest = Callable[[bytes], bytes]


def sm3_after(prefix: bytes, sources: Sequence[Callable[[bytes], Digest]] | None = None) -> Digest:
    """SM3 over ``prefix`` and what is given; raises SettingsError where no OpenSSL of this machine has it."""
    for source in sources if sources is not None else (of_python, of_cryptography):
        try:
            return source(prefix)
        except ValueError:
            continue
    raise SettingsError(_l(
        "The audit trail is hashed with SM3, and OpenSSL on this machine was built without it; install one that "
        "has SM3, or found a new trail with PORTAL_AUDIT_HASH=sha256."
    ))  # fmt: skip


def of_python(prefix: bytes) -> Digest:
    """SM3 of Python's own OpenSSL; raises ValueError without."""
    # A copy of a begun hash is quicker than looking the algorithm up by its name each time.
    begun = hashlib.new("sm3", prefix)

    def digest(data: bytes) -> bytes:
        worker = begun.copy()
        worker.update(data)
        return worker.digest()

    return digest


def of_cryptography(prefix: bytes) -> Digest:
    """SM3 of the library, which has an OpenSSL of its own as a rule and is loaded only here; raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes

    try:
        begun = hashes.Hash(hashes.SM3())
    except UnsupportedAlgorithm as fault:
        raise ValueError("no SM3") from fault
    begun.update(prefix)

    def digest(data: bytes) -> bytes:
        worker = begun.copy()
        worker.update(data)
        return worker.finalize()

    return digest
