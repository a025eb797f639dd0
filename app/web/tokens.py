"""Tokens for programs: the addresses of Flask-AppBuilder's own, with the portal's checks and answers."""

from __future__ import annotations

from typing import Any

from flask import jsonify
from flask_appbuilder.api import BaseApi, expose
from flask_jwt_extended import create_access_token, create_refresh_token, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from marshmallow import EXCLUDE, Schema, fields, validate

from app.access.sessions import SessionKind, Sitting, Stage
from app.audit.actions import AuditAction
from app.kernel.errors import Forbidden, PortalError
from app.kernel.messages import _l
from app.storage.database import unit_of_work
from app.web.api import Unauthenticated, read_json
from app.web.security import EPOCH, SID, enter, enter_by
from app.web.sessions import begin_for_program
from app.web.signing_in import LONGEST, next_stage, note, prove_code, prove_password
from app.web.state import scope

SIGN_IN = "/api/v1/security/login"
REFRESH = "/api/v1/security/refresh"
UNFINISHED = _l(
    "Please sign in on the page first: your account needs a new password or a second factor."
)


class SignInFields(Schema):
    """What a program sends to sign in; ``provider`` is what Flask-AppBuilder's clients send."""

    class Meta:
        """Clients may send more than is read."""

        unknown = EXCLUDE

    username = fields.String(required=True, validate=validate.Length(1, LONGEST))
    password = fields.String(required=True, validate=validate.Length(1, LONGEST))
    provider = fields.String(load_default="db", validate=validate.OneOf(["db"]))
    refresh = fields.Boolean(load_default=False)
    code = fields.String(load_default="", validate=validate.Length(max=LONGEST))


class CodeNeeded(Unauthenticated):
    """The password was right, and the account has a second factor."""

    def __init__(self) -> None:
        PortalError.__init__(self, _l("Send the code of your phone as “code”, too."))


class TokenApi(BaseApi):
    """Signs programs in."""

    resource_name = "security"

    @expose("/login", methods=["POST"])
    def login(self) -> Any:
        """An access token, and one to renew it with when asked for."""
        enter(None)
        sent = read_json(SignInFields())
        proved, here = prove_password(sent["username"].strip(), sent["password"]), scope()
        factor_at = None
        if sent["code"]:
            prove_code(proved.account_id, sent["code"])
            factor_at = here.state.runtime.clock.now()
        stage = next_stage(proved, factor_at)
        if stage == Stage.FACTOR:
            raise CodeNeeded
        if stage != Stage.WHOLE:
            raise Forbidden(UNFINISHED)
        with unit_of_work(here.session):
            sid = begin_for_program(proved.account_id)
            note(AuditAction.SIGNED_IN, proved.account_id, proved.username)
        found = enter_by(sid, kind=SessionKind.PROGRAM).sitting
        if found is None:
            raise Unauthenticated
        named = _named(found)
        body = {"access_token": create_access_token(fresh=True, **named)}
        if sent["refresh"]:
            body["refresh_token"] = create_refresh_token(**named)
        return jsonify(body)

    @expose("/refresh", methods=["POST"])
    def refresh(self) -> Any:
        """A new access token for one to renew it with."""
        enter(None)
        try:
            verify_jwt_in_request(refresh=True)
        except (JWTExtendedException, PyJWTError) as error:
            raise Unauthenticated from error
        sitting = scope().sitting
        if sitting is None:
            raise Unauthenticated
        return jsonify(access_token=create_access_token(fresh=False, **_named(sitting)))

    def add_api_spec(self, api_spec: Any) -> None:
        """The description is generated from the schema as a whole."""


# Private


def _named(sitting: Sitting) -> dict[str, Any]:
    """What a token says of its session; it holds no longer than that."""
    claims = {EPOCH: sitting.epoch, SID: sitting.sid_hash}
    return {"identity": str(sitting.account_id), "additional_claims": claims}
