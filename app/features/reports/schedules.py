"""Reports that come by themselves: who may plan them, for whom, and how the plans are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from app.access.actor import Actor
from app.access.holders import open_accounts, role_holders
from app.audit.actions import AuditAction
from app.audit.chain import Entry, append
from app.features.reports.author import Author
from app.features.reports.rhythm import Rhythm, parse_rhythm
from app.features.reports.service import ReportRun, open_report
from app.features.reports.snapshots import FORMATS
from app.kernel.errors import Conflict, Invalid, NotFound
from app.kernel.messages import Label, Message, _l
from app.records.gateway import Records
from app.records.runtime import Runtime
from app.storage.schedule_tables import REPORT_SCHEDULE, REPORT_TURN
from app.storage.task_tables import TASK

# Whoever steers reminders may send things to others; everybody else plans for himself.
STEERS = "reminders"
INBOX, MAIL = "inbox", "mail"
LANGUAGES = ("zh", "en")
MOST_NAMED = 200
MOST_OWN = 100


@dataclass(frozen=True, slots=True)
class Recipients:
    """For whom a report is made: its owner, whoever holds a role, and single accounts."""

    own: bool = True
    roles: tuple[str, ...] = ()
    accounts: tuple[int, ...] = ()

    @property
    def others(self) -> bool:
        """Whether anybody but the owner is named."""
        return bool(self.roles or self.accounts)


@dataclass(frozen=True, slots=True)
class Plan:
    """What somebody wants to have made again and again."""

    report: str
    asked: Mapping[str, str]
    format: str
    rhythm: str
    at: time
    recipients: Recipients
    mail: bool
    language: str
    active: bool = True


@dataclass(frozen=True, slots=True)
class ReportSchedule:
    """A plan as it is kept. ``said`` is what is asked, by label; a named period as its word."""

    id: int
    report: str
    label: Label
    asked: Mapping[str, str]
    said: tuple[tuple[Label, str], ...]
    format: str
    rhythm: Rhythm
    recipients: Recipients
    channels: tuple[str, ...]
    language: str
    owner_id: int
    active: bool
    last_slot: datetime
    version: int


def may_name_others(actor: Actor) -> bool:
    """Whether somebody may have reports made for others, each with the other's own rights."""
    return actor.administers(STEERS)


def sees_all(actor: Actor) -> bool:
    """Whether somebody sees, pauses and removes the plans of everybody."""
    return actor.administers("schema")


def schedules(session: Session, owner_id: int | None = None) -> list[ReportSchedule]:
    """The plans of one account, or of everybody."""
    statement = select(REPORT_SCHEDULE).order_by(REPORT_SCHEDULE.c.id)
    if owner_id is not None:
        statement = statement.where(REPORT_SCHEDULE.c.owner_id == owner_id)
    return [read_schedule(row) for row in session.execute(statement)]


def find(planner: Author, number: int) -> ReportSchedule:
    """A plan of the planner's own, for an administrator any; raises NotFound."""
    row = planner.session.execute(
        select(REPORT_SCHEDULE).where(REPORT_SCHEDULE.c.id == number)
    ).first()
    own = row is not None and row.owner_id == planner.actor.account_id
    if row is None or not (own or sees_all(planner.actor)):
        raise NotFound
    return read_schedule(row)


def add(planner: Author, plan: Plan) -> int:
    """Keep a plan; raises NotFound for a report that is not for the planner, Invalid."""
    values = _values(planner, plan)
    values["owner_id"] = planner.actor.account_id
    number = planner.session.scalar(
        insert(REPORT_SCHEDULE).values(values).returning(REPORT_SCHEDULE.c.id)
    )
    _note(planner, AuditAction.REPORT_SCHEDULED, int(number or 0), plan.report, _said(plan))
    return int(number or 0)


