"""``scripts/translations`` finds every text, and every fault that a catalog can have."""

from __future__ import annotations

import re
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages.catalog import Catalog

from app.settings import ROOT


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script as a module; it has no suffix, so it is loaded by its path."""
    loader = SourceFileLoader("translations_script", str(ROOT / "scripts" / "translations"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def template(script: ModuleType) -> Catalog:
    """What is extracted; looking through everything takes a second."""
    found: Catalog = script.extracted()
    return found


@pytest.fixture(scope="module")
def texts(template: Catalog) -> dict[str, list[str]]:
    """Every extracted text with the files that say it."""
    return {
        str(message.id): [file for file, _ in message.locations]
        for message in template
        if message.id
    }


@pytest.fixture
def kept(
    script: ModuleType, template: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, ModuleType]:
    """A copy of the catalogs to spoil: the Chinese one, and the script that looks at it."""
    place = tmp_path / "zh" / "LC_MESSAGES" / "messages.po"
    place.parent.mkdir(parents=True)
    for name in ("messages.pot", "zh/LC_MESSAGES/messages.po"):
        (tmp_path / name).write_text(
            (ROOT / "translations" / name).read_text("utf-8"), encoding="utf-8"
        )
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    monkeypatch.setattr(script, "extracted", lambda: template)
    return place, script


def spoil(place: Path, pattern: str, new: str) -> None:
    """Replace what must be there exactly once."""
    text, count = re.subn(pattern, new, place.read_text("utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1
    place.write_text(text, encoding="utf-8")


def test_the_kept_catalogs_have_no_fault(script: ModuleType) -> None:
    assert script.faults() == []


@pytest.mark.parametrize(
    ("pattern", "new", "fault"),
    [
        (r'(^msgid "Cancel"\n)msgstr ".+"', r'\1msgstr ""', "zh: not translated: Cancel"),
        (r'^(msgid "Cancel"\n)', r"#, fuzzy\n\1", "zh: not sure: Cancel"),
        (r'^msgid "Cancel"$', 'msgid "Cancle"', "zh: missing: Cancel"),
        (r'^msgid "Cancel"$', 'msgid "Cancle"', "zh: left over: Cancle"),
        (r"第 %\(first\)s", "第 %(last)s", "zh: other values: %(first)s–%(last)s of %(total)s"),
        (r"已选 {n} 条", "已选 {m} 条", "zh: other values: Selected: {n}"),
        (r"\Z", '\n#~ msgid "Gone"\n#~ msgstr "没了"\n', "zh: obsolete: Gone"),
        (r"^#: app/web/templates/base.html$", "#: app/no.html", "zh: messages.po is stale"),
    ],
)
def test_a_fault_of_a_catalog_is_found(
    kept: tuple[Path, ModuleType], pattern: str, new: str, fault: str
) -> None:
    place, script = kept
    spoil(place, pattern, new)
    assert any(found.startswith(fault) for found in script.faults())


def test_a_stale_template_and_a_lost_catalog_are_found(kept: tuple[Path, ModuleType]) -> None:
    place, script = kept
    spoil(place.parents[2] / "messages.pot", r'^msgid "Cancel"$', 'msgid "Abort"')
    place.unlink()
    found = script.faults()
    assert found[0].startswith("messages.pot is stale")
    assert "zh: missing: Cancel" in found


def test_an_update_keeps_what_is_translated_and_changes_nothing_by_itself(
    kept: tuple[Path, ModuleType],
) -> None:
    place, script = kept
    before = place.read_bytes()
    spoil(place, r"\Z", '\n#~ msgid "Gone"\n#~ msgstr "没了"\n')
    script.update()
    assert place.read_bytes() == before
    script.update()
    assert place.read_bytes() == before


def test_catalogs_name_no_person_no_date_and_no_place_of_this_machine() -> None:
    for path in sorted((ROOT / "translations").rglob("*.po*")):
        text = path.read_text("utf-8")
        head = text.split("\n\n", 1)[0]
        assert not re.search(r"Date|Translator|Team|Generated|@|\d{4}", head)
        assert all(
            re.fullmatch(r"(app|jobs|flask_appbuilder)/[\w/.]+", place)
            for line in text.splitlines()
            if line.startswith("#: ")
            for place in line[3:].split()
        )


def test_texts_of_code_and_of_templates_are_found(texts: dict[str, list[str]]) -> None:
    assert "app/web/errors.py" in texts["Please sign in."]
    assert "app/web/templates/base.html" in texts["Cancel"]
    long = [text for text in texts if "\n" in text]
    assert long == [], "a text of a template is trimmed"


def test_every_text_of_flask_appbuilder_is_found(texts: dict[str, list[str]]) -> None:
    theirs = {
        text
        for text, files in texts.items()
        if any(file.startswith("flask_appbuilder/") for file in files)
    }
    assert len(theirs) >= 150
    assert {"Access is Denied", "Not In", "Database Error", "Add", "Groups"} <= theirs


def test_the_script_needs_a_task(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["translations"])
    with pytest.raises(SystemExit) as ended:
        script.main()
    assert ended.value.code == 2
