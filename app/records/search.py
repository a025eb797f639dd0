"""Free search: what is kept for it, and how a typed text becomes a condition."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, and_, cast, func, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from app.language.definitions import Entity

MAX_TERMS = 5
LONGEST_TERM = 60

GRAMS_FUNCTION = r"""
CREATE OR REPLACE FUNCTION portal_grams(value text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
  token text;
  chars text[];
  size integer;
  pair text;
  found text[] := '{}';
BEGIN
  FOREACH token IN ARRAY regexp_split_to_array(value, '\s+') LOOP
    chars := string_to_array(token, NULL);
    size := cardinality(chars);
    CONTINUE WHEN size = 0;
    found := found || ('^' || chars[1]);
    IF size > 1 THEN
      found := found || ('^' || chars[1] || chars[2]);
    END IF;
    FOR i IN 1 .. size - 1 LOOP
      pair := chars[i] || chars[i + 1];
      IF octet_length(pair) > 2 THEN
        found := found || pair;
      ELSIF octet_length(chars[i + 2]) = 1 THEN
        found := found || (pair || chars[i + 2]);
      END IF;
    END LOOP;
  END LOOP;
  RETURN found;
END $$
"""


def search_text(entity: Entity, values: Mapping[str, Any]) -> str:
    """What free search looks into: the searched fields, their pinyin and initials, in small letters."""
    tokens: dict[str, None] = {}
    for field in entity.search_fields:
        value = values.get(field.name)
        if value is None:
            continue
        text = str(value).lower()[:400]
        tokens.update(dict.fromkeys(text.split()))
        if _has_chinese(text):
            syllables = pinyin(text[:60])
            tokens["".join(syllables)] = None
            initials = (part if part in text else part[:1] for part in syllables)
            tokens["".join(initials)] = None
    return "\n".join(tokens)


def sort_key(text: object) -> str:
    """A key by which names sort as in a Chinese directory: pinyin, small letters."""
    value = str(text or "").lower()[:100]
    return (
        "".join(f"{syllable} " for syllable in pinyin(value)).strip()[:200]
        if _has_chinese(value)
        else value
    )


@lru_cache(maxsize=4096)
def pinyin(text: str) -> tuple[str, ...]:
    """The syllables of Chinese characters, other characters as they are."""
    from pypinyin import lazy_pinyin  # its dictionary costs memory that readers need not pay

    return tuple(part.strip() for part in lazy_pinyin(text) if part.strip())


def terms(typed: str) -> tuple[str, ...]:
    """The words of a search, in small letters."""
    return tuple(term[:LONGEST_TERM] for term in typed.lower().split()[:MAX_TERMS])


def matches(column: ColumnElement[str], typed: str) -> ColumnElement[bool]:
    """Rows whose search text holds every word of ``typed``; finds them by the index of grams."""
    return and_(*(_matches_term(column, term) for term in terms(typed)))


# Private


def _matches_term(column: ColumnElement[str], term: str) -> ColumnElement[bool]:
    grams = _grams(term)
    wanted = cast(literal(grams, ARRAY(Text)), ARRAY(Text))
    indexed = func.portal_grams(column).op("@>", is_comparison=True)(wanted)
    escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    if grams[0].startswith("^"):
        return and_(indexed, ("\n" + column).like(f"%\n{escaped}%"))
    return and_(indexed, column.like(f"%{escaped}%"))


def _grams(term: str) -> list[str]:
    """The grams that any text with ``term`` in it has; marked ones stand for the start of a word."""
    inner = [term[i : i + 2] for i in range(len(term) - 1) if not _ascii(term[i : i + 2])]
    inner += [term[i : i + 3] for i in range(len(term) - 2) if _ascii(term[i : i + 3])]
    return list(dict.fromkeys(inner)) or [f"^{term}"]


def _ascii(text: str) -> bool:
    return all(" " <= char <= "~" for char in text)


def _has_chinese(text: str) -> bool:
    return any("\u3400" <= char <= "\u9fff" for char in text)
