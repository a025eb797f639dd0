"""The JSON Schema of schema files, made from the registries, for completion and checks in editors."""

from __future__ import annotations

from app.language.definitions import Decided
from app.language.field_types import FIELD_TYPES, TWICE_FOR, FieldType, Option
from app.language.fields import TONES
from app.language.hidings import HIDE_WHEN
from app.language.json_parts import (
    CONDITION,
    FLAG,
    LABEL,
    NAME,
    NAMES,
    TEXT,
    Document,
    closed,
    list_of,
    table_of,
)
from app.language.json_schema_reports import report_schema
from app.language.portals import ADMINISTERS, ASKED_RIGHTS, MASKS, REQUEST, REQUIRED
from app.language.reminder_definitions import CHANNELS

PACE: Document = {
    "hour": {"type": "integer", "minimum": 1},
    "day": {"type": "integer", "minimum": 1},
}
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
    """The document; a file is of one of these kinds."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Storewarden schema file",
        "oneOf": [
            {"$ref": f"#/$defs/{kind}"}
            for kind in ("portal", "entity", "role", "reminder", "dashboard", "report")
        ],
        "$defs": {
            "label": closed({"zh": TEXT, "en": TEXT, "en_plural": TEXT}, "zh", "en"),
            "choice": _choice(),
            "field": {"oneOf": [_field(FIELD_TYPES.get(name)) for name in FIELD_TYPES]},
            "section": _section(),
            "portal": _portal(),
            "entity": _entity(),
            "role": _role(),
            "reminder": _reminder(),
            "dashboard": _dashboard(),
            "report": report_schema(),
        },
    }


# Private


def _dashboard() -> Document:
    given = table_of({"type": ["string", "number", "boolean"]})
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
        "figures": list_of(closed(figure, "report", "column")),
        "pictures": list_of(closed(picture, "report")),
    }  # fmt: skip
    return closed(parts, "dashboard", "label", "for")


def _reminder() -> Document:
    amount: Document = {"type": ["integer", "string"], "pattern": "^[+-]?[0-9]{1,4}[dhw]?$"}
    lead = {"oneOf": [amount, closed({"at": amount, "where": CONDITION}, "at")]}
    step = {"at": amount, "where": CONDITION, "to": NAMES, "red": FLAG}
    parts = {
        "reminder": NAME, "code": TEXT, "label": LABEL, "entity": NAME, "date": CONDITION, "where": CONDITION,
        "leads": list_of(lead), "then": {"enum": ["daily", "stop"]}, "to": NAMES, "about": TEXT, "quiet": TEXT,
        "channels": list_of({"enum": list(CHANNELS)}), "escalate": list_of(closed(step, "at")),
        "workdays": FLAG, "active": FLAG, "catch_up": {"type": "integer"},
        "text": closed({"title": LABEL, "body": LABEL}, "title"),
    }  # fmt: skip
    return closed(parts, "reminder", "label", "entity", "date", "leads", "to", "text")


def _choice() -> Document:
    plain = {"zh": TEXT, "en": TEXT, "en_plural": TEXT}
    toned = {"label": LABEL, "tone": {"enum": list(TONES)}}
    return {"oneOf": [closed(plain, "zh", "en"), closed(toned, "label")]}


def _option(option: Option) -> Document:
    return {"enum": list(option.words)} if option.kind == "word" else OPTION_KINDS[option.kind]


def _field(field_type: FieldType) -> Document:
    common: Document = {
        "type": {"const": field_type.name},
        "label": LABEL,
        "help": LABEL,
        "class": NAME,
        "whose": NAME,
        "was": TEXT,
        "messages": table_of(LABEL),
        TWICE_FOR: NAMES,
    }
    common |= dict.fromkeys(("required", "unique", "index", "search", "readonly"), FLAG)
    common |= dict.fromkeys(("default", "show_when", "require_when", "readonly_when"), CONDITION)
    own = {name: _option(option) for name, option in field_type.options.items()}
    required = [name for name, option in field_type.options.items() if option.required]
    return closed({**common, **own}, "type", "label", *required) | {
        "description": field_type.label.en
    }


def _section() -> Document:
    return closed({"section": LABEL, "fields": NAMES, "show_when": CONDITION}, "section", "fields")


def _portal() -> Document:
    kept = {"type": "integer"}
    classes = {
        "label": LABEL,
        "purpose": LABEL,
        "basis": TEXT,
        "keep_months": kept,
        "must_keep_months": kept,
        "mask": {"enum": list(MASKS)},
        "encrypt": FLAG,
        "consent": NAME,
        "log_reads": FLAG,
        "open": FLAG,
    }
    module = {"label": LABEL, "icon": TEXT, "entities": NAMES, "enabled": FLAG}
    shown = {"label": LABEL, "entity": NAME, "where": CONDITION}
    tile = closed({**shown, "icon": TEXT, "tone": {"enum": list(TONES)}}, "label", "entity")
    agenda = closed({**shown, "columns": NAMES, "sort": TEXT}, "label", "entity", "where")
    properties = {
        "portal": NAME,
        "label": LABEL,
        "class": NAME,
        "bases": table_of(LABEL),
        "tree": NAME,
        "person": closed({"entity": NAME, "account": NAME, "until": NAME}, "entity", "account"),
        "holidays": closed(
            {"entity": NAME, "day": NAME, "works": CONDITION, "where": CONDITION}, "entity", "day"
        ),
        "currency": TEXT,
        "reveal": closed(
            {
                **PACE,
                "on_notice": closed(PACE),
                "reasons": list_of(closed(dict.fromkeys(("zh", "en"), TEXT), "zh", "en")),
            }
        ),
        "guard": closed(
            {
                **dict.fromkeys(("window", "deletes", "changes"), kept),
                "on_notice": closed({"deletes": kept, "changes": kept, "when": CONDITION}),
            }
        ),
        "consents": _consents(),
        "keep_snapshots_days": {"type": "integer", "minimum": 1, "maximum": 36_500},
        "classes": table_of(closed(classes, "label", "purpose", "basis")),
        "modules": table_of(closed(module, "label", "entities")),
        "home": closed({"tiles": list_of(tile), "agenda": list_of(agenda)}),
    }
    return closed(properties, "portal", "label")


def _consents() -> Document:
    parts = {"edition": TEXT, "notice": LABEL, "instead": LABEL}
    fields = ("entity", "person", "topic", "edition", "given", "withdrawn")
    topics = table_of(closed(parts, *parts))
    return closed({**dict.fromkeys(fields, NAME), "topics": topics}, *fields, "topics")


def _entity() -> Document:
    check = closed({"that": CONDITION, "at": NAME, "say": LABEL, "warning": FLAG}, "that", "say")
    lock = closed({"when": CONDITION, "say": LABEL}, "when", "say")
    ends = {"since": NAME, "until": NAME}
    apart = closed({"by": NAMES, **ends, "where": CONDITION, "at": NAME, "say": LABEL}, "by", "say")
    tone = {"enum": list(TONES)}
    state = closed({"label": LABEL, "tone": tone, "start": FLAG, "final": FLAG}, "label")
    view = closed({"label": LABEL, "where": CONDITION, "columns": NAMES, "sort": TEXT}, "label")
    listed = {"columns": NAMES, "sort": TEXT, "filters": NAMES, "views": table_of(view)}
    tab = closed(
        {"tab": LABEL, "sections": list_of({"$ref": "#/$defs/section"})}, "tab", "sections"
    )
    periods = dict.fromkeys(("in", "of", "was", "now", "since", "until", "request"), NAME)
    properties = {
        "entity": NAME,
        "label": LABEL,
        "help": LABEL,
        "icon": TEXT,
        "title": TEXT,
        "scope": TEXT,
        "class": NAME,
        "owner": NAME,
        "delete": {"enum": ["soft", "hard", "never"]},
        "menu": FLAG,
        "viewing": closed({**PACE, "on_notice": closed(PACE), "roles": table_of(closed(PACE))}),
        "subject": closed({"ends": NAME, "also": NAMES}),
        "was": NAME,
        "fields": table_of({"$ref": "#/$defs/field"}),
        "unique": list_of(NAMES),
        "index": list_of(NAMES),
        "checks": list_of(check),
        "apart": list_of(apart),
        "locks": list_of(lock),
        "states": table_of(state),
        "state_label": LABEL,
        "moves": table_of(_move()),
        "then": list_of(_effect()),
        "history": table_of(
            closed(periods, *(name for name in periods if name not in ("was", "request")))
        ),
        "list": closed(listed),
        "form": list_of({"oneOf": [{"$ref": "#/$defs/section"}, tab]}),
        "related": list_of(closed({"list": TEXT, "columns": NAMES}, "list")),
    }
    return closed(properties, "entity", "label", "title", "scope", "fields")


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
        "sets": table_of(CONDITION),
        "then": list_of(_effect()),
        "deletes": FLAG,
    }
    return closed(properties, "label", "from", "to")


def _effect() -> Document:
    both = {"when": CONDITION, "sets": table_of(CONDITION)}
    changed = both | {"must": CONDITION, "say": LABEL, "take": NAME}
    kinds = (
        closed(changed | {"change": NAME}, "change"),
        closed(changed | {"change_each": NAME, "where": CONDITION}, "change_each", "where"),
        closed(both | {"create": NAME}, "create", "sets"),
    )
    return {"oneOf": list(kinds)}


def _role() -> Document:
    either: Document = {"oneOf": [FLAG, NAMES]}
    rights = dict.fromkeys(("read", "print", "import"), FLAG)
    rights |= {right.value: {"oneOf": [FLAG, {"const": REQUEST}]} for right in ASKED_RIGHTS}
    rights |= dict.fromkeys(("create", "edit", "move", "show", "reveal"), either)
    rights |= {"hide": NAMES, "mask": NAMES, "ask": NAMES}
    rights[HIDE_WHEN] = closed({"when": CONDITION, "fields": NAMES}, "when", "fields")
    properties = {
        "role": NAME,
        "label": LABEL,
        "help": LABEL,
        "sees": table_of(CONDITION),
        "may": table_of(closed(rights)),
        "administers": list_of({"enum": list(ADMINISTERS)}),
        "approves": closed({kind.value: either for kind in Decided}),
        "second_factor": {"const": REQUIRED},
    }
    return closed(properties, "role", "label")
