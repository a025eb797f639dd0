"""Setting up a second factor: the picture that a phone reads, the first code, the recovery codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import segno
from flask import render_template

from app.audit.actions import AuditAction
from app.kernel.errors import Invalid, PortalError
from app.kernel.messages import _l
from app.records.accounts import username_of
from app.records.second_factor import FactorKey, address_of, enrol, new_secret, step_of
from app.web.contexts import Crumb
from app.web.locale import say
from app.web.sessions import current_session
from app.web.sign_in import outcome
from app.web.signing_in import note
from app.web.state import Scope

PENDING = "pending factor"
QUIET = 4


@dataclass(frozen=True, slots=True)
class EnrolContext:
    """``accounts/enrol.html``; the picture is a path of unit squares in a square of ``size``."""

    title: str
    action: str
    size: int
    path: str
    secret: str
    problem: str
    breadcrumbs: tuple[Crumb, ...]


@dataclass(frozen=True, slots=True)
class CodesContext:
    """``accounts/codes.html``"""

    title: str
    codes: tuple[str, ...]
    next_url: str
    breadcrumbs: tuple[Crumb, ...]


def enrol_page(here: Scope, account_id: int, action: str, error: PortalError | None) -> Any:
    """The page with a new secret, which the session remembers until its first code comes."""
    own = current_session()
    secret = own.get(PENDING) or new_secret()
    own[PENDING] = secret
    issuer = here.schema.portal.label.text(here.language)
    size, path = picture(address_of(secret, username_of(here.session, account_id), issuer))
    title = say(_l("Set up the second factor"), here.language)
    problems = error.problems.get("code", ()) if isinstance(error, Invalid) else ()
    said = problems[0] if problems else error.message if error else None
    page = EnrolContext(
        title, action, size, path,
        " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        say(said, here.language) if said else "", (Crumb(title),),
    )  # fmt: skip
    return render_template("accounts/enrol.html", page=page), *outcome(error)


def confirm(here: Scope, account_id: int, code: str) -> tuple[str, ...]:
    """Keep the pending secret once its first code is right, in the caller's transaction; the recovery codes."""
    secret, now = str(current_session().get(PENDING, "")), here.state.runtime.clock.now()
    step = step_of(secret, code, now) if secret else None
    if step is None:
        text = _l("This is not the code that the phone shows now. Is its clock right?")
        raise Invalid({"code": (text,)})
    key = FactorKey(here.state.settings.secret_key)
    codes = enrol(here.session, account_id, secret, step, key, now)
    current_session().pop(PENDING, None)
    note(AuditAction.FACTOR_SET, account_id, username_of(here.session, account_id))
    return codes


def codes_page(here: Scope, codes: tuple[str, ...], following: str) -> Any:
    """The recovery codes, shown this once."""
    title = say(_l("Recovery codes"), here.language)
    page = CodesContext(title, codes, following, (Crumb(title),))
    return render_template("accounts/codes.html", page=page)


def picture(text: str) -> tuple[int, str]:
    """A QR code as the size of its square and the path of its dark fields."""
    matrix = segno.make(text, error="m", micro=False).matrix
    dark = (
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, row in enumerate(matrix)
        for x, field in enumerate(row)
        if field
    )
    return len(matrix) + 2 * QUIET, "".join(dark)
