"""The turns of scheduled reports: each slot once, a file for each recipient with his own rights, then told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.access.accounts import account_state, load_actor
from app.access.holders import open_accounts
from app.features.notifications.outward import Attachment
from app.features.notifications.service import Document, NewNotice, notify
from app.features.notifications.tasks import DELIVER
from app.features.reminders.planning import workdays
from app.features.reports.rhythm import newest_slot
from app.features.reports.schedules import (
    MAIL,
    ReportSchedule,
    holders_of,
    may_name_others,
    read_schedule,
)
from app.features.reports.snapshots import (
    Snapshot,
    Wanted,
    checked_content,
    make_snapshot,
    refuse_lost_rights,
    snapshot,
)
from app.kernel.errors import Forbidden, Invalid, NotFound, Refused
from app.kernel.messages import Label, Message, _l
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.settings import Settings
from app.storage.schedule_tables import REPORT_SCHEDULE, REPORT_TURN
from app.tasks.claims import as_json
from app.tasks.kinds import Schedule, TaskKind
from app.tasks.outbox import NewTask, enqueue
from app.tasks.work import Work

WAITING, MADE, WITHHELD = "waiting", "made", "withheld"
DOCUMENT = "report_snapshot"
PAGE = "/reports/snapshots"
LARGEST_ATTACHMENT = 5 * 2**20
KEPT_DAYS = 90
CLOSED = _l("The account is closed.")


def begin_due(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, int]:
    """Begin the newest slot of every plan that has come since its last one; older ones are let go."""
    session, runtime = work.session, work.runtime
    now, worked = runtime.clock.now(), workdays(session, runtime).worked
    slots = turns = 0
    rows = session.execute(
        select(REPORT_SCHEDULE)
        .where(REPORT_SCHEDULE.c.active, REPORT_SCHEDULE.c.last_slot < now)
        .where(REPORT_SCHEDULE.c.owner_id.in_(open_accounts()))
        .order_by(REPORT_SCHEDULE.c.id)
    )
    for plan in [read_schedule(row) for row in rows]:
        slot = newest_slot(plan.rhythm, now, runtime.zone, worked)
        if slot is not None and slot > plan.last_slot and _took(session, plan, slot):
            slots += 1
            turns += _begin(session, runtime, plan, slot)
    return {"slots": slots, "turns": turns}


def make_turn(work: Work, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make one recipient's report with his own rights, keep it, and tell him; or note why not."""
    turn, plan = _turn(work.session, int(arguments["turn"]), work.claim.account_id)
    if turn is None or plan is None or turn.state != WAITING:
        return {"state": "gone"}
    try:
        with work.session.begin_nested():
            made = make_snapshot(work, Wanted(plan.report, plan.asked, plan.format, plan.id))
    except (NotFound, Forbidden, Refused, Invalid) as fault:
        _end(work, turn.id, WITHHELD, problem=as_json(_why(fault)))
        return {"state": WITHHELD}
    _end(work, turn.id, MADE, snapshot_id=made.id)
    told = notify(work.session, [_notice(plan, made, turn.slot)], work.runtime.clock.now())
    if told and MAIL in plan.channels:
        enqueue(work.session, work.runtime, NewTask(DELIVER.name, DELIVER.label))
    return {"state": MADE, "snapshot": made.id, "lines": made.lines}


def attachment(records: Records, settings: Settings, number: int) -> Attachment | None:
    """The file of a snapshot for a mail, checked for its reader.

    None when it is too large for one, or tells of records: these are handed out once, by the portal.
    """
    found = snapshot(records.session, records.access.actor.account_id, number)
    run = refuse_lost_rights(records, found)
    if found.size > LARGEST_ATTACHMENT or found.grant is not None or run.tells:
        return None
    with checked_content(settings, found) as stream:
        return Attachment(found.name, found.media, stream.read())


def forget_turns(session: Session, now: datetime) -> None:
    """Forget the turns of long ago."""
    old = now - timedelta(days=KEPT_DAYS)
    session.execute(delete(REPORT_TURN).where(REPORT_TURN.c.slot < old))


BEGIN_REPORTS = TaskKind(
    "begin_reports", Label("启动定时报表", "Begin scheduled reports"), begin_due
)
BEGIN_REPORTS_OFTEN = Schedule("begin_reports", BEGIN_REPORTS.name, every=timedelta(minutes=5))
SCHEDULED_REPORT = TaskKind(
    "scheduled_report", Label("制作定时报表", "Make a scheduled report"), make_turn
)


