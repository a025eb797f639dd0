"""A small OpenID Connect provider on this machine, which can also lie in every way that matters."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "portal", "a secret of the client"


@dataclass
class Provider:
    """Who it vouches for is said with each code; ``lie`` changes the claims, or how they are signed."""

    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "a"}))
    issuer: str = ""
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    lie: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    now: float = field(default_factory=time.time)

    def authorise(self, address: str, username: str, **claims: Any) -> str:
        """The browser's visit: a code for what the portal asked for; the query of the way back."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["client_id"] == CLIENT
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = secrets.token_urlsafe(16)
        self.codes[code] = {**asked, "claims": {"preferred_username": username, **claims}}
        return f"code={code}&state={asked['state']}"

    def answer(self, path: str, body: str, authorization: str) -> tuple[int, dict[str, Any]]:
        """What it says to the portal."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.lie.get("issuer", self.issuer),
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": self.lie.get("token_endpoint", f"{self.issuer}/token"),
                "jwks_uri": f"{self.issuer}/jwks",
            }
        if path == "/jwks":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        sent = {name: values[0] for name, values in parse_qs(body).items()}
        known = self.codes.pop(sent.get("code", ""), None)
        expected = base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '%20')}".encode()).decode()
        if known is None or authorization != f"Basic {expected}":
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if challenge != known["code_challenge"] or sent["redirect_uri"] != known["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self._token(known), "token_type": "Bearer", "access_token": "x"}

    def _token(self, known: dict[str, Any]) -> str:
        claims = {
            "iss": self.issuer, "aud": CLIENT, "sub": "1", "nonce": known["nonce"], "iat": int(self.now),
            "exp": int(self.now) + 300, **known["claims"], **self.lie.get("claims", {}),
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.lie.get("key") == "public as HMAC":
            shared = OctKey.import_key(self.key.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": "a"}, claims, shared, algorithms=["HS256"])
        if self.lie.get("key") == "none":
            parts = [{"alg": "none"}, claims]
            coded = [
                base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode()
                for one in parts
            ]
            return ".".join([*coded, ""])
        key = (
            RSAKey.generate_key(2048, {"kid": "a"})
            if self.lie.get("key") == "another"
            else self.key
        )
        return jwt.encode({"alg": "RS256", "kid": "a"}, claims, key)


@contextmanager
def running_provider() -> Iterator[Provider]:
    """A provider that listens on a port of this machine."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*provider.answer(self.path, "", ""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._say(*provider.answer(self.path, body, self.headers.get("Authorization", "")))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its shape
            pass

        def _say(self, status: int, said: dict[str, Any]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
