"""A small chain of stores over the schema that ships: a few people with accounts, and any record on demand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlalchemy.orm import Session

from app.access.actor import system_actor
from app.access.session_scope import install
from app.features.notifications.service import RED
from app.features.reminders.service import Hint, preview, remind
from app.kernel.errors import Invalid
from app.language.definitions import Rights
from app.records.loading import load
from app.settings import ROOT
from app.storage.database import make_sessions, unit_of_work
from tests.support.portals import Portal, running_portal
from tests.support.servers import Servers

ZONE = ZoneInfo("Asia/Shanghai")
MORNING = time(8, 30)
NUMBERS = count(1)
# username, position, the one above, and the roles with the places at which they are held
PEOPLE: tuple[tuple[str, str, str | None, tuple[tuple[str, str | None], ...]], ...] = (
    ("boss", "CEO", None, (("owner", None),)),
    ("head", "HRD", "boss", (("hr", None),)),
    ("east_hr", "HRS", "head", (("hr", "EAST"),)),
    ("money", "CFO", "boss", (("finance", None),)),
    ("admin", "ITM", "boss", (("admin", None),)),
    ("area", "AM", "boss", (("area_manager", "AREA"),)),
    ("store", "SM", "area", (("store_manager", "S1"),)),
    ("other", "SM", "area", (("store_manager", "S2"),)),
    ("seller", "GS", "store", (("sales", "S1"),)),
)
UNITS = (("HQ", "company", None), ("EAST", "region", "HQ"), ("AREA", "area", "EAST"),
         ("S1", "store", "AREA"), ("S2", "store", "AREA"))  # fmt: skip
AT = {"area": "AREA", "store": "S1", "seller": "S1", "other": "S2", "east_hr": "EAST"}


@dataclass
class Chain:
    """The portal with the ids of its people, units and stores."""

    portal: Portal
    people: dict[str, int] = field(default_factory=dict)
    accounts: dict[str, int] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    stores: dict[str, int] = field(default_factory=dict)
    known: dict[str, int] = field(default_factory=dict)

    def add(self, entity: str, **values: Any) -> int:
        """A record as an import by the portal itself would make it."""
        with self.session() as session:
            runtime = self.portal.runtime
            rights = {name: frozenset(Rights) for name in runtime.schema.entities}
            actor = system_actor(runtime.schema, rights, "test")
            try:
                return load(runtime, session, actor, entity, [values])[0]
            except Invalid as invalid:
                raise AssertionError(f"{entity}: {dict(invalid.problems)}") from invalid

    def change(self, entity: str, number: int, **values: Any) -> None:
        """Other values in some columns, whatever the rules say."""
        pairs = ", ".join(f"{name} = :{name}" for name in values)
        with self.portal.engines.owner.begin() as connection:
            connection.execute(
                text(f"UPDATE {entity} SET {pairs} WHERE id = :id"), {**values, "id": number}
            )

    def person(
        self, name: str, *, at: str = "S1", above: str | None = "store", **values: Any
    ) -> int:
        """Another person; without an account."""
        number = next(NUMBERS)
        row = {
            "staff_no": f"T{number:05d}", "name": name, "gender": "female", "id_kind": "passport",
            "passport_no": f"E{number:08d}", "birth_date": date(1990, 1, 1), "mobile": f"139{number:08d}",
            "employ_kind": "full_time", "org_unit": self.units[at], "position": self.known["position:GS"],
            "line_manager": self.people[above] if above else None, "hire_date": date(2024, 1, 2),
            "use_from": date(2024, 1, 2), "social_insurance_on": date(2024, 1, 10), "state": "regular",
        }  # fmt: skip
        return self.add("staff", **{**row, **values})

    def contract(self, staff: int, ends_on: date | None, **values: Any) -> int:
        """An active contract of a fixed term; without an end, an open one."""
        row = {
            "staff": staff, "legal_entity": self.known["legal_entity"], "kind": "fixed" if ends_on else "open",
            "sequence": 1, "use_from": date(2024, 1, 2), "starts_on": date(2024, 1, 2), "ends_on": ends_on,
            "wage_month": 6000, "work_place": self.stores["S1"], "hours_system": "standard",
            "sign_method": "paper", "signed_on": date(2024, 1, 2), "state": "active",
        }  # fmt: skip
        return self.add("contract", **{**row, **values})

    def once(self, entity: str, **values: Any) -> int:
        """A record that further tests use as well."""
        key = f"{entity}:{values['code']}"
        if key not in self.known:
            self.known[key] = self.add(entity, **values)
        return self.known[key]

    def non_compete(self, staff: int, **values: Any) -> int:
        """An agreement not to compete."""
        row = {
            "staff": staff, "position_basis": "secrecy_duty", "secret_basis": "掌握重点客户的底价与需求",
            "scope_business": ["茶饮"], "scope_region": ["上海"], "term_months": 12, "rate": 30, "state": "signed",
        }  # fmt: skip
        return self.add("non_compete", **{**row, **values})

    def leaving(self, staff: int, last_day: date, **values: Any) -> int:
        """A case of somebody who leaves."""
        row = {
            "staff": staff, "kind": "resignation", "submitted_on": last_day - timedelta(days=20),
            "last_day_agreed": last_day, "reason_code": "career", "freeze_plan": "by_item", "state": "handing_over",
        }  # fmt: skip
        return self.add("offboarding_case", **{**row, **values})

    def task(self, **values: Any) -> int:
        """A task of a running checklist."""
        template = self.once(
            "checklist_template", code="T1", name="离职清单", kind="offboarding", state="published"
        )
        run = self.add("checklist_run", staff=self.people["seller"], checklist_template=template,
                       started_on=date(2026, 7, 1), state="running")  # fmt: skip
        row = {
            "checklist_run": run,
            "seq": 1,
            "item_group": "customers",
            "title": "移交客户",
            "state": "to_do",
        }
        return self.add("checklist_task", **{**row, **values})

    def grant(self, **values: Any) -> int:
        """Access that somebody holds."""
        item = self.once(
            "access_item",
            code="LIB",
            name="客户库",
            kind="customer_library",
            freeze_mode="keep",
            risk=2,
        )
        row = {
            "staff": self.people["seller"], "access_item": item, "reason": "工作需要", "starts_on": date(2026, 1, 5),
            "requested_by": self.people["area"], "approved_by": self.people["store"], "state": "active",
        }  # fmt: skip
        return self.add("access_grant", **{**row, **values})

    def customer(self, **values: Any) -> int:
        """A customer of the first store, looked after by the seller."""
        number = next(NUMBERS)
        row = {
            "kind": "member", "name": f"客户{number}", "mobile": f"138{number:08d}", "store": self.stores["S1"],
            "owner": self.people["seller"], "owner_state": "effective", "grade": "b", "secrecy_mark": "internal",
            "state": "active",
        }  # fmt: skip
        return self.add("customer", **{**row, **values})

    def approval(self, **values: Any) -> int:
        """An approval that the store's manager has to give."""
        row = {
            "org_unit": self.units["S1"], "subject": f"customer:{self.customer()}", "summary": "调岗申请",
            "step": 1, "mode": "one_by_one", "applicant": self.people["seller"], "approver": self.people["store"],
            "state": "waiting",
        }  # fmt: skip
        return self.add("approval", **{**row, **values})

    def warning(self, level: str, created_at: datetime, **values: Any) -> int:
        """A warning about the seller."""
        row = {
            "staff": self.people["seller"],
            "level": level,
            "created_at": created_at,
            "state": "raised",
        }
        return self.add("risk_warning", **{**row, **values})

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session as tasks have it, saved at the end."""
        sessions = make_sessions(self.portal.engines.app)
        install(sessions)
        try:
            with unit_of_work(sessions()) as session:
                yield session
        finally:
            sessions.remove()

    def at(self, day: date, hour: int = 8, minute: int = 30) -> datetime:
        """Set the clock to a local time."""
        now = datetime.combine(day, time(hour, minute), ZONE).astimezone(UTC)
        self.portal.clock.moment = now
        return now

    def remind(
        self, day: date, hour: int = 8, minute: int = 30, *, hourly: bool = False
    ) -> dict[str, int]:
        """A run at a local time."""
        now = self.at(day, hour, minute)
        with self.session() as session:
            return remind(session, self.portal.runtime, now, hourly=hourly)

    def on(self, *days: str) -> None:
        """A run on each of these mornings of 2026."""
        for day in days:
            self.remind(date.fromisoformat(f"2026-{day}"))

    def days(self, first: date, last: date) -> None:
        """A run on each morning."""
        for number in range((last - first).days + 1):
            self.remind(first + timedelta(days=number))

    def preview(self, day: date, days: int) -> list[Hint]:
        """What would be told from that morning on."""
        now = self.at(day)
        with self.session() as session:
            return list(preview(session, self.portal.runtime, now, days))

    def told(self, reminder: str, number: int) -> list[tuple[str, str, str]]:
        """Each lead of a record that was told: (local day, lead, who), a mark on the urgent ones."""
        names = {account: name for name, account in self.accounts.items()}
        with self.portal.engines.owner.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT (r.at AT TIME ZONE 'Asia/Shanghai')::date AS day, r.lead, r.account_id, n.urgency"
                    " FROM portal_reminded r JOIN portal_notice n ON n.key ="
                    " concat_ws(':', 'reminder', r.reminder, r.record_id, r.due, r.lead, r.account_id)"
                    " WHERE r.reminder = :reminder AND r.record_id = :id AND r.state = 'sent'"
                    " ORDER BY r.at, r.account_id"
                ),
                {"reminder": reminder, "id": number},
            )
            return [
                (
                    row.day.isoformat(),
                    row.lead,
                    names.get(row.account_id, str(row.account_id))
                    + ("!" if row.urgency == RED else ""),
                )
                for row in rows
            ]

    def states(self, reminder: str, number: int) -> list[tuple[str, str]]:
        """The leads of a record with how they were served."""
        with self.portal.engines.owner.connect() as connection:
            rows = connection.execute(
                text(
                    "SELECT lead, state FROM portal_reminded WHERE reminder = :name AND record_id = :id ORDER BY id"
                ),
                {"name": reminder, "id": number},
            )
            return [(row.lead, row.state) for row in rows]

    def forget(self) -> None:
        """Begin anew: nobody was ever told anything, and there is nothing to tell."""
        self.at(date(2026, 6, 1))
        with self.portal.engines.owner.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(TOLD)}"))
            for table in PAPERS:
                connection.execute(text(f"DELETE FROM {table}"))
            connection.execute(text("DELETE FROM staff WHERE account_id IS NULL"))


TOLD = ("portal_reminded", "portal_delivery", "portal_notice_document", "portal_notice", "portal_breaker",
        "portal_notice_preference", "portal_reminder_change")  # fmt: skip
# Those that refer to others come first.
PAPERS = ("compensation_payment", "checklist_task", "checklist_run", "offboarding_case", "non_compete", "contract",
          "access_review_item", "access_review", "access_grant", "contact_log", "customer", "certificate",
          "training_record", "policy_ack", "approval", "risk_warning", "holiday")  # fmt: skip


@contextmanager
def running_chain(servers: Servers, home: Path) -> Iterator[Chain]:
    """The chain over a database of its own."""
    with running_portal(servers, ROOT / "schema", home) as portal:
        portal.clock.moment = datetime(2026, 1, 5, 1, tzinfo=UTC)
        chain = Chain(portal)
        _places(chain)
        _people(chain)
        yield chain


# Private


def _places(chain: Chain) -> None:
    for code, kind, parent in UNITS:
        chain.units[code] = chain.add(
            "org_unit", code=code, name=f"单元{code}", kind=kind, effective_from=date(2020, 1, 1),
            parent=chain.units[parent] if parent else None, state="active",
        )  # fmt: skip
    entity = chain.add("legal_entity", name="启禾餐饮有限公司", usci="91350100M000100Y43", city="310100")  # fmt: skip
    chain.known["legal_entity"] = entity
    for code in ("S1", "S2"):
        chain.stores[code] = chain.add(
            "store", org_unit=chain.units[code], name=f"门店{code}", legal_entity=entity, city="310100",
            timezone="Asia/Shanghai", currency="cny", state="open",
        )  # fmt: skip
    for code in dict.fromkeys(post for _, post, _, _ in PEOPLE):
        chain.known[f"position:{code}"] = chain.add(
            "position",
            code=code,
            name=code,
            category="store_staff",
            non_compete_policy="not_needed",
        )


def _people(chain: Chain) -> None:
    for name, post, above, roles in PEOPLE:
        account = chain.portal.account(name, "staff_self", chain.units[AT.get(name, "HQ")])
        chain.accounts[name] = account
        position = chain.known[f"position:{post}"]
        chain.people[name] = chain.person(
            f"某{name}", at=AT.get(name, "HQ"), above=above, position=position, account=account
        )
        for role, place in roles:
            chain.add("role_assignment", account=account, role=role, valid_from=date(2020, 1, 1),
                      held_at=chain.units[place] if place else None)  # fmt: skip
    with chain.portal.engines.owner.begin() as connection:
        connection.execute(text("UPDATE role_assignment SET valid_from = '2020-01-01'"))
        # The tests go through years; nobody has to choose another password meanwhile.
        connection.execute(text("UPDATE portal_password SET set_at = '2040-01-01'"))
        connection.execute(text("UPDATE ab_user SET email = username || '@chain.example'"))
    chain.change("org_unit", chain.units["S1"], manager_id=chain.people["store"])
