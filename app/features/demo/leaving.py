"""People who leave: cases in every state, with their checklists, tasks and handed-over rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.checklists import OFF_AREA, OFF_STORE, ONBOARDING, Item
from app.features.demo.partners import PROJECTS, SUPPLIERS
from app.features.demo.people import NOTICE_DAYS
from app.features.demo.stage import Person, Stage, plus_months
from app.features.demo.story import story_customers

REASONS = ("career", "pay", "family", "schedule", "commute", "study", "workload", "manager")
CLOSED_CASES, CLOSED_RUNS, NEWCOMERS = 14, 3, 4
LEAVING_STATES = ("frozen", "handing_over", "review")


@dataclass(frozen=True)
class Run:
    """A checklist in the making: whose, from which template, with what steps, who takes over."""

    person: Person
    template: str
    items: tuple[Item, ...]
    successor: Person | None
    case: int | None
    started: date
    last_day: date
    state: str


def build_leaving(stage: Stage) -> None:
    """Load cases, runs, tasks and rows; the story's are known as ``case:story``, ``run:story``."""
    random = stage.random("leaving")
    runs = [_story(stage), *_current(stage, random), *_past(stage, random), *_newcomers(stage)]
    _withdrawn(stage)
    ids = stage.add("checklist_run", (_run_row(stage, run) for run in runs))
    stage.known["run:story"] = ids[0]
    for run, record_id in zip(runs, ids, strict=True):
        _add_tasks(stage, random, run, record_id)


# Cases


def _case(stage: Stage, one: Person, submitted: date, last_day: date, state: str) -> dict[str, Any]:
    return {
        "staff": one.id, "kind": "resignation", "submitted_on": submitted, "last_day_agreed": last_day,
        "last_day_by_law": submitted + timedelta(days=30), "reason_code": REASONS[one.number % len(REASONS)],
        "non_compete_decision": "not_applicable", "state": state, "created_at": stage.at(submitted, 600),
    }  # fmt: skip


def _story(stage: Stage) -> Run:
    manager, deputy = stage.story.lead, stage.story.deputy
    assert deputy is not None
    assert manager.left is not None
    row = _case(stage, manager, stage.day(NOTICE_DAYS), manager.left, "handing_over")
    row |= {
        "reason_code": "career", "reason_text": "个人发展，去向未说明。", "destination": "未说明", "default_successor": deputy.id,
        "freeze_plan": "by_item", "non_compete": stage.known[f"non_compete:{manager.id}"], "non_compete_decision": None,
        "interview": "<p>本人表示家庭原因，未透露下一家公司；对团购客户的去向回避作答。</p>",
    }  # fmt: skip
    case = stage.known["case:story"] = stage.add("offboarding_case", [row])[0]
    return Run(
        manager,
        "OFF-AREA",
        OFF_AREA,
        deputy,
        case,
        stage.day(NOTICE_DAYS - 1),
        manager.left,
        "running",
    )


def _boss(stage: Stage, one: Person) -> Person:
    return next(
        (store.manager for store in stage.stores if store.unit == one.unit), stage.one("HRD")
    )


def _current(stage: Stage, random: Random) -> Iterator[Run]:
    leaving = [
        one for one in stage.people if one.state == "leaving" and one is not stage.story.manager
    ]
    for number, one in enumerate(leaving):
        assert one.left is not None
        state = LEAVING_STATES[number % len(LEAVING_STATES)]
        boss = _boss(stage, one)
        row = {
            **_case(stage, one, one.left - timedelta(days=30), one.left, state),
            "default_successor": boss.id,
        }
        if state == "review":
            row |= {"supervisor_approved_on": stage.day(1), "hr_approved_on": stage.day(1)}
        case = stage.add("offboarding_case", [row])[0]
        run = "finished" if state == "review" else "running"
        yield Run(
            one,
            "OFF-STORE",
            OFF_STORE,
            boss,
            case,
            max(one.hired, one.left - timedelta(days=29)),
            one.left,
            run,
        )


