"""Every address of a portal with keys of all kinds, and what its tables hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

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
    }
)
# What differs without telling anything: tokens, unguessable numbers of records and of forms.
CHANCE = re.compile(
    r"csrf[_-]token\W+(?:value|content)=\"[^\"]+\"|name=\"once\" value=\"[^\"]+\""
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|eyJ[\w.-]+"
)
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
    portal: Portal, method: str, keys: Collection[int], foreign: dict[str, int], skipped: tuple[str, ...] = ()
) -> list[str]:  # fmt: skip
    """Every address for a method: with the foreign key of its entity, and with each of ``keys``."""
    found: set[str] = set()
    for rule in rules(portal, method):
        if rule.rule.startswith(skipped) if skipped else False:
            continue
        name = entity_of(portal, rule)
        own = {foreign[name]} if name in foreign else set()
        for key in own | set(keys):
            # A key that nothing has needs no second word beside it.
            for words in islice(_words(portal, name), None if key in own else 1):
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


def _words(portal: Portal, name: str) -> Iterator[dict[str, str]]:
    """What stands for the words in an address: fields, moves and related lists of the entity."""
    common = {"name": "plants_by_species", "key": "task.doer", "token": "x" * 43, "deed": "read",
              "locale": "en", "role": "owner", "entity": "buyer", "field": "doer", "parameter": "bed"}  # fmt: skip
    yield common
    if name:
        entity = portal.schema.entities[name]
        for field in entity.fields.values():
            yield {**common, "field": field.name, "name": field.name}
        for move in entity.states.moves if entity.states else ():
            yield {**common, "name": str(getattr(move, "name", move))}
        for related in entity.related:
            yield {**common, "key": f"{related.entity}.{related.by}"}
