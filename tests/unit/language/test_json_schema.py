"""Editors are told the same as the compiler: every shipped file fits the JSON Schema, and a slip does not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from app.language.json_schema import json_schema
from app.language.source import Mapping, Node, Scalar, read_yaml
from app.language.source import Sequence as YamlSequence

ROOT = Path(__file__).parents[3]
FOLDERS = (ROOT / "schema", ROOT / "tests" / "support" / "schemas")
SHIPPED = sorted(file for folder in FOLDERS for file in folder.rglob("*.yaml"))
VALIDATOR = Draft202012Validator(json_schema())


def as_json(node: Node | None) -> Any:
    """A file as the project reads it, in plain values."""
    if isinstance(node, Mapping):
        return {key: as_json(value) for key, value in node.entries.items()}
    if isinstance(node, YamlSequence):
        return [as_json(item) for item in node.items]
    assert isinstance(node, Scalar)
    return float(node.value) if isinstance(node.value, Decimal) else node.value


def read(text: str) -> Any:
    """A text as plain values; whoever finds a fault in it fails the test."""

    def fault(*said: object, **more: object) -> None:
        raise AssertionError(said, more)

    return as_json(read_yaml(text, "file.yaml", fault))


def why(document: Any, kind: str) -> list[str]:
    """What stands against a document, once it is known to be of this kind."""
    known = json_schema()
    one = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": known["$defs"]})
    return [f"{error.json_path}: {error.message[:200]}" for error in one.iter_errors(document)]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_shipped_file_fits(file: Path) -> None:
    document = read(file.read_text(encoding="utf-8"))
    assert why(document, next(iter(document))) == []
    assert VALIDATOR.is_valid(document)


def test_there_are_shipped_files_of_every_kind() -> None:
    kinds = {next(iter(read(file.read_text(encoding="utf-8")))) for file in SHIPPED}
    assert kinds == {part["$ref"].rpartition("/")[2] for part in json_schema()["oneOf"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("code: R1", "cod: R1"),
        ("type: period,", "type: epoch,"),
        ("count: rows", "counts: rows"),
        ("rows: plans", "rows: [plans]"),
        ("share: [gap, plan]", "share: [gap, plan], sum: plan"),
    ],
)
def test_a_slip_in_a_report_is_marked(old: str, new: str) -> None:
    whole = (ROOT / "schema" / "reports" / "r01_headcount_by_store.yaml").read_text(
        encoding="utf-8"
    )
    assert old in whole
    new = new.replace(", sum: plan", "\n    sum: plan")
    assert not VALIDATOR.is_valid(read(whole.replace(old, new, 1)))
