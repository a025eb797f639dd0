"""Finds what is to be told at a moment: set by set, never record by record."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import cached_property

from sqlalchemy import BigInteger, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from app.access.actor import NOBODY
from app.access.holders import Holders, Person, open_accounts, people, role_holders
from app.access.permissions import Access
from app.access.session_scope import Options, bind, release, scope_options
from app.features.reminders.rules import (
    Due,
    Flags,
    Reached,
    Times,
    due_text,
    newest_of,
    reached,
    window,
)
from app.features.reminders.wording import Wording
from app.features.reminders.workdays import Workdays
from app.kernel.clock import FixedClock
from app.kernel.messages import Label
from app.language import kinds
from app.language.definitions import ACCOUNT, Entity
from app.language.kinds import kind_of
from app.language.paths import path_kind
from app.language.reminder_definitions import HOURS, Recipient, Reminder
from app.records.columns import bare_compiler, table_of
from app.records.runtime import Runtime
from app.records.watching import Path, Watch, Watched, find_watched, seen_values, target_of
from app.storage.notice_tables import REMINDED

SENT, COVERED, WITHHELD = "sent", "covered", "withheld"
NO_TEXT = Label("", "")
# A person without a login is told through the next one above, not through the head of the whole house.
MOST_STEPS_UP = 2
# The leads of a date that were served, by record and date.
Done = Mapping[tuple[int, str], Collection[str]]


@dataclass(frozen=True, slots=True)
class Told:
    """A lead of a record for one account: told, covered by a later one, or withheld as he may not see it."""

    reminder: Reminder
    record_id: int
    due: Due
    lead: str
    at: datetime
    account_id: int
    state: str
    red: bool
    title: Label = NO_TEXT
    body: Label = NO_TEXT

    @property
    def key(self) -> str:
        """What keeps it from being told twice."""
        return f"{self.reminder.name}:{self.record_id}:{due_text(self.due)}:{self.lead}:{self.account_id}"


@dataclass(frozen=True)
class Round:
    """One look at all records, at one moment."""

    session: Session
    runtime: Runtime
    times: Times
    holders: Holders
    people: Mapping[int, Person]
    accounts: frozenset[int]
    readers: dict[int, tuple[Access, Options]] = field(default_factory=dict)

    @cached_property
    def person_of(self) -> Mapping[int, int]:
        """The person of each account."""
        return {
            one.account: number for number, one in self.people.items() if one.account is not None
        }

    def at(self, now: datetime) -> Round:
        """The same day at another time."""
        runtime = replace(self.runtime, clock=FixedClock(now))
        return replace(self, runtime=runtime, times=replace(self.times, now=now))


def begin(session: Session, runtime: Runtime, now: datetime) -> Round:
    """A round at ``now``; the session must not be bound to anybody."""
    schema, models = runtime.schema, runtime.models
    then = replace(runtime, clock=FixedClock(now))
    times = Times(now, runtime.zone, workdays(session, then))
    holders = role_holders(session, schema, models, times.today)
    accounts = frozenset(session.scalars(open_accounts()))
    return Round(session, then, times, holders, people(session, schema, models), accounts)


def workdays(session: Session, runtime: Runtime) -> Workdays:
    """The calendar, with what the portal's own table of holidays says."""
    said = runtime.schema.portal.holidays
    if said is None:
        return Workdays()
    entity = runtime.entity(said.entity)
    compiler, table = bare_compiler(runtime, NOBODY, entity), table_of(runtime, entity)
    worked = compiler.criterion(said.works.tree) if said.works else table.c.id.is_(None)
    conditions = [
        *compiler.not_deleted(),
        *([compiler.criterion(said.where.tree)] if said.where else []),
    ]
    rows = session.execute(select(table.c[said.day], worked).where(*conditions))
    return Workdays({row[0]: bool(row[1]) for row in rows})


def plan(here: Round, reminder: Reminder, done: Done | None = None) -> list[Told]:
    """Everything that a reminder has to tell now; ``done`` adds to what the database says is served."""
    watched = _watched(here, reminder)
    if not watched:
        return []
    served = _served(here.session, reminder, watched)
    waiting: dict[int, list[tuple[Watched, list[Reached]]]] = {}
    for one in watched:
        key = one.id, due_text(one.due)
        known = frozenset({*served.get(key, ()), *(done or {}).get(key, ())})
        flags = _flags(reminder, one)
        leads = reached(reminder, one.due, flags, here.times, known)
        addressed = [(lead, _accounts(here, reminder, one, lead.to)) for lead in leads]
        for account, found in newest_of(addressed).items():
            waiting.setdefault(account, []).append((one, found))
    return [
        told
        for account in sorted(waiting)
        for told in _for(here, reminder, account, waiting[account])
    ]


def hours_of(here: Round, reminder: Reminder) -> set[datetime]:
    """The full hours at which leads in hours are told."""
    leads = [lead for lead in reminder.all_leads if lead.unit == HOURS]
    moments = (
        here.times.of_lead(one.due, lead) for one in _watched(here, reminder) for lead in leads
    )
    return {_full_hour(moment) for moment in moments}


