"""Signing in with the company's account: OpenID Connect, the code flow with PKCE, by the checked sender alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from app.features.notifications.outward import Undelivered, ask
from app.kernel.errors import Refused
from app.kernel.messages import _l
from app.settings import Settings

ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
DISCOVERY = "/.well-known/openid-configuration"
LEEWAY = 60
ONCE_BYTES = 12
OK = 200
# What an issuer says when it asked for more than a password (RFC 8176).
SECOND_FACTORS = frozenset({"mfa", "otp", "hwk"})
FAILED = _l(
    "The company's sign-in did not answer as it should. Please try again, or use your password."
)


@dataclass(frozen=True, slots=True)
class Ticket:
    """What belongs to one sign-in; all of it follows from the browser's identifier, so nothing is kept."""

    nonce: str
    verifier: str

    @property
    def challenge(self) -> str:
        """The digest of the verifier (RFC 7636, S256)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Person:
    """Whom the issuer vouches for, and whether it asked for a second factor."""

    username: str
    by_second_factor: bool


def ticket_of(settings: Settings, sid: str) -> Ticket:
    """The ticket of a browser."""

    def derived(what: str) -> str:
        said = f"oidc {what}:{sid}".encode()
        digest = hmac.new(settings.secret_key.encode(), said, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    return Ticket(derived("nonce"), derived("verifier"))


def state_of(settings: Settings, sid: str, following: str) -> str:
    """Where the sign-in leads on, sealed for this browser alone: the issuer cannot read it either."""
    once = secrets.token_bytes(ONCE_BYTES)
    sealed = _seal(settings).encrypt(once, following.encode(), sid.encode())
    return base64.urlsafe_b64encode(once + sealed).decode()


def following_of(settings: Settings, sid: str, state: str) -> str:
    """What ``state_of`` sealed for this browser; raises Refused for anything else."""
    try:
        sent = base64.urlsafe_b64decode(state.encode())
        once, sealed = sent[:ONCE_BYTES], sent[ONCE_BYTES:]
        return _seal(settings).decrypt(once, sealed, sid.encode()).decode()
    except (InvalidTag, ValueError) as fault:
        raise Refused(FAILED) from fault


def address_of(settings: Settings, ticket: Ticket, state: str, back: str) -> str:
    """Where the browser goes to sign in; raises Refused when the issuer does not answer."""
    found = str(_discovered(settings).get("authorization_endpoint", ""))
    if urlsplit(found).scheme not in ("https", "http"):
        raise Refused(FAILED)
    asked = {
        "response_type": "code", "client_id": settings.oidc_client_id, "redirect_uri": back,
        "scope": "openid profile", "state": state, "nonce": ticket.nonce,
        "code_challenge": ticket.challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return f"{found}{'&' if '?' in found else '?'}{urlencode(asked)}"


def person_of(settings: Settings, ticket: Ticket, code: str, back: str, now: datetime) -> Person:
    """Whom a code stands for; raises Refused for one that is not good in every way."""
    known = _discovered(settings)
    sent = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": back,
        "code_verifier": ticket.verifier, "client_id": settings.oidc_client_id,
    }  # fmt: skip
    plain = f"{quote(settings.oidc_client_id)}:{quote(settings.oidc_client_secret)}"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Authorization": f"Basic {base64.b64encode(plain.encode()).decode()}",
    }
    given = _asked(
        settings, "POST", str(known["token_endpoint"]), urlencode(sent).encode(), headers
    )
    keys = _asked(settings, "GET", str(known["jwks_uri"]))
    claims = _checked(settings, ticket, str(given.get("id_token", "")), keys, now)
    username = claims.get(settings.oidc_claim)
    if not isinstance(username, str) or not username or "\0" in username:
        raise Refused(FAILED)
    methods = claims.get("amr", [])
    return Person(username, bool(SECOND_FACTORS.intersection(map(str, methods))))


# Private


def _seal(settings: Settings) -> AESGCM:
    return AESGCM(hashlib.sha256(b"oidc state:" + settings.secret_key.encode()).digest())


def _checked(
    settings: Settings, ticket: Ticket, token: str, keys: Mapping[str, Any], now: datetime
) -> Mapping[str, Any]:
    """The claims of an ID token (OpenID Connect Core, 3.1.3.7)."""
    registry = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY,
        iss={"essential": True, "value": settings.oidc_issuer},
        aud={"essential": True, "value": settings.oidc_client_id},
        nonce={"essential": True, "value": ticket.nonce},
        exp={"essential": True},
        iat={"essential": True},
        sub={"essential": True},
    )
    try:
        known = KeySet.import_key_set({"keys": list(keys["keys"])})
        claims = jwt.decode(token, known, algorithms=ALGORITHMS).claims
        registry.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError) as fault:
        raise Refused(FAILED) from fault
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != settings.oidc_client_id:
        raise Refused(FAILED)
    return claims


def _discovered(settings: Settings) -> Mapping[str, Any]:
    """What the issuer says of itself."""
    found = _asked(settings, "GET", settings.oidc_issuer + DISCOVERY)
    if (
        found.get("issuer") != settings.oidc_issuer
        or not {"token_endpoint", "jwks_uri"} <= found.keys()
    ):
        raise Refused(FAILED)
    return found


def _asked(
    settings: Settings,
    method: str,
    url: str,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Mapping[str, Any]:
    """A JSON object from the issuer's host, or from one that messages may be sent to."""
    host = urlsplit(settings.oidc_issuer).hostname or ""
    allowed = replace(settings, webhook_hosts=(host, *settings.webhook_hosts))
    try:
        answer = ask(
            method, url, body, allowed, headers={"Accept": "application/json", **(headers or {})}
        )
        read = json.loads(answer.body) if answer.status == OK else None
    except (Undelivered, ValueError, RecursionError) as fault:
        raise Refused(FAILED) from fault
    if not isinstance(read, dict):
        raise Refused(FAILED)
    return read
