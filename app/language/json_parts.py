"""The small parts that the JSON Schema of every kind of file is made of."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]
NAME: Document = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}
TEXT: Document = {"type": "string"}
NAMES: Document = {"type": "array", "items": {"type": "string"}}
CONDITION: Document = {"type": ["string", "number", "boolean"]}
LABEL: Document = {"$ref": "#/$defs/label"}
FLAG: Document = {"type": "boolean"}


def closed(properties: Document, *required: str) -> Document:
    """A mapping with these keys and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def table_of(item: Document) -> Document:
    """A mapping of names that authors choose."""
    return {"type": "object", "additionalProperties": item}


def list_of(item: Document) -> Document:
    """A list of like things."""
    return {"type": "array", "items": item}