def change(planner: Author, number: int, plan: Plan, version: int) -> None:
    """Change a plan of one's own; raises NotFound, Invalid, and Conflict after another's change."""
    found = find(planner, number)
    if found.owner_id != planner.actor.account_id:
        raise NotFound
    _update(planner, found, version, **_values(planner, plan))
    _note(planner, AuditAction.REPORT_SCHEDULED, number, plan.report, _said(plan))


def let_run(planner: Author, number: int, *, active: bool) -> ReportSchedule:
    """Pause a plan, or let it go on from now; what was missed meanwhile is not made up for."""
    found = find(planner, number)
    now = planner.records.runtime.clock.now()
    _update(planner, found, found.version, active=active, last_slot=now)
    _note(planner, AuditAction.REPORT_SCHEDULED, number, found.report, {"active": active})
    return found


def remove(planner: Author, number: int) -> ReportSchedule:
    """Forget a plan; the snapshots that it made stay."""
    found = find(planner, number)
    planner.session.execute(delete(REPORT_SCHEDULE).where(REPORT_SCHEDULE.c.id == number))
    _note(planner, AuditAction.REPORT_UNSCHEDULED, number, found.report, {})
    return found


def possible_roles(records: Records, run: ReportRun) -> list[str]:
    """The roles that the report is for."""
    return [name for name in records.runtime.schema.roles if name in run.report.readers]


def possible_accounts(records: Records, run: ReportRun) -> list[int]:
    """The open accounts that hold such a role today."""
    return list(holders_of(records.session, records.runtime, possible_roles(records, run)))


def holders_of(session: Session, runtime: Runtime, roles: Iterable[str]) -> tuple[int, ...]:
    """The open accounts that hold one of the roles today."""
    wanted, today = set(roles), runtime.moment().today
    held = role_holders(session, runtime.schema, runtime.models, today).held
    return tuple(
        sorted({one for (role, _), some in held.items() if role in wanted for one in some})
    )


def read_schedule(row: Any) -> ReportSchedule:
    """A row of the table."""
    to = row.recipients
    return ReportSchedule(
        label=Label(**row.label),
        asked=row.asked["texts"],
        said=tuple((Label(zh, en), text) for zh, en, text in row.asked["said"]),
        rhythm=Rhythm(row.every, row.day, row.at),
        recipients=Recipients(to["own"], tuple(to["roles"]), tuple(to["accounts"])),
        channels=tuple(row.channels),
        **{
            name: getattr(row, name)
            for name in ("id", "report", "format", "language", "owner_id", "active", "last_slot", "version")
        },
    )  # fmt: skip


def last_turns(session: Session, numbers: Sequence[int]) -> dict[int, list[Any]]:
    """The turns of the newest slot of some plans, with the state of their tasks; by plan."""
    newest = (
        select(REPORT_TURN.c.schedule_id, func.max(REPORT_TURN.c.slot).label("slot"))
        .where(REPORT_TURN.c.schedule_id.in_(numbers))
        .group_by(REPORT_TURN.c.schedule_id)
        .subquery()
    )
    same = (REPORT_TURN.c.schedule_id == newest.c.schedule_id) & (
        REPORT_TURN.c.slot == newest.c.slot
    )
    found: dict[int, list[Any]] = {}
    task = (TASK.c.state.label("task_state"), TASK.c.problem.label("task_problem"))
    rows = session.execute(
        select(REPORT_TURN, *task)
        .join(newest, same)
        .outerjoin(TASK, TASK.c.id == REPORT_TURN.c.task_id)
        .order_by(REPORT_TURN.c.id)
    )
    for row in rows:
        found.setdefault(row.schedule_id, []).append(row)
    return found


# Private


