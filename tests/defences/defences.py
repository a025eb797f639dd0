"""Reads the list of defences: each with the words that make it, and the tests that must notice its loss."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

LIST = Path(__file__).with_name("defences.yaml")


@dataclass(frozen=True, slots=True)
class Defence:
    """``words`` of the file at ``path`` are replaced by ``without``; each of ``tests`` is a file or a folder."""

    threat: str
    what: str
    path: str
    words: str
    without: str
    tests: tuple[str, ...]


def defences() -> list[Defence]:
    """All of them, in the order of the threats."""
    found = [
        Defence(**{**one, "tests": tuple(one["tests"])}) for one in yaml.safe_load(LIST.read_text())
    ]
    return sorted(found, key=lambda one: one.threat)
