"""Every sentence can be said in both languages, whatever its values are, and by everybody."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import flask_appbuilder
import pytest
from babel.messages.pofile import read_po
from flask import Flask
from flask_babel import Babel, force_locale, gettext

from app.cli import speech
from app.kernel.messages import Label, Message, _l
from app.language.compiler import compile_schema
from app.language.findings import KINDS
from app.settings import ROOT
from app.web.api import WORDS
from app.web.api_fields import input_schema
from app.web.catalogs import catalog_of, compiled_catalogs
from app.web.locale import LANGUAGES, TEXTS, say

NAMED = re.compile(r"%\((\w+)\)s")
SAMPLES = (
    0,
    1,
    1_000_000,
    "",
    "张三",
    "100 % sure",
    "%(name)s {n} %s",
    Label("店", "shop"),
    _l("Yes"),
)
SCHEMAS = (ROOT / "schema", ROOT / "tests" / "support" / "schemas" / "nursery")
WRONG: tuple[Any, ...] = (
    None, True, 5, 1.5, 10**400, float("nan"), "", "x", "9" * 400, "2026-13-01", "25:00", "\ud800",
    [], ["x"], [1], [None], [{}], [[]], [{"version": "x"}], {}, {"a": 1},
)  # fmt: skip


def catalog() -> dict[str, str]:
    """The Chinese texts by the English ones."""
    place = ROOT / "translations" / "zh" / "LC_MESSAGES" / "messages.po"
    with place.open("rb") as stream:
        return {str(entry.id): str(entry.string) for entry in read_po(stream) if entry.id}


def labels(part: object) -> Iterator[Label]:
    """Every label of a compiled schema."""
    if isinstance(part, Label):
        yield part
    elif is_dataclass(part):
        for field in fields(part):
            yield from labels(getattr(part, field.name))
    elif isinstance(part, Mapping):
        for value in part.values():
            yield from labels(value)
    elif isinstance(part, list | tuple | set | frozenset):
        for value in part:
            yield from labels(value)


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    """An application with Flask-AppBuilder's catalogs before ours, as in the portal."""
    theirs = Path(flask_appbuilder.__file__).parent / "translations"
    made = Flask("sentences")
    made.config["BABEL_TRANSLATION_DIRECTORIES"] = f"{theirs};{compiled_catalogs(tmp_path)}"
    made.extensions[TEXTS] = {name: catalog_of(tmp_path, name) for name in LANGUAGES}
    Babel(made)
    return made


@pytest.mark.parametrize("sample", SAMPLES, ids=repr)
def test_every_sentence_can_be_said_with_any_value(
    app: Flask, monkeypatch: pytest.MonkeyPatch, sample: object
) -> None:
    known = catalog()
    messages = [Message(en, dict.fromkeys(NAMED.findall(en), sample)) for en in known]
    for language in ("zh", "en"):
        with app.test_request_context(), force_locale(language):
            said = [say(message, language) for message in messages]
        monkeypatch.setenv("PORTAL_LANGUAGE", language)
        monkeypatch.setattr(speech, "_catalog", {"zh": known, "en": {}}.__getitem__)
        spoken = [speech.sentence(message) for message in messages]
        assert [text for text in said + spoken if "%(" in text and "%(" not in str(sample)] == []
        assert len(said) == len(spoken) == len([text for text in said if text])


def test_pages_and_the_command_line_say_the_same(app: Flask) -> None:
    chinese = catalog()
    assert speech._catalog("zh") == chinese
    with app.test_request_context(), force_locale("zh"):
        assert {text: gettext(text) for text in chinese} == chinese
    with app.test_request_context(), force_locale("en"):
        assert [text for text in chinese if gettext(text) != text] == []


def test_no_text_has_forms_for_one_and_for_many() -> None:
    place = ROOT / "translations" / "messages.pot"
    assert "msgid_plural" not in place.read_text("utf-8")


def test_chinese_is_written_with_chinese_punctuation() -> None:
    half = re.compile(r"[\u4e00-\u9fff] ?[,;:?!()]|[()] ?[\u4e00-\u9fff]|\.\.\.|[\u4e00-\u9fff]\.")
    assert [text for text in catalog().values() if half.search(text)] == []


def test_a_sentence_ends_as_a_sentence_in_both_languages() -> None:
    own = {en: zh for en, zh in catalog().items() if en[-1] in ".?…" and en[0] != "%"}
    assert [zh for zh in own.values() if zh[-1] not in "。？…"] == []


def test_every_mark_holds_a_text_that_can_be_found() -> None:
    lost = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = (
                node.func.id
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else ""
            )
            if not isinstance(node, ast.Call) or name not in {"_l", "Message"}:
                continue
            first = node.args[0] if node.args else None
            plain = first.value if isinstance(first, ast.Constant) else None
            if name == "_l" and not isinstance(plain, str):
                lost.append(f"{path.name}:{node.lineno} is no plain text")
            if (
                name == "Message"
                and isinstance(plain, str)
                and re.search(r"[a-z]", NAMED.sub("", plain))
            ):
                lost.append(f"{path.name}:{node.lineno} is not marked with _l")
    assert lost == []


def test_marks_name_the_values_that_they_are_given() -> None:
    wrong = []
    for path in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "_l"
            ):
                continue
            given = {keyword.arg for keyword in node.keywords}
            named = set(NAMED.findall(ast.literal_eval(node.args[0])))
            if None not in given and given and given != named:
                wrong.append(
                    f"{path.name}:{node.lineno} {sorted(named ^ {str(name) for name in given})}"
                )
    assert wrong == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_finding_has_both_languages_with_the_same_values(kind: str) -> None:
    label = KINDS[kind]
    assert label.zh.strip()
    assert label.en.strip()
    assert sorted(NAMED.findall(label.zh)) == sorted(NAMED.findall(label.en))


@pytest.mark.parametrize("folder", SCHEMAS, ids=lambda folder: folder.name)
def test_every_label_of_a_schema_has_both_languages(folder: Path) -> None:
    found = list(labels(compile_schema(folder)))
    assert len(found) > 100
    assert [label for label in found if not (label.zh.strip() and label.en.strip())] == []


@pytest.mark.parametrize("folder", SCHEMAS, ids=lambda folder: folder.name)
def test_what_marshmallow_says_becomes_the_product_s_own_words(folder: Path) -> None:
    schema, said = compile_schema(folder), set()
    for entity in schema.enabled_entities():
        reader = input_schema(schema, entity, partial=True)
        for name in reader.fields:
            for value in WRONG:
                said |= sentences_of(reader.validate({"version": 1, name: value, "other": 1}))
        said |= {text for value in WRONG for text in sentences_of(reader.validate(value))}
    assert {text for text in said if not text.startswith("Must be one of: ")} <= set(WORDS)


def sentences_of(messages: Any) -> set[str]:
    """All sentences of an answer of marshmallow, at any depth."""
    if isinstance(messages, str):
        return {messages}
    parts = messages.values() if isinstance(messages, dict) else messages
    return {text for part in parts for text in sentences_of(part)}
