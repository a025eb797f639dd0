"""Encrypted values come back as they were, tell nothing but equality, and notice every change."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.errors import SettingsError, Unavailable
from app.storage.encryption import CIPHERS, KEPT, KeyRing


@pytest.fixture(scope="module", params=CIPHERS)
def ring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing(tmp_path_factory.mktemp("keys") / "keys.json", request.param)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_comes_back(ring: KeyRing, text: str) -> None:
    one, other = ring.encrypted(text), ring.encrypted(text)
    assert KEPT.fullmatch(one)
    assert one != other
    assert one.split(".")[1] == other.split(".")[1] == ring.index(text)
    assert ring.plain(one) == ring.plain(other) == text


@given(st.text(max_size=20), st.text(max_size=20))
def test_only_equal_texts_have_the_same_index(ring: KeyRing, one: str, other: str) -> None:
    try:
        one.encode(), other.encode()
    except UnicodeEncodeError:
        return
    assert (ring.index(one) == ring.index(other)) == (one == other)


def test_every_changed_character_is_noticed(ring: KeyRing) -> None:
    kept = ring.encrypted("13800138000")
    for at, was in enumerate(kept[:-1]):  # The last one holds bits that are not used.
        changed = kept[:at] + ("A" if was != "A" else "B") + kept[at + 1 :]
        with pytest.raises(Unavailable):
            ring.plain(changed)
    for other in ("", "13800138000", kept[:-8], kept + "AAAA", f"{kept}.{kept}"):
        with pytest.raises(Unavailable):
            ring.plain(other)


def test_the_index_of_one_value_is_not_put_before_another(ring: KeyRing) -> None:
    one, other = ring.encrypted("a").split("."), ring.encrypted("b").split(".")
    with pytest.raises(Unavailable):
        ring.plain(".".join((one[0], other[1], *one[2:])))


def test_a_new_key_encrypts_at_once_everywhere_and_the_old_one_still_opens(ring: KeyRing) -> None:
    elsewhere = KeyRing(ring.place, ring.cipher)
    before = elsewhere.encrypted("x")
    number = ring.rotate("2026-11-23")
    after = elsewhere.encrypted("x")
    assert [int(one.split(".")[2]) for one in (before, after)] == [number - 1, number]
    assert before.split(".")[1] == after.split(".")[1]
    assert elsewhere.plain(before) == elsewhere.plain(after) == ring.plain(before) == "x"
    ring.forget(range(number + 1))
    with pytest.raises(Unavailable, match=str(number - 1)):
        elsewhere.plain(before)
    assert elsewhere.plain(after) == "x"


def test_the_file_is_for_its_owner_alone_and_tells_no_value(ring: KeyRing) -> None:
    ring.encrypted("13800138000")
    assert ring.place.stat().st_mode & 0o777 == 0o600
    assert "13800138000" not in ring.place.read_text()


@pytest.mark.parametrize("told", ["", "{}", "[]", '{"index": 1, "keys": []}', "null"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, told: str) -> None:
    place = tmp_path / "keys.json"
    place.write_text(told)
    with pytest.raises(SettingsError, match="backup"):
        KeyRing(place).encrypted("x")


def test_another_file_opens_nothing(tmp_path: Path) -> None:
    kept = KeyRing(tmp_path / "one").encrypted("x")
    with pytest.raises(Unavailable, match="damaged"):
        KeyRing(tmp_path / "other").plain(kept)


def test_sm4_is_the_one_of_the_standard() -> None:
    """The example of GB/T 32907-2016, appendix A.1."""
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    worker = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()  # noqa: S305 - the standard's example
    assert worker.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_the_keys_of_both_ciphers_stand_side_by_side(tmp_path: Path) -> None:
    aes = KeyRing(tmp_path / "keys.json", "aes-256-gcm")
    kept = aes.encrypted("x")
    sm4 = KeyRing(tmp_path / "keys.json", "sm4-gcm")
    assert sm4.plain(kept) == "x"
    sm4.rotate("2026-11-23")
    assert aes.plain(sm4.encrypted("y")) == "y"
    ciphers = [one["cipher"] for one in json.loads(sm4.place.read_text())["keys"]]
    assert ciphers == ["aes-256-gcm", "sm4-gcm"]
