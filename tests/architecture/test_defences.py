"""The list of defences names words that are there, and every threat that has a test of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.defences.defences import Defence, defences

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"(?:^|_)t(\d\d)_", re.MULTILINE)


@pytest.mark.parametrize("defence", defences(), ids=lambda one: f"{one.threat} {one.what}")
def test_what_is_taken_out_is_there_just_once(defence: Defence) -> None:
    assert (ROOT / defence.path).read_text().count(defence.words) == 1
    for tests in defence.tests:
        assert (ROOT / tests).exists()


def test_every_threat_has_a_test_named_after_it() -> None:
    files = list((ROOT / "tests").rglob("test_*.py"))
    named = {number for file in files for number in NAMED.findall(file.name)}
    named |= {n for file in files for n in re.findall(r"def test_t(\d\d)_", file.read_text())}
    assert {f"{number:02d}" for number in range(1, 36)} - named == set()


def test_every_threat_has_a_defence_that_can_be_taken_out() -> None:
    assert {f"T{number:02d}" for number in range(1, 36)} - {
        one.threat for one in defences()
    } == set()
