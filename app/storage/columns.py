"""The column type of each field type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    Integer,
    Numeric,
    SmallInteger,
    String,
    Text,
    Time,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from app.kernel.registry import Registry
from app.language.definitions import SYSTEM_FIELDS, Field
from app.storage.encryption import EncryptedText

ColumnType = Callable[[Field], "TypeEngine[Any]"]
COLUMN_TYPES: Registry[ColumnType | None] = Registry("column type")


def column_type(field: Field) -> TypeEngine[Any] | None:
    """The SQL type of a field's column; None when the field has no column of its own."""
    if field.encrypted:
        return EncryptedText()
    make = COLUMN_TYPES.get(field.type)
    return make(field) if make else None


def column_name(field: Field) -> str:
    """The column that holds a field; links end in ``_id``, the system's own are called as they are."""
    if field.name in SYSTEM_FIELDS:
        return field.name
    return f"{field.name}_id" if field.type in ("link", "parent") else field.name


# Private


def _text(field: Field) -> TypeEngine[Any]:
    return String(int(field.options.get("max", 200)))


def _numeric(precision: int, places: int) -> ColumnType:
    return lambda field: Numeric(precision, int(field.options.get("places", places)))


def _add() -> None:
    plain: dict[str, ColumnType | None] = {
        "text": _text,
        "long_text": lambda field: Text(),
        "rich_text": lambda field: Text(),
        "code": lambda field: String(80),
        "integer": lambda field: BigInteger(),
        "decimal": _numeric(20, 2),
        "money": lambda field: Numeric(14, 2),
        "percent": _numeric(9, 2),
        "yes_no": lambda field: Boolean(),
        "date": lambda field: Date(),
        "datetime": lambda field: DateTime(timezone=True),
        "time": lambda field: Time(),
        "duration": lambda field: Integer(),
        "month": lambda field: Date(),
        "choice": lambda field: String(40),
        "choices": lambda field: ARRAY(Text()),
        "tags": lambda field: ARRAY(Text()),
        "link": lambda field: BigInteger(),
        "parent": lambda field: BigInteger(),
        "links": None,
        "children": None,
        "reference": lambda field: String(80),
        "file": lambda field: BigInteger(),
        "image": lambda field: BigInteger(),
        "signature": lambda field: BigInteger(),
        "files": lambda field: ARRAY(BigInteger()),
        "phone": lambda field: String(40),
        "mobile": lambda field: String(20),
        "email": lambda field: String(254),
        "url": lambda field: String(2000),
        "id_card": lambda field: String(18),
        "credit_code": lambda field: String(18),
        "bank_card": lambda field: String(24),
        "region": lambda field: String(6),
        "location": lambda field: String(40),
        "colour": lambda field: String(7),
        "rating": lambda field: SmallInteger(),
        "json": lambda field: JSONB(),
        "secret": lambda field: String(int(field.options.get("max", 200))),
        "computed": None,
        "lookup": None,
        "summary": None,
    }
    for name, make in plain.items():
        COLUMN_TYPES.add(name, make)


_add()
