"""The small chain with rows of every kind that somebody may not see, and own accounts of those who look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from app.features.demo.numbers import credit_code
from app.language.definitions import Entity, Field
from app.language.paths import link_target
from tests.support.portals import Portal
from tests.support.small_chain import Chain, build_chain

FAR, NEAR = "CANARY-of-the-south", "CANARY-of-a-colleague"
DAY, MOMENT = date(2026, 6, 11), datetime(2026, 6, 11, 4, tzinfo=UTC)
NUMBERS = ("integer", "decimal", "money")
TEXTS = ("text", "long_text", "rich_text")
PLACED = ("org_unit", "store", "staff")
# What a rule of the schema wants beyond the types of the fields.
RULES: Mapping[str, Mapping[str, Any]] = {
    "approval": {"state": "waiting"},
    "certificate": {"expires_on": date(2026, 12, 1)},
    "leave_record": {"day_count": 1},
    "contract": {"ends_on": date(2029, 6, 9)},
    "offboarding_case": {"submitted_on": DAY, "last_day_agreed": date(2026, 7, 31)},
}
# One for each canary and portal: no two people share a number.
MOBILES = {FAR: ("13811112222", "13911112222"), NEAR: ("13811113333", "13911113333")}


def build_chain_with_strangers(portal: Portal, number: int = 0) -> dict[str, dict[str, int]]:
    """Fill the portal; the keys of what was planted by canary and entity.

    ``FAR`` rows stand in the south; ``NEAR`` ones in the eastern store, with its manager. What the
    far ones say differs with ``number``.
    """
    build_chain(portal)
    chain, ids = Chain(portal), portal.ids
    ids["account east_hr"] = portal.account("east_hr", "hr", ids["东区"])
    ids["account clerk"] = portal.account("clerk", "staff_self", ids["甲店"])
    for name, account in (("李试用", "clerk"), ("周离开", "east_hr")):
        _change(portal, "staff", ids[name], account=ids[f"account {account}"])
    far = {"org_unit": ids["丙店"], "store": ids["store 丙店"], "staff": ids["郑店长"]}
    for name, key in far.items():
        _change(portal, name, key, name=_words(FAR, "name", number))
    near = {"org_unit": ids["甲店"], "store": ids["store 甲店"], "staff": ids["王店长"]}
    return {FAR: _planted(chain, far, FAR, number), NEAR: _planted(chain, near, NEAR, 0)}


# Private


def _change(portal: Portal, entity: str, key: int, **values: Any) -> None:
    with portal.records() as records:
        version = records.get(entity, key, ("version",)).values["version"]
        records.change(entity, key, values, version)


def _planted(chain: Chain, begun: Mapping[str, int], canary: str, number: int) -> dict[str, int]:
    """A row of every kind that has a place."""
    schema = chain.portal.schema
    found, waiting = (
        dict(begun),
        [one for one in schema.enabled_entities() if one.has_place and one.name not in PLACED],
    )
    while waiting:
        ready = [one for one in waiting if not _wanted(one) - _known(chain, found)]
        assert ready, [one.name for one in waiting]
        for entity in ready:
            row = _row(chain, entity, found, canary, number)
            found[entity.name] = chain.one(entity.name, **row)
            waiting.remove(entity)
    return found


def _known(chain: Chain, found: Mapping[str, int]) -> set[str]:
    return {
        *found,
        *(name for name, one in chain.portal.schema.entities.items() if not one.has_place),
    }


def _wanted(entity: Entity) -> set[str]:
    """The kinds to which a row must point."""
    must = [one for one in entity.settable_fields if one.required]
    links = {str(link_target(one, entity)) for one in must if one.type == "link"}
    return links | {one.options["to"][0] for one in must if one.type == "reference"}


def _row(
    chain: Chain, entity: Entity, found: Mapping[str, int], canary: str, number: int
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    pointed: set[str] = set()
    # Rules want several people in one record to be different ones, so only the first link leads there.
    for one in sorted(entity.settable_fields, key=lambda one: not one.required):
        target = str(link_target(one, entity)) if one.type == "link" else ""
        if one.required or target not in pointed:
            made[one.name] = _value(chain, one, entity, found, canary, number)
            pointed |= {target} - {""}
    if entity.name == "ownership_request":
        made["to_staff"] = found["staff"]
    made = {name: value for name, value in made.items() if value is not None}
    return {**made, **RULES.get(entity.name, {})}


def _words(canary: str, field: str, number: int) -> str:
    return (f"{canary}-{field}", f"丽水{canary}另外{field}")[number]


def _value(
    chain: Chain, field: Field, entity: Entity, found: Mapping[str, int], canary: str, number: int
) -> Any:  # fmt: skip
    options = field.options
    if field.show_when or (field.type in TEXTS and options.get("pattern")):
        return None
    if field.type in TEXTS:
        return _words(canary, field.name, number)[: options.get("max") or 200]
    if field.type == "mobile":
        return MOBILES[canary][number]
    if field.type == "tags":
        return [_words(canary, "tag", number)[:30]]
    if field.type in ("decimal", "money") and not field.required:
        return None
    if field.type == "link" and not field.required:
        return found.get(str(link_target(field, entity)))
    return _plain(chain, field, entity, found, number) if field.required else None


def _plain(
    chain: Chain, field: Field, entity: Entity, found: Mapping[str, int], number: int
) -> Any:
    if field.type == "link":
        target = str(link_target(field, entity))
        return found.get(target) or chain.portal.scalar(f'SELECT min(id) FROM "{target}"')
    if field.default is not None:
        return None
    if field.type == "reference":
        target = field.options["to"][0]
        return f"{target}:{found[target]}"
    if field.type == "choice":
        return field.choices[0].name
    low, high = field.options.get("min"), field.options.get("max")
    if field.type in NUMBERS and high is not None and Decimal(high) <= Decimal(low or 1):
        return Decimal(high)
    return {
        "integer": int(low or 1) + number, "decimal": Decimal(low or 1) + number, "money": Decimal(low or 500) + number,
        "percent": Decimal(30 + number), "date": DAY, "datetime": MOMENT, "month": date(2026, 4, 1),
        "time": time(9), "region": "310100",
        "credit_code": credit_code(900 + number), "duration": 30,
    }.get(field.type)  # fmt: skip
