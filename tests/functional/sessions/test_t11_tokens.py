"""Tokens of programs: only ours, only of this kind, only now, only while their session holds."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from werkzeug.test import Client

from tests.support.people import claims_of, expired, key_of, renews, token_opens, tokens_of
from tests.support.portals import NOON, Portal


@pytest.fixture(autouse=True)
def _noon(nursery: Portal) -> Iterator[None]:
    yield
    nursery.clock.moment = NOON


def by_hand(header: dict[str, str], claims: dict[str, Any], key: bytes) -> str:
    """A token put together without a library's second thoughts."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (header, claims)
    ]
    body = b".".join(parts)
    digest = hmac.new(key, body, hashlib.sha256).digest() if key else b""
    return (body + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")).decode()


def test_a_good_one_opens_and_stands_on_a_row(nursery: Portal) -> None:
    tokens = tokens_of(nursery, "boss")
    claims = claims_of(tokens["access_token"])
    assert token_opens(nursery, tokens["access_token"]) == 200
    assert claims["aud"] == "storewarden-api"
    assert claims["exp"] - claims["iat"] <= 600
    assert (
        nursery.scalar(
            "SELECT count(*) FROM portal_session WHERE sid_hash = :sid", sid=claims["sid"]
        )
        == 1
    )
    config = nursery.door.application().config  # type: ignore[attr-defined]
    assert config["JWT_SECRET_KEY"] not in (config["SECRET_KEY"], nursery.settings.secret_key)


def test_forged_ones_open_nothing(nursery: Portal) -> None:
    tokens, key = tokens_of(nursery, "boss"), key_of(nursery)
    good = claims_of(tokens["access_token"])
    private = rsa.generate_private_key(65537, 2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    west = nursery.ids["account_west"]

    def signed(algorithm: str = "HS256", with_key: Any = key, **changed: Any) -> str:
        return jwt.encode({**good, **changed}, with_key, algorithm=algorithm)

    forged = {
        "alg none": by_hand({"alg": "none", "typ": "JWT"}, good, b""),
        "alg None": by_hand({"alg": "None", "typ": "JWT"}, good, b""),
        "RS256": signed("RS256", private),
        "public key as HMAC key": by_hand({"alg": "RS256", "typ": "JWT"}, good, public),
        "public key as HS256 key": by_hand({"alg": "HS256", "typ": "JWT"}, good, public),
        "HS512 with our key": signed("HS512"),
        "another key": signed(with_key="another key that is long enough for the algorithm"),
        "the signing key of pages": signed(with_key=nursery.settings.secret_key),
        "expired": expired(nursery),
        "not yet": signed(nbf=datetime.now(UTC) + timedelta(hours=1)),
        "another audience": signed(aud="another"),
        "no audience": jwt.encode({k: v for k, v in good.items() if k != "aud"}, key, "HS256"),
        "somebody else": signed(sub=str(west)),
        "nobody": signed(sub="999999"),
        "a name": signed(sub="boss"),
        "a huge number": signed(sub=str(2**70)),
        "an old epoch": signed(epoch=good["epoch"] - 1),
        "a new epoch": signed(epoch=good["epoch"] + 1),
        "no epoch": jwt.encode({k: v for k, v in good.items() if k != "epoch"}, key, "HS256"),
        "no session": jwt.encode({k: v for k, v in good.items() if k != "sid"}, key, "HS256"),
        "another session": signed(sid="0" * 64),
        "the session of a browser": signed(sid=nursery.scalar(
            "SELECT min(sid_hash) FROM portal_session WHERE kind = 'browser'") or ""),
        "a refresh token": tokens["refresh_token"],
        "type refresh": signed(type="refresh"),
        "cut": tokens["access_token"][:-3],
        "grown": tokens["access_token"] + "x",
        "nonsense": "x",
    }  # fmt: skip
    assert {name: token_opens(nursery, token) for name, token in forged.items()} == dict.fromkeys(
        forged, 401
    )
    assert token_opens(nursery, tokens["access_token"]) == 200


def test_an_access_token_renews_nothing(nursery: Portal) -> None:
    tokens = tokens_of(nursery, "boss")
    assert renews(nursery, tokens["access_token"]) == 401
    assert renews(nursery, tokens["refresh_token"]) == 200


def test_a_session_of_a_program_ends_after_ten_hours(nursery: Portal) -> None:
    tokens = tokens_of(nursery, "boss")
    nursery.clock.moment = NOON + timedelta(hours=9, minutes=59)
    assert renews(nursery, tokens["refresh_token"]) == 200
    nursery.clock.moment = NOON + timedelta(hours=10)
    assert renews(nursery, tokens["refresh_token"]) == 401
    assert token_opens(nursery, tokens["access_token"]) == 401


def test_one_program_is_ended_and_the_others_go_on(nursery: Portal) -> None:
    first, second = tokens_of(nursery, "boss"), tokens_of(nursery, "boss")
    number = nursery.scalar(
        "SELECT id FROM portal_session WHERE sid_hash = :sid",
        sid=claims_of(first["access_token"])["sid"],
    )
    boss = nursery.browser("boss")
    boss.get("/sessions/")
    boss.post(f"/sessions/{number}/end")
    for tokens, status in ((first, 401), (second, 200)):
        assert token_opens(nursery, tokens["access_token"]) == status
        assert renews(nursery, tokens["refresh_token"]) == status


def test_t12_keys_that_never_end_do_not_exist(nursery: Portal) -> None:
    config = nursery.door.application().config  # type: ignore[attr-defined]
    assert config["FAB_API_KEY_ENABLED"] is False
    rules = nursery.door.application().url_map.iter_rules()  # type: ignore[attr-defined]
    assert [rule.rule for rule in rules if "api_key" in rule.rule.lower()] == []
    for headers in (
        {"Authorization": "Bearer sst_0123456789abcdef0123456789abcdef"},
        {"Authorization": "ApiKey sst_0123456789"}, {"X-API-Key": "sst_0123456789"},
    ):  # fmt: skip
        for method, path in (("GET", "bed/"), ("DELETE", "bed/1")):
            answer = Client(nursery.door).open(f"/api/v1/{path}", method=method, headers=headers)
            assert answer.status_code == 401
