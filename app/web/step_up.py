"""Dangerous deeds ask for a fresh proof of who one is: the password or a code, within ten minutes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import urlencode

from flask import Response, redirect, request

from app.kernel.errors import ErrorCode, PortalError
from app.kernel.messages import _l
from app.web.state import scope

PROVE = "/prove/"
FRESH = timedelta(minutes=10)
Page = TypeVar("Page", bound=Callable[..., Any])


class ProofNeeded(PortalError):
    """The session is open, but the last proof of who uses it is too old for this; ``back`` is where to go on."""

    code = ErrorCode.FORBIDDEN
    status = 403

    def __init__(self, back: str = "/") -> None:
        super().__init__(_l("Please prove again that it is you, then do this once more."))
        self.back = back


def require_step_up(back: str = "/") -> None:
    """Raise ProofNeeded unless a password or a code was given in this session within ten minutes.

    A browser is led to the page that asks for it, and afterwards to ``back``; a program signs in anew.
    """
    here = scope()
    now = here.state.runtime.clock.now()
    if here.sitting is None or now - here.sitting.proved_at > FRESH:
        raise ProofNeeded(back)


def after_step_up(back: str) -> Callable[[Page], Page]:
    """A page or endpoint whose POST asks for a fresh proof; put below ``signed_in`` or ``authenticated``."""

    def decorate(page: Page) -> Page:
        @functools.wraps(page)
        def wrapped(*arguments: Any, **named: Any) -> Any:
            if request.method != "GET":
                require_step_up(back)
            return page(*arguments, **named)

        return wrapped  # type: ignore[return-value]

    return decorate


def to_proof(back: str) -> Any:
    """To the page that asks for a proof; parts of pages ask for a whole reload."""
    address = f"{PROVE}?{urlencode({'next': back})}"
    if request.headers.get("HX-Request"):
        return Response(status=403, headers={"HX-Redirect": address})
    return redirect(address)