# Private


def _full_hour(moment: datetime) -> datetime:
    """The hour itself, or the next one."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if hour == moment else hour + timedelta(hours=1)


def _watched(here: Round, reminder: Reminder) -> list[Watched]:
    entity = here.runtime.entity(reminder.entity)
    assert reminder.date is not None
    flags = [lead.where for lead in reminder.leads] + [step.where for step in reminder.escalate]
    watch = Watch(reminder.entity, reminder.date, reminder.where, tuple(flags), _paths(reminder))
    low, high = window(reminder, here.times.today)
    schema = here.runtime.schema
    kind = kind_of(
        reminder.date.tree, lambda path: path_kind(schema.entities, schema.portal, entity, path)
    )
    if kind == kinds.DATE:
        found = find_watched(here.session, here.runtime, watch, (low, high))
    else:
        bounds = (
            datetime.combine(day, time(), here.times.zone).astimezone(UTC) for day in (low, high)
        )
        found = find_watched(here.session, here.runtime, watch, (next(bounds), next(bounds)))
    return [one for one in found if not _is_over(here, reminder, one)]


def _paths(reminder: Reminder) -> tuple[Path, ...]:
    named = [one.path for one in reminder.recipients if one.kind == "path"]
    return tuple(dict.fromkeys([*named, *([reminder.about] if reminder.about else [])]))


def _is_over(here: Round, reminder: Reminder, one: Watched) -> bool:
    """Whether the person whose own matter it is has had the last day."""
    if not reminder.about:
        return False
    person = here.people.get(one.values[_paths(reminder).index(reminder.about)])
    return person is not None and _left(here, person)


def _left(here: Round, person: Person) -> bool:
    return person.until is not None and person.until < here.times.today


def _flags(reminder: Reminder, one: Watched) -> Flags:
    split = len(reminder.leads)
    return Flags(one.flags[:split], one.flags[split:])


def _served(
    session: Session, reminder: Reminder, watched: list[Watched]
) -> dict[tuple[int, str], set[str]]:
    columns = (REMINDED.c.record_id, REMINDED.c.due, REMINDED.c.lead)
    ids = sorted({one.id for one in watched})
    own = REMINDED.c.record_id == any_(literal(ids, ARRAY(BigInteger)))
    among = (REMINDED.c.reminder == reminder.name) & own
    found: dict[tuple[int, str], set[str]] = {}
    for record, due, lead in session.execute(select(*columns).where(among).distinct()):
        found.setdefault((record, due), set()).add(lead)
    return found


def _accounts(here: Round, reminder: Reminder, one: Watched, to: Iterable[Recipient]) -> set[int]:
    found: set[int] = set()
    for recipient in to:
        if recipient.kind == "role":
            found.update(here.holders.around(recipient.path[0], one.place))
        elif recipient.kind == "head":
            found.update(here.holders.heads(recipient.path[0]))
        else:
            number = one.values[_paths(reminder).index(recipient.path)]
            found.update(_account_of(here, reminder, recipient, number))
    return found


def _account_of(
    here: Round, reminder: Reminder, recipient: Recipient, number: int | None
) -> Iterator[int]:
    """The account that a path leads to; for a person without one, or who has left, of the one above."""
    entity = here.runtime.entity(reminder.entity)
    target: Entity | None = (
        entity if recipient.path == ("id",) else target_of(here.runtime, entity, recipient.path)
    )
    if target is not None and target.name == ACCOUNT:
        if number in here.accounts:
            yield number
        return
    for _ in range(MOST_STEPS_UP + 1):
        person = here.people.get(number) if number is not None else None
        if person is None:
            return
        if person.account is not None and not _left(here, person):
            yield person.account
            return
        number = person.above


def _reader(here: Round, account: int) -> tuple[Access, Options]:
    if account not in here.readers:
        actor = here.holders.actor(here.runtime.schema, account, here.person_of.get(account))
        access = Access(here.runtime.schema, actor)
        here.readers[account] = (
            access,
            scope_options(access, here.runtime.models, here.runtime.moment()),
        )
    return here.readers[account]


def _for(
    here: Round, reminder: Reminder, account: int, waiting: list[tuple[Watched, list[Reached]]]
) -> Iterator[Told]:
    """What one account is told of a reminder: one look at all its records, with the account's eyes."""
    access, options = _reader(here, account)
    wording = Wording(here.runtime, here.runtime.entity(reminder.entity), reminder)
    bind(here.session, options)
    try:
        ids = {one.id for one, _ in waiting}
        seen = seen_values(here.session, here.runtime, access, reminder.entity, ids, wording.paths)
    finally:
        release(here.session)
    for one, leads in waiting:
        for number, lead in enumerate(leads):
            state = COVERED if number else SENT if one.id in seen else WITHHELD
            told = Told(reminder, one.id, one.due, lead.lead, lead.at, account, state, lead.red)
            if state == SENT:
                title, body = wording.texts(one.id, seen[one.id], one.due, here.times)
                told = replace(told, title=title, body=body)
            yield told
