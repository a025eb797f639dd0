"""Tokens for programs: the addresses of Flask-AppBuilder's own, with the portal's checks and answers."""

from __future__ import annotations

from typing import Any

from flask import current_app, jsonify, request
from flask_appbuilder.api import BaseApi, expose
from flask_jwt_extended import create_access_token, create_refresh_token, verify_jwt_in_request
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import PyJWTError
from marshmallow import EXCLUDE, Schema, fields, validate

from app.audit.actions import AuditAction
from app.kernel.errors import ErrorCode, PortalError
from app.web.api import Unauthenticated, read_json
from app.web.limits import SignInLimit
from app.web.security import enter
from app.web.sign_in import LONGEST, TOO_MANY, WRONG, note
from app.web.state import scope

SIGN_IN = "/api/v1/security/login"
REFRESH = "/api/v1/security/refresh"


class SignInFields(Schema):
    """What a program sends to sign in; ``provider`` is what Flask-AppBuilder's clients send."""

    class Meta:
        """Clients may send more than is read."""

        unknown = EXCLUDE

    username = fields.String(required=True, validate=validate.Length(1, LONGEST))
    password = fields.String(required=True, validate=validate.Length(1, LONGEST))
    provider = fields.String(load_default="db", validate=validate.OneOf(["db"]))
    refresh = fields.Boolean(load_default=False)


class WrongPassword(Unauthenticated):
    """No such account, another password, or an account that is closed: all look the same."""

    def __init__(self) -> None:
        PortalError.__init__(self, WRONG)


class TooMany(PortalError):
    """Somebody tries one password after the other."""

    code = ErrorCode.TOO_MANY
    status = 429

    def __init__(self) -> None:
        super().__init__(TOO_MANY)


class TokenApi(BaseApi):
    """Signs programs in."""

    resource_name = "security"

    @expose("/login", methods=["POST"])
    def login(self) -> Any:
        """An access token, and one to renew it with when asked for."""
        enter(None)
        sent = read_json(SignInFields())
        limit: SignInLimit = current_app.extensions["sign_in_limit"]
        username = sent["username"].strip()
        if limit.exceeded(request.remote_addr or "", username):
            raise TooMany
        readable = "\0" not in username + sent["password"]
        user = self.appbuilder.sm.auth_user_db(username, sent["password"]) if readable else None
        if user is None:
            note(AuditAction.SIGN_IN_REFUSED, None, username.replace("\0", ""))
            raise WrongPassword
        note(AuditAction.SIGNED_IN, int(user.id), username)
        body = {"access_token": create_access_token(identity=str(user.id), fresh=True)}
        if sent["refresh"]:
            body["refresh_token"] = create_refresh_token(identity=str(user.id))
        return jsonify(body)

    @expose("/refresh", methods=["POST"])
    def refresh(self) -> Any:
        """A new access token for one to renew it with."""
        enter(None)
        try:
            verify_jwt_in_request(refresh=True)
        except (JWTExtendedException, PyJWTError) as error:
            raise Unauthenticated from error
        here = scope()
        if here.known is None:
            raise Unauthenticated
        identity = str(here.actor.account_id)
        return jsonify(access_token=create_access_token(identity=identity, fresh=False))

    def add_api_spec(self, api_spec: Any) -> None:
        """The description is generated from the schema as a whole."""
