"""The JSON Schema of schema files, made from the registries, for completion and checks in editors."""

from __future__ import annotations

from typing import Any

from app.language.field_types import FIELD_TYPES, FieldType, Option
from app.language.fields import TONES
from app.language.portals import ADMINISTERS, MASKS
from app.language.reminder_definitions import CHANNELS

Document = dict[str, Any]
NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}
NAMES: Document = {"type": "array", "items": {"type": "string"}}
CONDITION: Document = {"type": ["string", "number", "boolean"]}
LABEL: Document = {"$ref": "#/$defs/label"}
FLAG: Document = {"type": "boolean"}
OPTION_KINDS: dict[str, Document] = {
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "name": NAME,
    "entity": NAME,
    "series": {"type": "string"},
    "pattern": {"type": "string"},
    "currency": {"type": "string", "pattern": "^[A-Z]{3}$"},
    "aggregate": {"type": "string"},
    "path": {"type": "string"},
    "names": NAMES,
    "words": NAMES,
    "entities": NAMES,
    "label": LABEL,
    "choices": {"type": "object", "additionalProperties": {"$ref": "#/$defs/choice"}},
    "date": CONDITION,
    "condition": CONDITION,
    "expression": CONDITION,
}


def json_schema() -> Document:
    """The document; a file is a portal, an entity or a role."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Storewarden schema file",
        "oneOf": [
            {"$ref": f"#/$defs/{kind}"}
            for kind in ("portal", "entity", "role", "reminder", "dashboard")
        ],
        "$defs": {
            "label": _closed({"zh": TEXT, "en": TEXT, "en_plural": TEXT}, "zh", "en"),
            "choice": _choice(),
            "field": {"oneOf": [_field(FIELD_TYPES.get(name)) for name in FIELD_TYPES]},
            "section": _section(),
            "portal": _portal(),
            "entity": _entity(),
            "role": _role(),
            "reminder": _reminder(),
            "dashboard": _dashboard(),
        },
    }


# Private

TEXT: Document = {"type": "string"}


def _closed(properties: Document, *required: str) -> Document:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _dashboard() -> Document:
    given = _table({"type": ["string", "number", "boolean"]})
    figure = {
        "report": NAME,
        "column": NAME,
        "label": LABEL,
        "trend": {"type": "integer"},
        "params": given,
    }
    whole: Document = {"type": "integer"}
    picture = {"report": NAME, "label": LABEL, "wide": FLAG, "most": whole, "params": given}
    parts = {
        "dashboard": NAME, "label": LABEL, "help": LABEL, "icon": TEXT, "for": NAMES,
        "figures": _list(_closed(figure, "report", "column")),
        "pictures": _list(_closed(picture, "report")),
    }  # fmt: skip
    return _closed(parts, "dashboard", "label", "for")


def _reminder() -> Document:
    amount: Document = {"type": ["integer", "string"], "pattern": "^[+-]?[0-9]{1,4}[dhw]?$"}
    lead = {"oneOf": [amount, _closed({"at": amount, "where": CONDITION}, "at")]}
    step = {"at": amount, "where": CONDITION, "to": NAMES, "red": FLAG}
    parts = {
        "reminder": NAME, "code": TEXT, "label": LABEL, "entity": NAME, "date": CONDITION, "where": CONDITION,
        "leads": _list(lead), "then": {"enum": ["daily", "stop"]}, "to": NAMES, "about": TEXT, "quiet": TEXT,
        "channels": _list({"enum": list(CHANNELS)}), "escalate": _list(_closed(step, "at")),
        "workdays": FLAG, "active": FLAG, "catch_up": {"type": "integer"},
        "text": _closed({"title": LABEL, "body": LABEL}, "title"),
    }  # fmt: skip
    return _closed(parts, "reminder", "label", "entity", "date", "leads", "to", "text")


def _table(item: Document) -> Document:
    return {"type": "object", "additionalProperties": item}


def _list(item: Document) -> Document:
    return {"type": "array", "items": item}


def _choice() -> Document:
    plain = {"zh": TEXT, "en": TEXT, "en_plural": TEXT}
    toned = {"label": LABEL, "tone": {"enum": list(TONES)}}
    return {"oneOf": [_closed(plain, "zh", "en"), _closed(toned, "label")]}


def _option(option: Option) -> Document:
    return {"enum": list(option.words)} if option.kind == "word" else OPTION_KINDS[option.kind]


def _field(field_type: FieldType) -> Document:
    common: Document = {
        "type": {"const": field_type.name},
        "label": LABEL,
        "help": LABEL,
        "class": TEXT,
        "was": TEXT,
        "messages": _table(LABEL),
    }
    common |= dict.fromkeys(("required", "unique", "index", "search", "readonly"), FLAG)
    common |= dict.fromkeys(("default", "show_when", "require_when", "readonly_when"), CONDITION)
    own = {name: _option(option) for name, option in field_type.options.items()}
    required = [name for name, option in field_type.options.items() if option.required]
    return _closed({**common, **own}, "type", "label", *required) | {
        "description": field_type.label.en
    }


def _section() -> Document:
    return _closed({"section": LABEL, "fields": NAMES, "show_when": CONDITION}, "section", "fields")


def _portal() -> Document:
    kept = {"type": "integer"}
    classes = {
        "label": LABEL,
        "purpose": LABEL,
        "basis": TEXT,
        "keep_months": kept,
        "mask": {"enum": list(MASKS)},
    }
    module = {"label": LABEL, "icon": TEXT, "entities": NAMES, "enabled": FLAG}
    shown = {"label": LABEL, "entity": NAME, "where": CONDITION}
    tile = _closed({**shown, "icon": TEXT, "tone": {"enum": list(TONES)}}, "label", "entity")
    agenda = _closed({**shown, "columns": NAMES, "sort": TEXT}, "label", "entity", "where")
    properties = {
        "portal": NAME,
        "label": LABEL,
        "tree": NAME,
        "person": _closed({"entity": NAME, "account": NAME, "until": NAME}, "entity", "account"),
        "holidays": _closed(
            {"entity": NAME, "day": NAME, "works": CONDITION, "where": CONDITION}, "entity", "day"
        ),
        "currency": TEXT,
        "keep_snapshots_days": {"type": "integer", "minimum": 1, "maximum": 36_500},
        "classes": _table(_closed(classes, "label")),
        "modules": _table(_closed(module, "label", "entities")),
        "home": _closed({"tiles": _list(tile), "agenda": _list(agenda)}),
    }
    return _closed(properties, "portal", "label")


def _entity() -> Document:
    check = _closed({"that": CONDITION, "at": NAME, "say": LABEL, "warning": FLAG}, "that", "say")
    lock = _closed({"when": CONDITION, "say": LABEL}, "when", "say")
    tone = {"enum": list(TONES)}
    state = _closed({"label": LABEL, "tone": tone, "start": FLAG, "final": FLAG}, "label")
    view = _closed({"label": LABEL, "where": CONDITION, "columns": NAMES, "sort": TEXT}, "label")
    listed = {"columns": NAMES, "sort": TEXT, "filters": NAMES, "views": _table(view)}
    tab = _closed({"tab": LABEL, "sections": _list({"$ref": "#/$defs/section"})}, "tab", "sections")
    properties = {
        "entity": NAME,
        "label": LABEL,
        "help": LABEL,
        "icon": TEXT,
        "title": TEXT,
        "scope": TEXT,
        "owner": NAME,
        "delete": {"enum": ["soft", "hard", "never"]},
        "menu": FLAG,
        "was": NAME,
        "fields": _table({"$ref": "#/$defs/field"}),
        "unique": _list(NAMES),
        "index": _list(NAMES),
        "checks": _list(check),
        "locks": _list(lock),
        "states": _table(state),
        "state_label": LABEL,
        "moves": _table(_move()),
        "list": _closed(listed),
        "form": _list({"oneOf": [{"$ref": "#/$defs/section"}, tab]}),
        "related": _list(_closed({"list": TEXT, "columns": NAMES}, "list")),
    }
    return _closed(properties, "entity", "label", "title", "scope", "fields")


def _move() -> Document:
    properties = {
        "label": LABEL,
        "from": {"oneOf": [TEXT, NAMES]},
        "to": NAME,
        "when": CONDITION,
        "say": LABEL,
        "tone": {"enum": list(TONES)},
        "asks": NAMES,
        "offers": NAMES,
        "sets": _table(CONDITION),
    }
    return _closed(properties, "label", "from", "to")


def _role() -> Document:
    either: Document = {"oneOf": [FLAG, NAMES]}
    rights = dict.fromkeys(("read", "delete", "export", "print", "import"), FLAG)
    rights |= dict.fromkeys(("create", "edit", "move", "show"), either)
    rights |= {"hide": NAMES, "mask": NAMES}
    properties = {
        "role": NAME,
        "label": LABEL,
        "help": LABEL,
        "sees": _table(CONDITION),
        "may": _table(_closed(rights)),
        "administers": _list({"enum": list(ADMINISTERS)}),
    }
    return _closed(properties, "role", "label")
