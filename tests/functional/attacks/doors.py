"""Every address of a portal with keys of all kinds, and what its tables hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from app.language.definitions import Entity
from tests.support.portals import Portal

# Kept by the portal about its own doings; everything else is data.
OWN_AFFAIRS = frozenset(
    {
        "portal_session",
        "portal_attempt",
        "portal_viewed",
        "portal_searched",
        "portal_values_read",
        "portal_notice",
        "portal_audit_entry",
        "portal_audit_head",
        "portal_audit_value",
        "portal_export_blocked",
    }
)
# What differs without telling anything: tokens, unguessable numbers of records and of forms.
CHANCE = re.compile(
    r"csrf[_-]token\W+(?:value|content)=\"[^\"]+\"|name=\"once\" value=\"[^\"]+\""
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|eyJ[\w.-]+"
)
# What is done to a record by the last word of an address.
DEEDS = {
    "privacy": ("erase", "copy", "hold", "lift"),
    "canaries": ("set", "clear"),
    "notices": ("read", "handled"),
}
# The types whose fields lead to other records, to files or to words that others wrote.
LEADING = ("link", "links", "parent", "reference", "children", "tags", "lookup")
FILES = ("file", "files", "image", "signature")
ABSENT = 999_999
WIDE = 2**40
HUGE = 2**70


def rules(portal: Portal, method: str) -> Iterator[Rule]:
    """The rules that answer a method."""
    found = portal.door.application()
    assert isinstance(found, Flask)
    for rule in found.url_map.iter_rules():
        if method in (rule.methods or ()) and rule.endpoint != "static":
            yield rule


def entity_of(portal: Portal, rule: Rule) -> str:
    """The entity whose records the keys of a rule mean, else nothing."""
    parts = rule.rule.removeprefix("/api/v1").strip("/").split("/")
    return parts[0] if parts[0] in portal.schema.entities else ""


def addresses(
    portal: Portal, method: str, keys: Collection[int], foreign: Mapping[str, int], skipped: tuple[str, ...] = ()
) -> list[str]:  # fmt: skip
    """Every address for a method: with the foreign key of its entity, and with each of ``keys``."""
    found: set[str] = set()
    for rule in rules(portal, method):
        if rule.rule.startswith(skipped) if skipped else False:
            continue
        about = [entity_of(portal, rule)] if entity_of(portal, rule) else _named(portal, rule)
        for place, name in enumerate(about):
            own = {foreign[name]} if name in foreign else set()
            if place and "pk" in rule.arguments and not own:
                continue
            # What differs by the name alone needs no key that nobody has for each of them.
            for key in own | (set(keys) if place == 0 else set()) or {ABSENT}:
                # A key that nothing has needs no second word beside it.
                for words in islice(_words(portal, rule, name), None if key in own else 1):
                    values: dict[str, Any] = dict.fromkeys(rule.arguments, key)
                    values |= {part: word for part, word in words.items() if part in rule.arguments}
                    built = rule.build(values, append_unknown=False)
                    if built:
                        found.add(built[1])
    return sorted(found)


def digests(portal: Portal, left_out: Collection[str] = ()) -> dict[str, str]:
    """A digest of every table's rows by its name."""
    names = portal.column(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        " AND table_type = 'BASE TABLE' ORDER BY 1"
    )
    digest = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \"{}\" t"
    return {
        name: str(portal.scalar(digest.format(name)))
        for name in names
        if name not in OWN_AFFAIRS and name not in left_out
    }


def plain(answer: Any) -> tuple[int, str, str]:
    """An answer without what is random in it."""
    return answer.status_code, answer.mimetype, CHANCE.sub("", answer.get_data(as_text=True))


# Private


def _named(portal: Portal, rule: Rule) -> list[str]:
    """What the word ``name`` in an address may stand for: kinds of records, reports and the like."""
    if "name" not in rule.arguments:
        return [""]
    schema, first = portal.schema, rule.rule.strip("/").partition("/")[0]
    others = {
        "reports": schema.reports,
        "dashboards": schema.dashboards,
        "reminders": schema.reminders,
    }
    return [*others.get(first, schema.entities)] or ["nothing"]


def _words(portal: Portal, rule: Rule, name: str) -> Iterator[dict[str, str]]:
    """What stands for the words in an address: fields, moves and related lists of the entity."""
    schema = portal.schema
    common = {"name": name, "key": "task.doer", "token": "x" * 43, "locale": "en", "role": "owner",
              "entity": schema.portal.tree or "", "field": "doer", "parameter": "bed",
              "topic": "topic"}  # fmt: skip
    if name in schema.reports:
        yield from (
            {**common, "parameter": one} for one in schema.reports[name].parameters or ("nothing",)
        )
        return
    entity = schema.entities.get(name)
    if entity is None or not entity_of(portal, rule):
        first = rule.rule.strip("/").partition("/")[0]
        yield from ({**common, "deed": one} for one in DEEDS.get(first, ("read",)))
        return
    yield from ({**common, **words} for words in _of_entity(entity, rule))


def _of_entity(entity: Entity, rule: Rule) -> Iterator[dict[str, str]]:
    """Moves where an address has one, related lists, and of the fields all that lead on and one of each other type."""
    if "/move/" in rule.rule:
        yield {"name": "no_such_move"}
        for move in entity.states.moves if entity.states else ():
            yield {"name": str(getattr(move, "name", move))}
    elif "/files/" in rule.rule:
        yield from ({"name": one.name} for one in entity.fields.values() if one.type in FILES)
        yield {"name": next(iter(entity.fields))}
    elif "key" in rule.arguments:
        yield {"key": "task.doer"}
        yield from ({"key": f"{one.entity}.{one.by}"} for one in entity.related)
    else:
        alike = {field.type: field for field in entity.fields.values()}
        for field in entity.fields.values():
            if field.type in LEADING or alike[field.type] is field:
                yield {"field": field.name, "name": field.name}
