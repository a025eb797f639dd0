"""Tells a wider column type from a narrower one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Integer, Numeric, SmallInteger, String
from sqlalchemy.types import TypeEngine


def widens(old: TypeEngine[Any], new: TypeEngine[Any]) -> bool:
    """Whether every value of the old type is one of the new type."""
    for before, after in ((_size(old), _size(new)), (_length(old), _length(new))):
        if before is not None and after is not None:
            return before <= after
    if isinstance(old, Numeric) and isinstance(new, Numeric):
        old_scale, new_scale = old.scale or 0, new.scale or 0
        whole = (new.precision or 0) - new_scale >= (old.precision or 0) - old_scale
        return whole and new_scale >= old_scale
    return False


def _size(kind: TypeEngine[Any]) -> int | None:
    """The bytes of a whole number."""
    if isinstance(kind, SmallInteger):
        return 2
    return 8 if isinstance(kind, BigInteger) else 4 if isinstance(kind, Integer) else None


def _length(kind: TypeEngine[Any]) -> int | None:
    """The longest text; texts without a limit are longer than any."""
    return (kind.length or 2**31) if isinstance(kind, String) else None