def _values(planner: Author, plan: Plan) -> dict[str, Any]:
    """The columns of a plan that makes sense for the planner; raises NotFound, Invalid."""
    run = open_report(planner.records, plan.report, plan.asked)
    rhythm = parse_rhythm(plan.rhythm, plan.at)
    problems = dict(_problems(planner, plan, run))
    if rhythm is None:
        problems["rhythm"] = (_l("Please choose how often."),)
    if problems or rhythm is None:
        raise Invalid(problems)
    to = plan.recipients
    return {
        "report": run.report.name,
        "label": {"zh": run.report.label.zh, "en": run.report.label.en},
        "asked": {"texts": dict(run.asked.texts), "said": _asked(run)},
        "format": plan.format,
        "every": rhythm.every,
        "day": rhythm.day,
        "at": rhythm.at,
        "recipients": {"own": to.own, "roles": list(to.roles), "accounts": list(to.accounts)},
        "channels": [INBOX, MAIL] if plan.mail else [INBOX],
        "language": plan.language,
        "active": plan.active,
        # Moments before this one are past: a plan never begins with them.
        "last_slot": planner.records.runtime.clock.now(),
    }


def _asked(run: ReportRun) -> list[list[str]]:
    """What is asked, with labels: of a period that has a name the word, as its days move."""
    period, texts = run.report.period, run.asked.texts
    named = period and not any(texts.get(f"{period.name}.{end}") for end in ("from", "to"))
    return [
        [label.zh, label.en,
         (texts.get(period.name) or period.default or "this_month")
         if period and named and label is period.label else text]
        for label, text in run.asked_texts()
    ]  # fmt: skip


def _problems(
    planner: Author, plan: Plan, run: ReportRun
) -> Iterable[tuple[str, tuple[Message, ...]]]:
    refused = _l("Please choose a format.") if plan.format not in FORMATS else None
    refused = refused or run.may_take(plan.format)
    if refused is not None:
        yield "format", (refused,)
    if plan.language not in LANGUAGES:
        yield "language", (_l("Please choose a language."),)
    to = plan.recipients
    if not to.own and not to.others:
        yield "to", (_l("Please say for whom."),)
    elif to.others and not may_name_others(planner.actor):
        yield "to", (_l("You may only plan reports for yourself."),)
    elif len(to.roles) + len(to.accounts) > MOST_NAMED or _unknown(planner.records, run, to):
        yield "to", (_l("Somebody that you named cannot run this report."),)
    if plan.active and _too_many(planner):
        yield "", (_l("You have %(count)s plans already; please remove some.", count=MOST_OWN),)


def _unknown(records: Records, run: ReportRun, to: Recipients) -> bool:
    known = set(records.session.scalars(open_accounts()))
    return bool(
        set(to.roles) - set(possible_roles(records, run))
        or (to.accounts and set(to.accounts) - known)
    )


def _too_many(planner: Author) -> bool:
    return len(schedules(planner.session, planner.actor.account_id)) > MOST_OWN


def _update(planner: Author, found: ReportSchedule, version: int, **values: Any) -> None:
    same = (REPORT_SCHEDULE.c.id == found.id) & (REPORT_SCHEDULE.c.version == version)
    statement = update(REPORT_SCHEDULE).where(same).values(**values, version=version + 1)
    if planner.session.execute(statement.returning(REPORT_SCHEDULE.c.id)).first() is None:
        raise Conflict


def _said(plan: Plan) -> dict[str, Any]:
    to = plan.recipients
    return {
        "asked": dict(plan.asked),
        "format": plan.format,
        "rhythm": f"{plan.rhythm} {plan.at:%H:%M}",
        "own": to.own,
        "roles": list(to.roles),
        "accounts": list(to.accounts),
        "mail": plan.mail,
        "active": plan.active,
    }


def _note(
    planner: Author, action: AuditAction, number: int, report: str, changes: Mapping[str, Any]
) -> None:
    runtime, actor = planner.records.runtime, planner.actor
    append(
        planner.session,
        Entry(
            runtime.clock.now(), actor.account_id, actor.username, action, runtime.revision,
            record_title=report, changes={"schedule": number, **changes}, address=planner.address,
        ),
    )  # fmt: skip
