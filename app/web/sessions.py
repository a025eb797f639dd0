"""Browser sessions: the cookie carries an opaque identifier and nothing else; the rest is on its row."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, Request, Response, g, request, session
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSession, SessionInterface

from app.access.sessions import SEEN_EVERY, Limits, SessionKind, Sitting, Stage, hash_of
from app.records.sessions import NewSession, begin_session, keep_session
from app.settings import Settings
from app.storage.database import unit_of_work
from app.web.state import state

CSRF = "csrf_token"
FOLLOWING = "following"
LANGUAGE_COOKIE = "language"
IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{43}")
NONCE_BYTES = 12
A_YEAR = 365 * 24 * 3600


class BrowserSession(SecureCookieSession):
    """What Flask knows as the session; ``sid`` is what the browser holds.

    The CSRF token follows from the identifier, so strangers have one without a row.
    """

    def __init__(self, key: bytes, sid: str) -> None:
        known = IDENTIFIER.fullmatch(sid) is not None
        self._key = key
        self.sid = sid if known else ""
        self.fresh = False
        self.wanted = False
        # The row that keeps what is remembered; strangers have none.
        self.row = ""
        self.seen_at: datetime | None = None
        super().__init__()
        if known:
            dict.__setitem__(self, CSRF, self._csrf())
        else:
            self.rename()

    def __getitem__(self, name: str) -> Any:
        self.wanted = self.wanted or name == CSRF
        return super().__getitem__(name)

    def rename(self) -> str:
        """A new identifier, which the browser is told; what is remembered stays."""
        self.sid, self.fresh = secrets.token_urlsafe(32), True
        dict.__setitem__(self, CSRF, self._csrf())
        g.pop(CSRF, None)
        return self.sid

    def take_up(self, sitting: Sitting, now: datetime) -> None:
        """Stand on a row, and remember what it kept."""
        self.row = sitting.sid_hash
        if sitting.kept is not None and sitting.kind == SessionKind.BROWSER:
            dict.update(self, _opened(self.sid, sitting.kept))
        if now - sitting.seen_at >= SEEN_EVERY:
            self.seen_at = now

    def sealed(self) -> bytes | None:
        """What the row has to keep, under a key that only the holder of the identifier has."""
        kept = {name: value for name, value in self.items() if name != CSRF}
        return _sealed(self.sid, kept) if kept else None

    def _csrf(self) -> str:
        return hmac.new(self._key, b"csrf:" + self.sid.encode(), hashlib.sha256).hexdigest()


class PortalSessions(SessionInterface):
    """Finds the session of a request, and writes back what has changed of it."""

    def __init__(self, settings: Settings) -> None:
        self.cookie = cookie_name(settings)
        self.secure = served_by_https(settings)
        self._key = settings.secret_key.encode()

    def open_session(self, app: Flask, request: Request) -> BrowserSession:  # noqa: ARG002  # their shape
        """The session that the cookie names, or a new one that nobody knows yet; asks no database."""
        return BrowserSession(self._key, request.cookies.get(self.cookie, ""))

    def save_session(self, app: Flask, session: Any, response: Response) -> None:  # noqa: ARG002
        """Tell the browser its new identifier, and keep what the session remembers."""
        if session.fresh and session.wanted:
            response.set_cookie(
                self.cookie, session.sid, secure=self.secure, httponly=True, samesite="Lax"
            )
        _keep(session)


def served_by_https(settings: Settings) -> bool:
    """Whether browsers reach the portal by HTTPS only."""
    return settings.cookie_secure or settings.public_url.startswith("https://")


def cookie_name(settings: Settings) -> str:
    """The prefix makes browsers take the cookie from nobody but this host, over HTTPS."""
    return "__Host-s" if served_by_https(settings) else "portal"


def limits_of(settings: Settings) -> Limits:
    """How long sessions last."""
    idle = timedelta(minutes=settings.session_idle_minutes)
    return Limits(idle, timedelta(hours=settings.session_hours))


def begin(account_id: int, stage: str = Stage.WHOLE, factor_at: datetime | None = None) -> str:
    """Begin a session under a new identifier, in the caller's transaction; the identifier's hash."""
    here, own = state(), current_session()
    sid, kind = own.rename(), SessionKind.BROWSER
    own.row, own.seen_at, own.wanted, own.modified = hash_of(sid), None, True, False
    language = request.cookies.get(LANGUAGE_COOKIE)
    new = NewSession(
        sid, account_id, kind, *caller(), language and language[:10], stage, factor_at, own.sealed()
    )
    begin_session(here.sessions(), new, here.runtime.clock.now())
    return own.row


def begin_for_program(account_id: int) -> str:
    """Begin a session that tokens stand on, in the caller's transaction; its hash, which they carry."""
    here, sid = state(), secrets.token_urlsafe(32)
    new = NewSession(sid, account_id, SessionKind.PROGRAM, *caller())
    begin_session(here.sessions(), new, here.runtime.clock.now())
    return hash_of(sid)


def leave() -> None:
    """Let the browser forget its identifier for one that nobody knows."""
    own = current_session()
    own.clear()
    own.rename()
    own.row, own.wanted, own.modified = "", True, False


def caller() -> tuple[str, str]:
    """The address and the program that the request comes from."""
    return request.remote_addr or "", request.headers.get("User-Agent", "")


def current_session() -> BrowserSession:
    """The session of the request."""
    found: BrowserSession = session._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - a proxy's own way
    return found


# Private


def _keep(own: BrowserSession) -> None:
    """Write what changed to the row: what is remembered at once, that it was seen once a minute."""
    values: dict[str, Any] = {}
    if own.modified:
        values["kept"] = own.sealed()
    if own.seen_at is not None:
        values |= {"seen_at": own.seen_at, "address": caller()[0][:45]}
    if not own.row or not values:
        return
    database = state().sessions()
    # The page is made: whatever its transaction still holds were reads.
    database.rollback()
    with unit_of_work(database):
        keep_session(database, own.row, **values)


def _sealed(sid: str, kept: dict[str, Any]) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key_of(sid)).encrypt(
        nonce, TaggedJSONSerializer().dumps(kept).encode(), None
    )


def _opened(sid: str, kept: bytes) -> dict[str, Any]:
    """What was kept; nothing when it was sealed under another identifier."""
    try:
        plain = AESGCM(_key_of(sid)).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], None)
    except InvalidTag:
        return {}
    found: dict[str, Any] = TaggedJSONSerializer().loads(plain.decode())
    return found


def _key_of(sid: str) -> bytes:
    return hashlib.sha256(b"kept:" + sid.encode()).digest()
