"""The bill of materials names every locked package once, with the digests that installations are held to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest

from setup.materials import FRONT_END_LOCK, LOCKS, ROOT


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "sbom"], capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_locked_package_is_named_once(told: dict[str, Any]) -> None:
    pinned = [
        line.split("==")[0].lower()
        for lock in LOCKS
        for line in (ROOT / lock).read_text("utf-8").splitlines()
        if "==" in line
    ]
    packages = json.loads((ROOT / FRONT_END_LOCK).read_text("utf-8"))["packages"]
    addresses = [one["purl"] for one in told["components"]]
    assert len(set(addresses)) == len(addresses) == len(pinned) + len(packages) - 1
    assert {one.split("/")[1].split("@")[0] for one in addresses if "pkg:pypi" in one} == {*pinned}
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")


def test_every_package_has_the_digests_of_its_lock(told: dict[str, Any]) -> None:
    text = "".join((ROOT / lock).read_text("utf-8") for lock in LOCKS)
    digests = {h["content"] for one in told["components"] for h in one["hashes"]}
    assert all(one["hashes"] for one in told["components"])
    assert {*re.findall(r"sha256:([0-9a-f]{64})", text)} <= digests
