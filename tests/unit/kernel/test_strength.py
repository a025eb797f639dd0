"""Keys and passwords: made by chance they pass, made by hand they are told what is wrong."""

import base64
import secrets

import pytest

from app.kernel.strength import is_default_password, weakness_of_key
from app.records.accounts import new_password


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "shorter than 32 bytes"),
        ("f3a9c01b7de2468a5b", "shorter than 32 bytes"),
        ("x" * 64, "made of a few characters that repeat"),
        ("hush" * 16, "made of a few characters that repeat"),
        ("changeme" * 4, "made of a few characters that repeat"),
        ("01020304" + "0102030405" * 3, "made of a few characters that repeat"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "a row of characters in order"),
        ("please-change-this-secret-key-12345678", "made of words that everybody tries first"),
        ("django-insecure-password-secret-2024!!", "made of words that everybody tries first"),
        ("our little shop has many happy customers", "made of plain words"),
    ],
)
def test_a_key_made_by_hand_is_told_what_is_wrong(key, why):
    assert str(weakness_of_key(key)) == why


@pytest.mark.parametrize(
    "make",
    [
        lambda: secrets.token_hex(32),
        lambda: secrets.token_hex(16),
        lambda: secrets.token_urlsafe(32),
        lambda: base64.b64encode(secrets.token_bytes(24)).decode(),
    ],
    ids=["hexadecimal", "shortest", "for addresses", "base64"],
)
def test_keys_made_by_chance_pass(make):
    assert [key for key in (make() for _ in range(2000)) if weakness_of_key(key)] == []


@pytest.mark.parametrize(
    "password",
    ["", "admin", "password", "Password123!", "P@ssw0rd2024", "zhang.wei", "zhangwei123", "changeme",
     "1234567890", "0000000000", "1212121212", "adminadmin", "administrator", "portaladmin1"],
)  # fmt: skip
def test_what_everybody_tries_first_is_known(password):
    assert is_default_password(password, "zhang.wei")


def test_other_passwords_pass():
    assert not any(is_default_password(new_password(), "hr") for _ in range(2000))
    assert not is_default_password("correct horse", "hr")
    assert not is_default_password("7391046528", "hr")
