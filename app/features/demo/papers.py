"""Papers of people: contracts, movements, wages, consents, certificates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.chain import ENTITIES, POST, STORE_POSTS
from app.features.demo.reference import MINIMUM_WAGES
from app.features.demo.stage import Person, Stage, StorePlace, plus_months

WAGE_MONTHS = 12
TERM_MONTHS = 36
CONSENTS = ("visit_location", "electronic_contract", "photo_use")
# Of so many who visit stores, one never agreed to be located and one withdrew.
WAVERING, NEVER, WITHDREW = 6, 2, 4
EDITION = "2.1"
GUARANTEE = 2000  # what a part-timer earns at least


def build_papers(stage: Stage) -> None:
    """Load the papers of everybody."""
    random = stage.random("papers")
    places = _places(stage)
    _contracts(stage, random, places)
    stage.add("staff_wage", _wages(stage, random))
    _movements(stage, random)
    _consents(stage, random)
    stage.add("certificate", _certificates(stage, random))


# Private


def _places(stage: Stage) -> dict[int, StorePlace]:
    """The store of each unit that is one."""
    return {store.unit: store for store in stage.stores}


def _minimum(store: StorePlace | None) -> int:
    return MINIMUM_WAGES[store.city.code if store else "310100"][1][0]


def _contracts(stage: Stage, random: Random, places: dict[int, StorePlace]) -> None:
    """First terms first, so that renewals can name them."""
    waiting = [(one, 1, one.hired, 0) for one in stage.people if one.state != "pending"]
    unsigned = _unsigned(stage)
    while waiting:
        rows = []
        for one, sequence, start, before in waiting:
            open_ended = sequence >= 3 and not one.part_time
            ends = start + timedelta(days=364) if one.part_time else _end(start)
            renewed = not open_ended and ends < (one.left or stage.today)
            row = _contract(random, one, sequence, start, places.get(one.unit))
            row |= _ending(one, row, renewed=renewed, unsigned=unsigned.get(one.number))
            row |= {
                "legal_entity": _entity(stage, places.get(one.unit)),
                "extension_of": before or None,
            }
            row |= {"kind": "open"} if open_ended else {"ends_on": ends}
            row |= {"ended_on": ends} if renewed else {}
            row["created_at"] = stage.at(start - timedelta(days=3), 600)
            rows.append((row, one, sequence, ends, renewed))
        waiting = []
        ids = stage.add("contract", (row for row, *_ in rows))
        for (_, one, sequence, ends, renewed), record_id in zip(rows, ids, strict=True):
            one.contract = record_id
            if renewed:
                waiting.append((one, sequence + 1, ends + timedelta(days=1), record_id))


def _end(start: date) -> date:
    return plus_months(start, TERM_MONTHS) - timedelta(days=1)


def _unsigned(stage: Stage) -> dict[int, str]:
    """A few new people whose contract is not signed; one of them for too long."""
    new = sorted(
        (one for one in stage.people if one.state == "probation"), key=lambda one: one.hired
    )
    late = [one for one in new if one.hired < stage.day(32)][-1:]
    return {one.number: state for one, state in zip([*late, *new[-3:]], ("to_sign", "to_sign", "draft", "to_sign"), strict=False)}  # fmt: skip


def _entity(stage: Stage, store: StorePlace | None) -> int:
    return stage.known[f"legal_entity:{ENTITIES[store.area.entity if store else 0][0]}"]


def _contract(
    random: Random, one: Person, sequence: int, start: date, store: StorePlace | None
) -> dict[str, Any]:
    minimum = Decimal(_minimum(store))
    months = POST[one.post].probation if sequence == 1 and not one.part_time else 0
    wage = Decimal(one.wage if not one.part_time else max(one.wage, int(minimum)))
    row: dict[str, Any] = {
        "staff": one.id, "kind": "fixed", "sequence": sequence, "is_renewal": sequence > 1,
        "use_from": one.hired, "starts_on": start, "wage_month": wage, "minimum_wage": minimum,
        "probation_months": Decimal(months), "work_place": store.id if store else None,
        "hours_system": "comprehensive" if one.post in STORE_POSTS else "standard",
        "sign_method": random.choice(("paper", "certified")),
    }  # fmt: skip
    if months:
        probation = max(wage * Decimal("0.85"), minimum).quantize(Decimal(1))
        row |= {"probation_ends_on": plus_months(start, months), "probation_wage": probation}
    return row


def _ending(
    one: Person, row: dict[str, Any], *, renewed: bool, unsigned: str | None
) -> dict[str, Any]:
    if unsigned:
        return {"state": unsigned}
    away = timedelta(days=-10) if row["is_renewal"] else timedelta(days=one.number % 5)
    signed = row["starts_on"] + away
    if renewed:
        state: dict[str, Any] = {"state": "renewed"}
    elif one.state == "departed":
        state = {"state": "ended", "ended_on": one.left, "end_reason": "员工辞职"}
    else:
        state = {"state": "active"}
    return {**state, "signed_on": signed, "copy_given_on": signed}


def _wages(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    first = stage.today.replace(day=1)
    for one in stage.people:
        for back in range(1, WAGE_MONTHS + 1):
            month = plus_months(first, -back)
            if (
                one.hired > plus_months(month, 1)
                or (one.left and one.left < month)
                or one.state == "pending"
            ):
                continue
            gross = Decimal(round(one.wage * random.uniform(0.96, 1.12)))
            yield {"staff": one.id, "wage_month": month, "gross": gross}


def _movements(stage: Stage, random: Random) -> None:
    since = stage.day(425)
    stage.add("staff_movement", (
        row for one in stage.people for row in _moves(stage, random, one)
        if row["effective_on"] >= since
    ))  # fmt: skip
    stage.add("staff_movement", _planned(stage, random))


def _moves(stage: Stage, random: Random, one: Person) -> Iterator[dict[str, Any]]:
    post = stage.known[f"position:{one.post}"]
    base = {"staff": one.id, "state": "effective"}
    if one.state != "pending":
        yield {**base, "kind": "hire", "effective_on": one.hired, "to_org_unit": one.unit, "to_position": post,
               "created_at": stage.at(one.hired, 540)}  # fmt: skip
    months = POST[one.post].probation
    confirmed = plus_months(one.hired, months)
    if (
        months
        and not one.part_time
        and one.state in ("regular", "leaving")
        and confirmed <= stage.today
    ):
        yield {
            **base,
            "kind": "confirmation",
            "effective_on": confirmed,
            "created_at": stage.at(confirmed, 600),
        }
    if one.state == "departed" and one.left:
        yield {**base, "kind": "leave", "effective_on": one.left, "from_org_unit": one.unit, "from_position": post,
               "reason": "个人原因辞职", "created_at": stage.at(one.left, 1000)}  # fmt: skip
    if one.post == "SM" and one.hired < stage.day(300) and random.random() < 0.4:
        day = stage.day(random.randrange(20, 280))
        yield {**base, "kind": "promotion", "effective_on": day, "from_org_unit": one.unit, "to_org_unit": one.unit,
               "from_position": stage.known["position:DM"], "to_position": post, "agreed_by_staff": True,
               "reason": "门店业绩与团队考核优秀", "created_at": stage.at(day, 600)}  # fmt: skip


def _planned(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    """What waits for a decision or for its day."""
    for number, area in enumerate(stage.areas):
        stores = [store for store in area.stores if store.state == "open"]
        crew = [one for one in stores[0].people if one.post == "TB" and one.state == "regular"]
        if len(stores) < 2 or not crew:
            continue
        yield {
            "staff": crew[-1].id, "kind": "store_change", "effective_on": stage.day(-5 - number),
            "from_org_unit": stores[0].unit, "to_org_unit": stores[1].unit,
            "to_line_manager": stores[1].manager.id, "agreed_by_staff": True, "reason": "支援新开商圈客流",
            "state": ("draft", "in_approval", "approved", "rejected")[number % 4],
            "created_at": stage.at(stage.day(random.randrange(2, 9)), 660),
        }  # fmt: skip


def _consents(stage: Stage, random: Random) -> None:
    """Consent to locating is known as ``consent:<staff>``, for those with whom it stands."""
    rows, visitors = [], 0
    ledger = stage.runtime.schema.portal.consents
    topics = ledger.topics if ledger is not None else {}
    leads = {stage.story.lead.id, stage.neighbour.lead.id}
    for one in stage.people:
        if one.state in ("departed", "pending"):
            continue
        kinds = [kind for kind in CONSENTS[1:] if random.random() < 0.9]
        share = None
        if POST[one.post].visit_target:
            visitors += one.id not in leads
            share = None if one.id in leads else visitors % WAVERING
            if share != NEVER:
                kinds.insert(0, CONSENTS[0])
        for kind in kinds:
            given = stage.at(max(one.hired, stage.day(390)), 620)
            withdrawn = (
                stage.now - timedelta(days=40)
                if kind == "photo_use" and random.random() < 0.02
                else None
            )
            if withdrawn and withdrawn < given:
                withdrawn = None
            if kind == CONSENTS[0] and share == WITHDREW:
                withdrawn = max(given, stage.now - timedelta(days=40))
            edition = topics[kind].edition if kind in topics else EDITION
            rows.append({"staff": one.id, "kind": kind, "edition": edition, "given_at": given,
                         "withdrawn_at": withdrawn, "created_at": given})  # fmt: skip
    for row, record_id in zip(rows, stage.add("staff_consent", rows), strict=True):
        if row["kind"] == CONSENTS[0] and row["withdrawn_at"] is None:
            stage.known[f"consent:{row['staff']}"] = record_id


def _certificates(stage: Stage, random: Random) -> Iterator[dict[str, Any]]:
    for one in stage.people:
        if one.post not in STORE_POSTS or one.state in ("pending", "departed"):
            continue
        issued = stage.day(random.randrange(2, 345))
        if one.number % 31 == 0:
            issued = stage.day(365 - random.randrange(2, 28))
        if one.number % 67 == 0:
            issued = stage.day(365 + random.randrange(1, 20))
        expires = issued + timedelta(days=364)
        yield {
            "staff": one.id, "kind": "health", "document_no": f"JKZ{issued.year}{one.number:06d}",
            "issuer": "区疾病预防控制中心", "issued_on": issued, "expires_on": expires,
            "state": "expired" if expires < stage.day(8) else "valid", "created_at": stage.at(issued, 640),
        }  # fmt: skip
        if one.post == "SM":
            issued = stage.day(random.randrange(100, 900))
            yield {"staff": one.id, "kind": "qualification", "document_no": f"SPAQ{one.number:07d}",
                   "issuer": "市场监督管理局（食品安全管理员）", "issued_on": issued,
                   "expires_on": issued + timedelta(days=365 * 3), "created_at": stage.at(issued, 640)}  # fmt: skip