def _past(stage: Stage, random: Random) -> Iterator[Run]:
    """Closed cases of the last months; the legal duties of two are not done."""
    gone = [one for one in stage.people if one.state == "departed" and one.left]
    gone.sort(key=lambda one: (one.left or stage.today, one.number), reverse=True)
    for number, one in enumerate(gone[:CLOSED_CASES]):
        assert one.left is not None
        state = ("signing", "forced_close")[number] if number < 2 else "closed"
        boss = _boss(stage, one)
        row = _case(stage, one, max(one.hired, one.left - timedelta(days=30)), one.left, state)
        row |= {"default_successor": boss.id, "supervisor_approved_on": one.left, "hr_approved_on": one.left,
                "finance_approved_on": one.left, "final_pay_on": one.left}  # fmt: skip
        if number >= 2:
            row |= {
                "certificate_issued_on": one.left,
                "insurance_transferred_on": min(one.left + timedelta(days=9), stage.today),
            }
        if state == "forced_close":
            row |= {"force_reason": "员工最后工作日已过，拒不配合交接，经老板与 HR 确认结束"}
        case = stage.add("offboarding_case", [row])[0]
        if number < CLOSED_RUNS:
            start = max(one.hired, one.left - timedelta(days=20))
            yield Run(one, "OFF-STORE", OFF_STORE, boss, case, start, one.left, "finished")


def _withdrawn(stage: Stage) -> None:
    one = next(one for one in stage.people if one.state == "regular" and one.post == "CA")
    row = _case(stage, one, stage.day(70), stage.day(40), "withdrawn")
    stage.add("offboarding_case", [row])


def _newcomers(stage: Stage) -> Iterator[Run]:
    faces = {store.unit for store in stage.faces}
    new = [one for one in stage.people if one.state == "probation"]
    new.sort(key=lambda one: (one.unit in faces, one.hired))
    for one in new[-NEWCOMERS:]:
        yield Run(
            one, "ONB", ONBOARDING, None, None, one.hired, plus_months(one.hired, 1), "running"
        )


# Runs and tasks


def _run_row(stage: Stage, run: Run) -> dict[str, Any]:
    return {
        "staff": run.person.id, "checklist_template": stage.known[f"checklist_template:{run.template}"],
        "template_edition": {"OFF-AREA": 2, "OFF-STORE": 3}.get(run.template, 1), "offboarding_case": run.case,
        "successor": run.successor.id if run.successor else None, "started_on": run.started, "due_on": run.last_day,
        "finished_on": min(run.last_day, stage.today) if run.state == "finished" else None, "state": run.state,
        "created_at": stage.at(run.started, 600),
    }  # fmt: skip


def _who(stage: Stage, run: Run, role: str) -> Person:
    boss = stage.one("RD") if run.template == "OFF-AREA" else _boss(stage, run.person)
    people = {
        "subject": run.person, "successor": run.successor or boss, "supervisor": boss, "store_manager": boss,
        "area_manager": stage.one("OPD"), "hr": stage.one("HRS"), "finance": stage.one("ACC"), "it": stage.one("ITS"),
        "admin": stage.one("ITM"), "role_holder": boss,
    }  # fmt: skip
    return people[role]


def _add_tasks(stage: Stage, random: Random, run: Run, record_id: int) -> None:
    rows = [_task(stage, run, record_id, number, item) for number, item in enumerate(run.items, 1)]
    ids = stage.add("checklist_task", rows)
    for item, row, task in zip(run.items, rows, ids, strict=True):
        done = row["state"] in ("approved", "in_review")
        stage.add("checklist_task_line", _lines(stage, random, run, item, task, done=done))


