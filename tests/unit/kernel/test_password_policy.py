"""What a chosen password must be, and which ones everybody would try."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from app.kernel.password_policy import ASVS, MLPS2, faults_of, is_breached, is_common
from app.records.accounts import new_password

NAMES = ("zhang.wei", "zhangwei", "weizhang", "zhang", "wei", "zw")


@pytest.mark.parametrize(
    "password",
    ["woaini1314", "Woaini1314", "qwe123", "Qwe123!@#", "zhangwei19900101", "ZhangWei1990", "zw900101", "Zhang@123",
     "5201314", "a5201314a", "Aa123456", "1qaz2wsx", "1q2w3e4r", "abc123456", "13800138000", "zhangwei13800138000",
     "woaini520", "Password1!", "P@ssw0rd123", "Admin123!", "Shanghai2026!", "iloveyou1314", "wei19880808",
     "zw123456.", "aaaaaaaaaa", "Qwerty123456", "mima123456", "Dianzhang888",
     # Ways over the keyboard, words with a year, and more of what is tried first in China.
     "zaq12wsxCDE3", "Qweasdzxc123", "1qazXSW@2024", "poiuytrewq1", "!QAZ2wsx#EDC", "5tgb6YHN7ujm", "asdf;lkj1A",
     "abcdefgh12", "Summer2026!", "Huawei@12345", "Xiaobao888!", "Shenzhen2026#", "Aa7758521!", "Jiayou@2026"],
)  # fmt: skip
def test_what_everybody_tries_is_common(password: str) -> None:
    assert is_common(password, NAMES)


@pytest.mark.parametrize(
    "password",
    ["Correct horse 7", "红灯停绿灯行 Rot7", "tram-Violet-38-onion", "Kq7#mu2Vd9", "zhangwei likes 4 blue kites",
     "were pop tree lamp", "bukezhidao-laidao8", "mapletree lantern 4"],
)  # fmt: skip
def test_what_somebody_thought_of_is_not(password: str) -> None:
    assert not is_common(password, NAMES)


def test_no_made_password_has_a_fault() -> None:
    made = [new_password() for _ in range(500)]
    assert [one for one in made if any(faults_of(one, MLPS2, NAMES))] == []
    assert [one for one in made if any(faults_of(one, ASVS, NAMES))] == []


@pytest.mark.parametrize(
    ("password", "mlps2", "asvs"),
    [
        ("Kq7#mu2Vd", 1, 1),
        ("Kq7#mu2Vd9", 0, 1),
        ("kqmuvdrtplsw", 1, 0),
        ("tram violet onion", 1, 0),
        ("Tram violet 7", 0, 0),
        ("woaini1314", 2, 2),
    ],
)
def test_the_two_policies_ask_for_different_things(password: str, mlps2: int, asvs: int) -> None:
    assert len(list(faults_of(password, MLPS2, NAMES))) == mlps2
    assert len(list(faults_of(password, ASVS, NAMES))) == asvs


@pytest.mark.parametrize(("kept", "ending"), [(40, ":3\n"), (40, "\r\n"), (10, "\n"), (40, "")])
def test_a_list_of_stolen_passwords_is_searched_exactly(
    tmp_path: Path, kept: int, ending: str
) -> None:
    def digest(text: str) -> str:
        return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest().upper()

    stolen = [f"stolen {number}" for number in range(1 if not ending else 3000)]
    place = tmp_path / "stolen.txt"
    place.write_text("".join(one[:kept] + ending for one in sorted(map(digest, stolen))))
    assert all(is_breached(one, place) for one in stolen)
    assert not any(is_breached(f"other {number}", place) for number in range(3000))
    place.write_text("")
    assert not is_breached("stolen 0", place)
