"""What the product's code never does, looked for in its syntax; ruff's S rules (those of bandit) look for the rest."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for folder in ("app", "jobs") for path in (ROOT / folder).rglob("*.py"))
TEMPLATES = sorted((ROOT / "app").rglob("*.html"))
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
# What they read can run code, whoever wrote it.
RUNS_DATA = {"pickle", "marshal", "shelve", "dill", "jsonpickle", "cloudpickle"}
REACHES_OUT = {"requests", "httpx", "aiohttp", "urllib3", "urllib.request", "ftplib", "telnetlib"}
MARKED_UP = {
    "app/web/cells.py",  # rich text, cleaned before it was kept
    "app/features/exports/values.py",  # read, not shown
    "app/features/reports/dashboard_pages.py",  # drawn and escaped by a template
}
# Names of tables cannot be bound; here they are our own, or quoted by the dialect.
NAMES_TABLES = ("app/storage/", "app/features/demo/service.py", "app/web/permissions.py")
# A dump is made and read by PostgreSQL's own programs, in the worker that makes the backup.
STARTS_PROGRAMS = {"app/features/backups/dumping.py"}
Rule = Callable[[Path, ast.AST], bool]


def name_of(node: ast.AST) -> str:
    """``a.b.c`` of a name with its attributes, ``?`` for what is no name."""
    if isinstance(node, ast.Attribute):
        owner = name_of(node.value)
        return f"{owner or '?'}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def called(node: ast.AST) -> str:
    """What is called, by its whole name."""
    return name_of(node.func) if isinstance(node, ast.Call) else ""


def imported(node: ast.AST) -> set[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    return {node.module or ""} if isinstance(node, ast.ImportFrom) and not node.level else set()


def put_together(node: ast.expr) -> bool:
    """Whether a text holds a value that is no constant of our own, which are written in capitals."""
    if isinstance(node, ast.JoinedStr):
        inside = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        return any(not name_of(one).rpartition(".")[2].isupper() for one in inside)
    if isinstance(node, ast.BinOp):
        return put_together(node.left) or put_together(node.right)
    return isinstance(node, ast.Call) and called(node).endswith((".format", ".join"))


def in_hosting(path: Path) -> bool:
    """Whether a module starts the product's own processes, or is one of the few that start others."""
    return "hosting" in path.parts or path.relative_to(ROOT).as_posix() in STARTS_PROGRAMS


RULES: dict[str, Rule] = {
    "text is never run": lambda _, node: called(node) in RUNS_TEXT,
    "nothing is read that can run": lambda _, node: bool(imported(node) & RUNS_DATA),
    "YAML is read by its events alone": lambda path, node: (
        re.fullmatch(r"yaml\.(load|load_all|unsafe_load|full_load)", called(node)) is not None
    ),
    "processes are started by hosting alone": lambda path, node: (
        "subprocess" in imported(node) and not in_hosting(path)
    ),
    "no shell": lambda _, node: (
        called(node) in ("os.system", "os.popen")
        or (isinstance(node, ast.keyword) and node.arg == "shell")
    ),
    "statements are not put together from values": lambda path, node: (
        not path.relative_to(ROOT).as_posix().startswith(NAMES_TABLES)
        and called(node) in ("text", "sqlalchemy.text")
        and isinstance(node, ast.Call)
        and bool(node.args)
        and put_together(node.args[0])
    ),
    "the world outside is reached through one door": lambda _, node: bool(
        imported(node) & REACHES_OUT
    ),
    "text becomes markup in three places": lambda path, node: (
        called(node).endswith("Markup")
        and path.relative_to(ROOT).as_posix() not in MARKED_UP
    ),
    "chance that guards something is not guessed": lambda path, node: (
        "random" in imported(node) and "demo" not in path.parts
    ),
    "certificates are looked at": lambda _, node: (
        name_of(node).endswith(("CERT_NONE", "_create_unverified_context"))
        or (isinstance(node, ast.keyword) and node.arg == "verify"
            and isinstance(node.value, ast.Constant) and node.value.value is False)
    ),
    "old digests guard nothing": lambda _, node: (
        called(node) in ("hashlib.md5", "hashlib.sha1")
        and "usedforsecurity=False" not in ast.unparse(node)
    ),
}  # fmt: skip


def broken(rule: Rule, sources: Iterator[tuple[Path, str]]) -> list[str]:
    """Where a rule is broken."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', '?')}"
        for path, source in sources
        for node in ast.walk(ast.parse(source))
        if rule(path, node)
    ]


@pytest.mark.parametrize("name", RULES)
def test_the_product_keeps_it(name: str) -> None:
    assert broken(RULES[name], ((path, path.read_text("utf-8")) for path in MODULES)) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("text is never run", "eval(x)"),
        ("nothing is read that can run", "from pickle import loads"),
        ("YAML is read by its events alone", "yaml.load(x, Loader=y)"),
        ("processes are started by hosting alone", "import subprocess"),
        ("no shell", "run(x, shell=True)"),
        ("statements are not put together from values", "text(f'SELECT {name}')"),
        ("statements are not put together from values", "text('SELECT {}'.format(name))"),
        ("the world outside is reached through one door", "import urllib.request"),
        ("text becomes markup in three places", "markupsafe.Markup(x)"),
        ("chance that guards something is not guessed", "import random"),
        ("certificates are looked at", "get(x, verify=False)"),
        ("old digests guard nothing", "hashlib.md5(x)"),
    ],
)
def test_a_rule_finds_what_it_is_for(name: str, source: str) -> None:
    place = ROOT / "app" / "web" / "somewhere.py"
    assert broken(RULES[name], iter([(place, source)])) == ["app/web/somewhere.py:1"]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_escapes_everything_and_runs_nothing_inline(path: Path) -> None:
    source = path.read_text("utf-8")
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", source)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", source)
    assert not re.search(r"\sstyle\s*=\s*[\"']", source)
    assert not re.search(r"javascript:", source, re.IGNORECASE)
    for tag in re.findall(r"<script\b[^>]*>", source):
        assert "src=" in tag or 'type="application/json"' in tag, tag
