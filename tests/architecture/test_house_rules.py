"""House rules that no linter knows, each with what to do instead."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.language.reference import reference

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"
TEMPLATES = APP / "web" / "templates"
MODULES = sorted(APP.rglob("*.py"))
LANGUAGE_BELOW = ("kernel", "language", "storage", "access", "audit", "records", "web")
HR_WORDS = re.compile(
    r"\b(staff|employee|salary|wage|offboarding|customer|non_compete|probation)\b", re.IGNORECASE
)


def place(path: Path) -> str:
    """A path from the root of the project."""
    return path.relative_to(ROOT).as_posix()


def calls(path: Path) -> Iterator[tuple[str, int]]:
    """Every attribute that is called in a module, as (name of the object's end, attribute)."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            yield f"{name}.{node.func.attr}", node.lineno


def found(pattern: str, allowed: tuple[str, ...]) -> list[str]:
    """Calls that match outside of the allowed modules."""
    return [
        f"{place(path)}:{line}"
        for path in MODULES
        if place(path) not in allowed
        for name, line in calls(path)
        if re.fullmatch(pattern, name)
    ]


def test_only_the_unit_of_work_commits() -> None:
    assert found(r".*\.commit", ("app/storage/database.py",)) == []


def test_only_the_clock_asks_for_the_time() -> None:
    assert found(r"(datetime|date)\.(now|utcnow|today)", ("app/kernel/clock.py",)) == []


def test_nobody_queries_by_legacy_means() -> None:
    assert found(r"(.*_)?session\.(query|add|merge|delete)", ()) == []


def test_only_the_rim_catches_everything() -> None:
    allowed = {"app/web/door.py", "app/web/errors.py", "app/tasks/runner.py"}
    wide = [
        place(path)
        for path in MODULES
        if re.search(r"except( Exception)?\s*(as \w+)?:", path.read_text("utf-8"))
    ]
    assert set(wide) <= allowed


def test_the_engine_knows_no_word_of_the_trade() -> None:
    said = [
        f"{place(path)}: {match[0]}"
        for layer in LANGUAGE_BELOW
        for path in sorted((APP / layer).rglob("*.py"))
        if (match := HR_WORDS.search(path.read_text("utf-8")))
    ]
    assert said == []


def test_no_drawer_for_everything() -> None:
    drawers = {"utils", "helpers", "common", "core", "misc"}
    assert [place(path) for path in MODULES if drawers & {path.stem, *path.parts}] == []


@pytest.mark.parametrize(
    "path",
    sorted(TEMPLATES.rglob("*.html")),
    ids=lambda path: path.relative_to(TEMPLATES).as_posix(),
)
def test_a_template_is_clean_and_compiles(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.search(r'\sstyle="|\son[a-z]+="|\|\s*safe|<script(?![^>]*\ssrc=)', text)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True
    )
    environment.compile(text)


def test_the_reference_is_fresh() -> None:
    kept = (APP / "language" / "REFERENCE.md").read_text("utf-8")
    assert kept == reference(), "run: portal schema reference > app/language/REFERENCE.md"


def test_the_map_in_the_readme_names_every_folder() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    folders = [path.name for path in APP.iterdir() if path.is_dir() and path.name != "__pycache__"]
    assert [name for name in folders if f"`app/{name}/`" not in readme] == []
