"""The two addresses of signing in with the company's account: out to the issuer, and back."""

from __future__ import annotations

from typing import Any

from flask import redirect, request
from flask_appbuilder import BaseView, expose

from app.audit.actions import AuditAction
from app.features.accounts import oidc
from app.kernel.errors import NotFound, Refused
from app.kernel.messages import _l
from app.records.accounts import username_of
from app.records.signing_in import Proved, open_account
from app.storage.database import unit_of_work
from app.web.portal import Portal
from app.web.sessions import current_session
from app.web.signing_in import LONGEST, admit, note, safe_path
from app.web.state import Scope, scope

BACK = "/login/oidc/callback"
LONGEST_ANSWER = 4096
UNKNOWN = _l("No open account of this portal belongs to that company account.")


class OidcView(BaseView):
    """Signing in with the company's account."""

    route_base = "/login/oidc"
    default_view = "start"

    @expose("")
    def start(self) -> Any:
        """Off to the issuer, with a ticket of this browser."""
        here = _offered()
        own = current_session()
        if here.sitting is None:
            own.rename()
            own.wanted = True
        settings, following = here.state.settings, safe_path(request.args.get("next", ""))
        state = oidc.state_of(settings, own.sid, following)
        ticket = oidc.ticket_of(settings, own.sid)
        return redirect(oidc.address_of(settings, ticket, state, _back(here)))

    @expose("/callback")
    def callback(self) -> Any:
        """Back from the issuer: whoever it vouches for and has an open account is signed in."""
        here = _offered()
        settings, now = here.state.settings, here.state.runtime.clock.now()
        sid, code = current_session().sid, request.args.get("code", "")[:LONGEST_ANSWER]
        following = oidc.following_of(settings, sid, request.args.get("state", "")[:LONGEST_ANSWER])
        if not code:
            raise Refused(oidc.FAILED)
        person = oidc.person_of(settings, oidc.ticket_of(settings, sid), code, _back(here), now)
        with unit_of_work(here.session):
            account_id = open_account(here.session, person.username[:LONGEST])
            if account_id is None:
                note(AuditAction.SIGN_IN_REFUSED, None, person.username)
            else:
                username = username_of(here.session, account_id)
                proved = Proved(account_id, username, must_change=False)
                admit(proved, following, now if person.by_second_factor else None)
        if account_id is None:
            raise Refused(UNKNOWN)
        return redirect(following)


def register(portal: Portal) -> None:
    """Add the pages; they are there only where an issuer is set."""
    portal.add_pages(OidcView)


# Private


def _offered() -> Scope:
    here = scope()
    if not here.state.settings.oidc_issuer:
        raise NotFound
    return here


def _back(here: Scope) -> str:
    return (here.state.settings.public_url or request.host_url.rstrip("/")) + BACK
