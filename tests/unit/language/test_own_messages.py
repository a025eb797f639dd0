"""``messages: {invalid}`` speaks for every kind of field that can be wrong."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from app.kernel.messages import Label
from app.language.definitions import Choice, Field
from app.language.field_types import FIELD_TYPES
from app.language.source import Place
from app.language.values import WrongValue, check_value
from app.web.controls import parse

OWN = Label("按公司的写法填写。", "Write it as the company does.")
# A value that no field of the type can take; the others take whatever they are given, or are never sent.
WRONG = {
    "text": "x" * 300, "long_text": "x" * 100_000, "code": None, "integer": "a", "decimal": "a", "money": "a",
    "percent": "a", "yes_no": "a", "date": "a", "datetime": "a", "time": "a", "duration": "a", "month": "a",
    "choice": "z", "choices": ["z"], "tags": ["x" * 99], "link": "a", "parent": "a", "links": ["a"],
    "reference": "moon:1", "file": "a", "image": "a", "signature": "a", "files": ["a"], "phone": "a", "mobile": "a",
    "email": "a", "url": "a", "id_card": "a", "credit_code": "a", "bank_card": "a", "region": "a", "location": "a",
    "colour": "a", "rating": "a",
}  # fmt: skip


def field(name: str) -> Field:
    """A field of a type, with the sentence."""
    options = {key: option.default for key, option in FIELD_TYPES.get(name).options.items()}
    options |= {"to": ("plant",), "max": 5 if name in ("text", "rating") else options.get("max")}
    given = {key: value for key, value in options.items() if value is not None}
    return Field("it", name, Label("它", "It"), Place("x.yaml", 1), options=given, messages={"invalid": OWN},
                 choices=(Choice("a", Label("甲", "A")),))  # fmt: skip


def said(wrong: WrongValue) -> object:
    return wrong.message.values["text"]


@pytest.mark.parametrize("name", [name for name, value in WRONG.items() if value is not None])
def test_a_wrong_value_is_said_in_own_words(name: str) -> None:
    with pytest.raises(WrongValue) as wrong:
        check_value(field(name), WRONG[name])
    assert said(wrong.value) is OWN


@pytest.mark.parametrize(
    "name", ["integer", "money", "date", "datetime", "time", "duration", "link"]
)
def test_what_cannot_be_read_in_a_form_is_said_in_own_words(name: str) -> None:
    with pytest.raises(WrongValue) as wrong:
        parse(field(name), ["a"], ZoneInfo("UTC"))
    assert said(wrong.value) is OWN