# Private


def _took(session: Session, plan: ReportSchedule, slot: datetime) -> bool:
    """Whether this slot is ours: of several who try, the row lets one through."""
    taken = (
        update(REPORT_SCHEDULE)
        .where(
            REPORT_SCHEDULE.c.id == plan.id,
            REPORT_SCHEDULE.c.version == plan.version,
            REPORT_SCHEDULE.c.last_slot < slot,
        )
        .values(last_slot=slot)
    )
    return session.execute(taken.returning(REPORT_SCHEDULE.c.id)).first() is not None


def _begin(session: Session, runtime: Runtime, plan: ReportSchedule, slot: datetime) -> int:
    """A turn and a task for each recipient; returns how many tasks."""
    title = Label(f"定时报表：{plan.label.zh}", f"Scheduled report: {plan.label.en}")
    made = 0
    for account in _recipients(session, runtime, plan):
        open_ = account_state(session, account)[0]
        values = {"schedule_id": plan.id, "slot": slot, "account_id": account}
        if not open_:
            values |= {
                "state": WITHHELD,
                "problem": as_json(CLOSED),
                "ended_at": runtime.clock.now(),
            }
        new = insert(REPORT_TURN).values(values).on_conflict_do_nothing()
        number = session.scalar(new.returning(REPORT_TURN.c.id))
        if number is None or not open_:
            continue
        key = f"{SCHEDULED_REPORT.name}:{number}"
        arguments = {"turn": number}
        task = NewTask(SCHEDULED_REPORT.name, title, arguments, account, plan.language, key)
        mine = update(REPORT_TURN).where(REPORT_TURN.c.id == number)
        session.execute(mine.values(task_id=enqueue(session, runtime, task)))
        made += 1
    return made


def _recipients(session: Session, runtime: Runtime, plan: ReportSchedule) -> list[int]:
    """Whom the plan reaches today; others only while its owner may still name them."""
    to, found = plan.recipients, set[int]()
    if to.own:
        found.add(plan.owner_id)
    if to.others:
        today = runtime.moment().today
        owner = load_actor(session, runtime.schema, runtime.models, plan.owner_id, today)
        if may_name_others(owner):
            known = text("SELECT id FROM ab_user WHERE id = ANY(:ids)")
            found.update(session.scalars(known, {"ids": list(to.accounts)}))
            found.update(holders_of(session, runtime, to.roles))
    return sorted(found)


def _turn(
    session: Session, number: int, account_id: int | None
) -> tuple[Any, ReportSchedule | None]:
    """A turn of the account with its plan; nothing when the plan was removed meanwhile."""
    mine = (REPORT_TURN.c.id == number) & (REPORT_TURN.c.account_id == account_id)
    turn = session.execute(select(REPORT_TURN).where(mine)).first()
    if turn is None:
        return None, None
    plan = session.execute(
        select(REPORT_SCHEDULE).where(REPORT_SCHEDULE.c.id == turn.schedule_id)
    ).one()
    return turn, read_schedule(plan)


def _end(work: Work, number: int, state: str, **values: Any) -> None:
    mine = update(REPORT_TURN).where(REPORT_TURN.c.id == number)
    work.session.execute(mine.values(state=state, ended_at=work.runtime.clock.now(), **values))


def _why(fault: NotFound | Forbidden | Refused | Invalid) -> Message:
    if isinstance(fault, Invalid):
        return next((one for found in fault.problems.values() for one in found), fault.message)
    if isinstance(fault, NotFound):
        return _l("The recipient may not run this report, or it no longer exists.")
    return fault.message


def _notice(plan: ReportSchedule, made: Snapshot, slot: datetime) -> NewNotice:
    asked = [Label(f"{label.zh}：{said}", f"{label.en}: {said}") for label, said in made.said]
    lines = Label(f"行数：{made.lines}", f"Lines: {made.lines}")
    parts = [*asked, lines]
    body = Label("；".join(one.zh for one in parts), "; ".join(one.en for one in parts))
    return NewNotice(
        account_id=made.account_id,
        key=f"{DOCUMENT}:{plan.id}:{slot:%Y-%m-%dT%H:%M}:{made.account_id}",
        kind=DOCUMENT,
        title=Label(f"报表：{made.label.zh}", f"Report: {made.label.en}"),
        body=body,
        channels=(MAIL,) if MAIL in plan.channels else (),
        document=Document(DOCUMENT, made.id, f"{PAGE}/{made.id}"),
    )