def _task(stage: Stage, run: Run, record_id: int, number: int, item: Item) -> dict[str, Any]:
    doer, approver = _who(stage, run, item.doer), _who(stage, run, item.approver)
    if approver is doer:
        approver = (
            stage.one("HRD")
            if doer.post == "HRS"
            else stage.one("CFO")
            if doer.post == "ACC"
            else stage.one("OPD")
        )
    due = (run.started if run.template == "ONB" else run.last_day) + timedelta(days=item.days)
    state = _task_state(run, number, item)
    row: dict[str, Any] = {
        "checklist_run": record_id, "checklist_item": _item_id(stage, run, number), "seq": number * 10,
        "item_group": item.group, "title": item.title, "doer": doer.id, "approver": approver.id, "due_on": due,
        "gate": item.gate, "evidence_required": item.evidence, "state": state, "created_at": stage.at(run.started, 600),
    }  # fmt: skip
    if state in ("in_review", "approved", "returned"):
        finished = min(due, stage.day(1))
        row |= {"done_by": doer.id, "done_at": stage.at(finished, 960)}
        if state == "approved":
            row |= {"approved_by": approver.id, "approved_at": stage.at(finished, 1080)}
        elif state == "returned":
            row |= {"return_reason": "缺少两家客户的最近跟进时间，请补齐"}
    return row


def _item_id(stage: Stage, run: Run, number: int) -> int:
    template = stage.known[f"checklist_template:{run.template}"]
    return stage.known[f"item:{template}:{number * 10}"]


def _task_state(run: Run, number: int, item: Item) -> str:
    if run.state == "finished":
        return (
            "waived"
            if number == 2 and run.template == "OFF-STORE" and not item.gate
            else "approved"
        )
    if run.template == "OFF-AREA":
        return {3: "in_review", 8: "approved", 9: "returned"}.get(number, "to_do")
    return {1: "approved", 3: "in_review"}.get(number, "to_do")


# Rows that are handed over


def _lines(
    stage: Stage, random: Random, run: Run, item: Item, task: int, *, done: bool
) -> Iterable[dict[str, Any]]:
    makers = {
        "per_customer": _customer_lines, "per_grant": _grant_lines, "per_project": _named_lines,
        "per_supplier": _named_lines,
    }  # fmt: skip
    if item.generator not in makers:
        return
    successor = run.successor.id if run.successor else None
    for line in makers[item.generator](stage, random, run, item):
        over = done or line.pop("over", False)
        yield {
            "checklist_task": task,
            "successor": successor,
            "done": over,
            "accepted": done,
            **line,
        }


def _customer_lines(stage: Stage, random: Random, run: Run, item: Item) -> Iterator[dict[str, Any]]:
    if run.person is stage.story.manager:
        for number, one in enumerate(story_customers(stage)):
            row: dict[str, Any] = {
                "subject": f"customer:{one.id}", "subject_name": one.name, "needs": "沿用现有频次与口味，价格政策待确认",
                "last_follow_up": stage.at(stage.day(1 + number), 900), "unsettled_amount": Decimal(random.randrange(0, 60) * 200),
                "over": number < 6,
            }  # fmt: skip
            yield row | ({"accepted": True} if number < 4 else {})
        return
    own = [one for kept in stage.samples.values() for one in kept if one.owner is run.person]
    for one in own[:8]:
        yield {"subject": f"customer:{one.id}", "subject_name": one.name}


def _grant_lines(stage: Stage, random: Random, run: Run, item: Item) -> Iterator[dict[str, Any]]:
    start = f"grant:{run.person.id}:"
    for name, grant in stage.known.items():
        if name.startswith(start):
            yield {"subject": f"access_grant:{grant}", "subject_name": name.removeprefix(start)}


def _named_lines(stage: Stage, random: Random, run: Run, item: Item) -> Iterator[dict[str, Any]]:
    kind, names = (
        ("project", PROJECTS) if item.generator == "per_project" else ("supplier", SUPPLIERS)
    )
    for number in range(2):
        yield {
            "subject": f"{kind}:{stage.known[f'{kind}:{number}']}",
            "subject_name": names[number][0],
        }
