"""Who holds which access and assets, and the reviews of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from app.features.demo.assets import ITEMS, PROFILES
from app.features.demo.chain import STORE_POSTS
from app.features.demo.stage import Person, Stage

HELD = {code: items for code, _, items in PROFILES}
KINDS = {item[0]: item[2] for item in ITEMS}
# What became of the access of the manager who handed in notice.
FROZEN = {
    "LIB-GROUP": "read_only", "LIB-MEMBER": "read_only", "WECOM": "frozen", "ERP-ORDER": "frozen", "ERP-PRICE": "frozen",
}  # fmt: skip
FORGOTTEN = 5  # accounts of people long gone, which nobody has closed


def build_grants(stage: Stage) -> None:
    """Load grants, known as ``grant:<staff>:<item>`` for those who are leaving, and reviews."""
    random = stage.random("grants")
    rows = [row for one in stage.people for row in _held(stage, random, one)]
    leaving = {one.id for one in stage.people if one.state == "leaving"}
    codes = {
        record_id: code.split(":")[1]
        for code, record_id in stage.known.items()
        if code.startswith("access_item:")
    }
    here = {one.id for store in stage.story.stores for one in store.staff}
    reviewed = []
    for row, record_id in zip(rows, stage.add("access_grant", rows), strict=True):
        if row["staff"] in leaving:
            stage.known[f"grant:{row['staff']}:{codes[row['access_item']]}"] = record_id
        if row["staff"] in here and row["state"] == "active":
            reviewed.append(record_id)
    _reviews(stage, random, reviewed)


# Private


def _held(stage: Stage, random: Random, one: Person) -> Iterator[dict[str, Any]]:
    if one.state == "pending" or (one.part_time and random.random() < 0.6):
        return
    profile = HELD.get(one.post, HELD["STORE" if one.post in STORE_POSTS else "OFFICE"])
    state = "revoked" if one.state == "departed" else "active"
    gone = stage.known.get("forgotten", 0)
    if one.state == "departed" and one.left and one.left < stage.day(60) and gone < FORGOTTEN:
        stage.known["forgotten"] = gone + 1
        state = "active"
    for number, item in enumerate(profile):
        yield _grant(stage, random, one, item, state, number)


def _grant(
    stage: Stage, random: Random, one: Person, item: str, state: str, number: int
) -> dict[str, Any]:
    start = one.hired + timedelta(days=1)
    approver = stage.one("ITM") if one.post != "ITM" else stage.one("HRD")
    asker = one.manager or stage.one("HRD").id
    row: dict[str, Any] = {
        "staff": one.id, "access_item": stage.known[f"access_item:{item}"], "reason": "岗位权限套餐",
        "requested_by": asker if asker != approver.id else stage.one("HRD").id, "starts_on": start,
        "approved_by": approver.id, "approved_at": stage.at(start, 620), "state": state,
        "external_reference": f"qh{one.number:05d}" if KINDS[item] == "wecom_account" else None,
        "serial_no": f"{item}-{one.number:05d}" if KINDS[item] in ("key", "device", "door", "seal") else None,
        "last_used_at": stage.at(stage.day(random.randrange(1, 20)), 700) if state == "active" else None,
        "created_at": stage.at(one.hired, 600),
    }  # fmt: skip
    if row["requested_by"] == approver.id:
        row["approved_by"] = stage.one("CEO").id
    if state == "revoked":
        row |= {"revoke_reason": "离职收回", "returned_on": one.left, "condition": "good"}
    elif one.state == "leaving" and one is stage.story.manager:
        row["state"] = FROZEN.get(item, "active")
        row["last_used_at"] = stage.at(stage.day(9), 1320)
    elif one.state == "leaving":
        row["state"] = "frozen" if KINDS[item] == "system" else "active"
    elif one.post == "GS" and item == "LIB-GROUP":
        stage.known["varied"] = stage.known.get("varied", 0) + 1
        _vary(stage, row, number=stage.known["varied"])
    return row


def _vary(stage: Stage, row: dict[str, Any], *, number: int) -> None:
    """Some grants wait, run out soon or are lifted for a time."""
    if number % 7 == 0:
        row["expires_on"] = stage.day(-2 - number % 5)
    elif number % 11 == 0:
        row |= {"state": "requested", "approved_by": None, "approved_at": None, "last_used_at": None,
                "starts_on": stage.today}  # fmt: skip
    elif number % 13 == 0:
        row |= {"state": "temporary", "temporary_until": stage.now + timedelta(days=1, hours=18),
                "temporary_reason": "核对未结订单，由主管监督使用"}  # fmt: skip


def _reviews(stage: Stage, random: Random, grants: list[int]) -> None:
    reviewer = stage.story.deputy or stage.one("HRD")
    quarters = (
        ("completed", 100, stage.story),
        ("running", -12, stage.story),
        ("planned", -40, stage.areas[0]),
    )
    rows = [
        {"name": f"{area.name} {stage.day(ago).year} 年第 {(stage.day(ago).month + 2) // 3} 季度权限复核",
         "org_unit": area.unit, "reviewer": reviewer.id if area is stage.story else area.lead.id,
         "due_on": stage.day(ago), "state": state, "created_at": stage.at(stage.day(max(ago, 0) + 8), 600)}
        for state, ago, area in quarters
    ]  # fmt: skip
    done, running, _ = stage.add("access_review", rows)
    stage.add("access_review_item", _decisions(stage, random, done, grants[:30], share=1.0))
    stage.add("access_review_item", _decisions(stage, random, running, grants[:60], share=0.55))


def _decisions(
    stage: Stage, random: Random, review: int, grants: list[int], *, share: float
) -> Iterator[dict[str, Any]]:
    for grant in grants:
        row: dict[str, Any] = {"access_review": review, "access_grant": grant}
        if random.random() < share:
            revoke = random.random() < 0.06
            row |= {"decision": "revoke" if revoke else "keep", "reason": "已调岗，不再需要" if revoke else None,
                    "decided_at": stage.now - timedelta(days=random.randrange(1, 5))}  # fmt: skip
        yield row
