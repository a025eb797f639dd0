"""The mark of a drawn form: for which account and of which revision, sealed so that nobody makes one up."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from app.web.addresses import whole
from app.web.state import Scope

# No field can have this name.
FIELD = "_drawn"


@dataclass(frozen=True, slots=True)
class Mark:
    """Who a form was drawn for, and with the names of which revision."""

    account: int
    revision: int

    def sealed(self, secret_key: str) -> str:
        """The mark as a form carries it."""
        said = f"{self.account}.{self.revision}"
        key = hashlib.sha256(b"drawn:" + secret_key.encode()).digest()
        return f"{said}.{hmac.new(key, said.encode(), hashlib.sha256).hexdigest()[:32]}"


def mark_for(here: Scope) -> str:
    """The mark for a form that is about to be shown; strangers get none."""
    if here.actor.account_id is None:
        return ""
    mark = Mark(here.actor.account_id, here.state.runtime.revision)
    return mark.sealed(here.state.settings.secret_key)


def mark_of(form: Mapping[str, str], secret_key: str) -> Mark | None:
    """The mark of a sent form; None without one, or with one that is not ours."""
    text = form.get(FIELD, "")
    account, _, rest = text.partition(".")
    numbers = whole(account), whole(rest.partition(".")[0])
    if numbers[0] is None or numbers[1] is None:
        return None
    mark = Mark(numbers[0], numbers[1])
    good = hmac.compare_digest(mark.sealed(secret_key).encode(), text.encode())
    return mark if good else None
