"""Field types in every registry, and what values they take. Numbers are from the standards' own samples."""

from __future__ import annotations

from decimal import Decimal

import pytest

from app.kernel.messages import Label
from app.language.chinese import fails_luhn, region_names
from app.language.definitions import Choice, Field
from app.language.field_types import FIELD_TYPES
from app.language.source import Place
from app.language.values import CHECKS, WrongValue, check_value
from app.storage.columns import COLUMN_TYPES
from app.web.api_fields import API_FIELDS
from app.web.cells import SHOWS
from app.web.controls import CONTROLS

WORKED_OUT = {"computed", "lookup", "summary"}


def a_field(kind: str, **options: object) -> Field:
    """A field of a type, with its default options."""
    known = {
        name: option.default
        for name, option in FIELD_TYPES.get(kind).options.items()
        if option.default is not None
    }
    choices = (Choice("a", Label("甲", "A")), Choice("b", Label("乙", "B")))
    return Field(
        "value",
        kind,
        Label("值", "Value"),
        Place("x.yaml", 1),
        choices=choices,
        options={**known, **options},
    )


@pytest.mark.parametrize(
    "registry",
    [COLUMN_TYPES, CONTROLS, SHOWS, API_FIELDS],
    ids=["columns", "controls", "cells", "api"],
)
def test_every_field_type_is_in_every_registry(registry: object) -> None:
    assert [name for name in FIELD_TYPES if name not in registry] == []  # type: ignore[operator]  # a Registry


def test_every_type_that_is_set_has_a_check() -> None:
    assert {name for name in FIELD_TYPES if name not in CHECKS} == WORKED_OUT


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("id_card", "11010519491231002x", "11010519491231002X"),
        ("credit_code", "91350100M000100Y43", "91350100M000100Y43"),
        ("credit_code", "91110108551385082Q", "91110108551385082Q"),
        ("credit_code", "91440300708461136T", "91440300708461136T"),
        ("mobile", "+86 138-0013-8000", "13800138000"),
        ("mobile", "+1 202 555 0172", "+12025550172"),
        ("email", "Wang@Example.COM", "Wang@example.com"),
        ("bank_card", "6222 0212 3456 7890 123", "6222021234567890123"),
        ("region", "310104", "310104"),
        ("location", "31.230416, 121.473701", "31.230416,121.473701"),
        ("colour", "#FF8800", "#ff8800"),
        ("text", "  一\x00 行 ", "一 行"),
        ("tags", ["甜", "甜", " 辣 "], ["甜", "辣"]),
        ("choices", ["b", "a", "b"], ["a", "b"]),
        ("money", Decimal("10.5"), Decimal("10.50")),
        ("rich_text", "<b onclick=x>粗</b><script>1</script>", "<b>粗</b>"),
        ("integer", Decimal("3"), 3),
        ("text", "", None),
    ],
)
def test_good_values_are_stored_in_one_form(kind: str, value: object, stored: object) -> None:
    assert check_value(a_field(kind), value) == stored


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("id_card", "110105194912310021"),
        ("id_card", "11010519491331002X"),
        ("credit_code", "91350100M000100Y44"),
        ("credit_code", "91350100M000100I43"),
        ("mobile", "12800138000"),
        ("mobile", "1380013800"),
        ("email", "nobody"),
        ("bank_card", "123"),
        ("region", "999999"),
        ("location", "91,0"),
        ("colour", "red"),
        ("choice", "c"),
        ("money", Decimal("1.005")),
        ("money", Decimal("1e13")),
        ("percent", Decimal(101)),
        ("integer", Decimal("1.5")),
        ("integer", True),
        ("rating", 6),
        ("text", "x" * 201),
        ("url", "javascript:alert(1)"),
        ("link", -1),
        ("json", "text"),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(kind: str, value: object) -> None:
    with pytest.raises(WrongValue) as caught:
        check_value(a_field(kind), value)
    assert str(caught.value.message)


def test_luhn_is_only_a_warning() -> None:
    assert not fails_luhn("4111111111111111")
    assert fails_luhn("4111111111111112")


def test_a_region_has_its_names() -> None:
    assert region_names("310104") == ("上海市", "徐汇区")
    assert region_names("000000") == ()
