"""The software bill of materials: every locked package with version and digests, as CycloneDX 1.6."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-node.lock")
FRONT_END_LOCK = "package-lock.json"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)((?:.*\\\n)*.*)", re.M)
_DIGEST = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def bill_of_materials(root: Path = ROOT) -> dict[str, Any]:
    """Every package that an installation has, from its lock files and nothing else (https://cyclonedx.org/docs/1.6/json/)."""
    found = [*_python(root), *_front_end(root)]
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "storewarden", "bom-ref": "storewarden"}},
        "components": sorted(found, key=lambda one: str(one["purl"])),
    }  # fmt: skip


# Private


def _python(root: Path) -> Iterator[dict[str, Any]]:
    for lock in LOCKS:
        for name, version, digests in _PINNED.findall((root / lock).read_text("utf-8")):
            hashes = [{"alg": "SHA-256", "content": one} for one in _DIGEST.findall(digests)]
            yield _component(name, version, f"pkg:pypi/{name.lower()}@{version}", hashes)


def _front_end(root: Path) -> Iterator[dict[str, Any]]:
    told = json.loads((root / FRONT_END_LOCK).read_text("utf-8"))
    for place, one in told["packages"].items():
        if not place:
            continue
        name = place.rpartition("node_modules/")[2]
        content = base64.b64decode(one["integrity"].removeprefix("sha512-")).hex()
        address = f"pkg:npm/{name.replace('@', '%40')}@{one['version']}"
        yield _component(name, one["version"], address, [{"alg": "SHA-512", "content": content}])


def _component(
    name: str, version: str, address: str, hashes: list[dict[str, str]]
) -> dict[str, Any]:
    return {"type": "library", "name": name, "version": version, "purl": address, "bom-ref": address,
            "hashes": hashes}  # fmt: skip
