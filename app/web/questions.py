"""What somebody typed to look for people, as a token for addresses: whoever reads the address learns nothing of it.

A token is sealed for one account (AES-SIV, RFC 5297, under a key of the portal's secret key), and good on the day
that it is made and the next. Those of saved views last.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.kernel.errors import Refused
from app.kernel.messages import _l

KEY_BYTES = 64
LASTING = 0
GOOD_DAYS = 2


@dataclass(frozen=True)
class Sealer:
    """Makes and opens the tokens of one account."""

    secret_key: str
    account: int
    today: date

    def seal(self, typed: Mapping[str, str]) -> str:
        """A token for the addresses of today."""
        return self._sealed(typed, self.today.toordinal())

    def seal_lasting(self, typed: Mapping[str, str]) -> str:
        """A token that does not grow old."""
        return self._sealed(typed, LASTING)

    def open(self, token: str) -> dict[str, str]:
        """What was typed; raises Refused for a token of somebody else, one that is too old, and none."""
        try:
            sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            plain = _cipher(self.secret_key).decrypt(sealed, [self._beside])
        except (InvalidTag, ValueError, binascii.Error) as fault:
            raise Refused(
                _l("This search is not yours, or no longer known. Please search again.")
            ) from fault
        day, typed = json.loads(plain)
        if day != LASTING and not 0 <= self.today.toordinal() - day < GOOD_DAYS:
            raise Refused(_l("This search is not yours, or no longer known. Please search again."))
        return {str(name): str(text) for name, text in typed.items()}

    # Private

    @property
    def _beside(self) -> bytes:
        return f"account {self.account}".encode()

    def _sealed(self, typed: Mapping[str, str], day: int) -> str:
        plain = json.dumps([day, dict(typed)], ensure_ascii=False, separators=(",", ":"))
        sealed = _cipher(self.secret_key).encrypt(plain.encode(), [self._beside])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


# Private


@lru_cache(maxsize=8)
def _cipher(secret_key: str) -> AESSIV:
    derived = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"storewarden searches/1")
    return AESSIV(derived.derive(secret_key.encode()))
