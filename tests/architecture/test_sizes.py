"""The size budget: elegance is lost in the longest tenth, so the longest is what is limited."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE_LINES = 400
FUNCTION_LINES = 50
CLASS_METHODS = 20


def product_modules() -> list[Path]:
    """Every module of the product and of its set-up; scripts have no suffix."""
    found = [place for name in ("app", "jobs") for place in (ROOT / name).rglob("*.py")]
    scripts = (place for place in (ROOT / "scripts").rglob("*") if place.is_file())
    found += [place for place in scripts if place.suffix in {"", ".py"}]
    return sorted(found)


def too_large(place: Path) -> Iterator[str]:
    """What in a module is over its budget."""
    source = place.read_text(encoding="utf-8")
    name = place.relative_to(ROOT)
    if len(source.splitlines()) > MODULE_LINES:
        yield f"{name} has {len(source.splitlines())} lines"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{name}:{node.lineno} {node.name} has {lines} lines"
        elif isinstance(node, ast.ClassDef):
            methods = sum(isinstance(part, ast.FunctionDef) for part in node.body)
            if methods > CLASS_METHODS:
                yield f"{name}:{node.lineno} {node.name} has {methods} methods"


@pytest.mark.parametrize("place", product_modules(), ids=lambda place: str(place.relative_to(ROOT)))
def test_module_keeps_to_the_size_budget(place):
    assert list(too_large(place)) == []


def test_a_long_function_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    place = tmp_path / "long.py"
    place.write_text("def f():\n" + "    pass\n" * FUNCTION_LINES, encoding="utf-8")
    assert list(too_large(place)) == ["long.py:1 f has 51 lines"]
