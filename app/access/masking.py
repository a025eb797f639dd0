"""How masked values look."""

from __future__ import annotations

from collections.abc import Callable

from app.language.definitions import Field, Schema

HIDDEN_TEXT = "******"


def mask_of(schema: Schema, field: Field) -> str:
    """The name of the mask of a field: that of its class, else ``all``."""
    known = schema.portal.classes.get(field.sensitivity or "")
    return known.mask if known else "all"


def masked(value: object, mask: str) -> str | None:
    """A value as somebody sees it who may not read it; None stays None."""
    if value is None:
        return None
    return _MASKS[mask](str(value)) if isinstance(value, str) else HIDDEN_TEXT


# Private


def _keep(text: str, first: int, last: int) -> str:
    if len(text) <= first + last:
        return HIDDEN_TEXT
    return text[:first] + "*" * (len(text) - first - last) + text[len(text) - last :]


_MASKS: dict[str, Callable[[str], str]] = {
    "phone": lambda text: _keep(text, 3, 4),
    "id_card": lambda text: _keep(text, 3, 4),
    "tail": lambda text: _keep(text, 0, 4),
    "name": lambda text: text[:1] + "*" * max(1, len(text) - 1),
    "all": lambda text: HIDDEN_TEXT,
}
