"""A chain small enough to work out its reports by hand; the day is 15 June 2026, a Monday.

East has the stores 甲 and 乙, South the store 丙. The people of 甲 are a manager since 2024, somebody
on probation since 20 May, a part-timer, somebody who left on 10 May after 70 days, and somebody who
starts on 20 June.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.access.actor import system_actor
from app.features.demo.numbers import credit_code, customer_mobile, identity_number, staff_mobile
from app.kernel.errors import Invalid
from app.language.definitions import Rights
from app.records.loading import load
from tests.support.portals import Portal

BORN = date(1990, 5, 17)


def day(text: str) -> date:
    """A day of 2026 as ``05-10``, or a whole date."""
    return date.fromisoformat(text if len(text) > 5 else f"2026-{text}")


def at(text: str, hour: int = 4) -> datetime:
    """A moment of that day; 4 in UTC is noon in China."""
    found = day(text)
    return datetime(found.year, found.month, found.day, hour, tzinfo=UTC)


class Chain:
    """Fills a portal; ids are kept in ``portal.ids`` by short names."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.ids = portal.ids
        self.random = Random(1)
        rights = {name: frozenset(Rights) for name in portal.schema.entities}
        self.actor = system_actor(portal.schema, rights, "test")

    def add(self, entity: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Load rows by their short names."""
        with self.portal.records() as records:
            try:
                made = load(
                    self.portal.runtime, records.session, self.actor, entity, list(rows.values())
                )
            except Invalid as fault:
                said = {name: [str(one) for one in found] for name, found in fault.problems.items()}
                raise AssertionError(f"{entity}: {said}") from fault
        self.ids |= dict(zip(rows, made, strict=True))

    def one(self, entity: str, **values: Any) -> int:
        """Load one row and return its id."""
        self.add(entity, {"_": values})
        return self.ids["_"]

    def places(self) -> None:
        """The tree, the companies, posts and stores."""
        ids = self.ids
        since = {"effective_from": day("2020-01-01"), "state": "active"}
        ids["company"] = self.one("org_unit", code="C", name="栖禾", kind="company", **since)
        for name, kind, upper in (
            ("东区", "region", "company"), ("南区", "region", "company"), ("沪区", "area", "东区"),
            ("粤区", "area", "南区"), ("甲店", "store", "沪区"), ("乙店", "store", "沪区"), ("丙店", "store", "粤区"),
        ):  # fmt: skip
            values = {"code": name, "name": name, "kind": kind, "parent": ids[upper]}
            ids[name] = self.one("org_unit", **values, **since)
        ids["firm"] = self.one("legal_entity", name="栖禾餐饮", usci=credit_code(1), city="310100")
        ids["SM"] = self.one(
            "position",
            code="SM",
            name="店长",
            category="store_management",
            level=7,
            customer_facing=True,
        )
        ids["CA"] = self.one(
            "position",
            code="CA",
            name="店员",
            category="store_staff",
            level=2,
            customer_facing=True,
        )
        for name, plan in (("甲店", 5), ("乙店", 4), ("丙店", 3)):
            ids[f"store {name}"] = self.one(
                "store", org_unit=ids[name], name=name, legal_entity=ids["firm"], city="310100",
                headcount_plan=plan, opened_on=day("2020-01-01"), state="open",
            )  # fmt: skip

    def staff(self, name: str, place: str, hired: str, **more: Any) -> None:
        """One person."""
        number = len([key for key in self.ids if key.startswith("person ")]) + 1
        values = {
            "staff_no": f"S{number:02}", "name": name, "gender": "male", "birth_date": BORN,
            "id_no": identity_number(self.random, BORN, male=True), "mobile": staff_mobile(number),
            "org_unit": self.ids[place], "position": self.ids["CA"], "hire_date": day(hired),
            "use_from": day(hired), "state": "regular", "hukou_address": f"{name}的户籍", **more,
        }  # fmt: skip
        self.ids[f"person {name}"] = self.ids[name] = self.one("staff", **values)

    def people(self) -> None:
        """Everybody, and who holds which role where."""
        ids, manager = self.ids, {"position": self.ids["SM"]}
        for username, role, place in (
            ("owner", "owner", None), ("hr", "hr", None), ("finance", "finance", None),
            ("area", "area_manager", "沪区"), ("store", "store_manager", "甲店"), ("sales", "sales", "甲店"),
            ("auditor", "auditor", None),
        ):  # fmt: skip
            ids[f"account {username}"] = self.portal.account(username, role, ids.get(place or ""))
        self.staff("王店长", "甲店", "2024-01-01", **manager, account=ids["account store"])
        self.staff("李试用", "甲店", "05-20", state="probation", probation_ends_on=day("06-20"))
        self.staff(
            "赵兼职", "甲店", "2025-06-01", employ_kind="part_time", account=ids["account sales"]
        )
        self.staff("钱离职", "甲店", "03-01", state="departed", leave_date=day("05-10"))
        self.staff("吴待", "甲店", "06-20", state="pending", use_from=None)
        self.staff("孙店长", "乙店", "2024-01-01", **manager)
        self.staff("周离开", "乙店", "2025-01-01", state="leaving", leave_date=day("06-17"))
        self.staff("郑店长", "丙店", "2024-01-01", **manager)
        self.staff("何人事", "company", "2024-01-01", account=ids["account hr"])
        self.staff("冯财务", "company", "2024-01-01", account=ids["account finance"])
        self.one("staff_movement", staff=ids["赵兼职"], kind="store_change", effective_on=day("06-16"),
                 from_org_unit=ids["乙店"], to_org_unit=ids["甲店"], state="approved")  # fmt: skip

    def papers(self) -> None:
        """Contracts, and what hangs on leaving."""
        ids = self.ids
        common = {"legal_entity": ids["firm"], "wage_month": Decimal(6000)}
        self.add("contract", {
            "open contract": {"staff": ids["王店长"], "kind": "open", "use_from": day("2024-01-01"),
                              "starts_on": day("2024-01-01"), "signed_on": day("2024-01-01"),
                              "state": "active", **common},
            "ending contract": {"staff": ids["孙店长"], "kind": "fixed", "sequence": 2, "use_from": day("2024-07-02"),
                                "starts_on": day("2024-07-02"), "ends_on": day("07-01"),
                                "signed_on": day("2024-07-01"), "state": "active", **common},
            "late contract": {"staff": ids["周离开"], "kind": "fixed", "use_from": day("2025-01-01"),
                              "starts_on": day("2025-01-01"), "ends_on": day("2027-12-31"),
                              "signed_on": day("2025-01-01"), "state": "active", **common},
            "unsigned contract": {"staff": ids["赵兼职"], "kind": "fixed", "use_from": day("04-15"),
                                  "starts_on": day("04-15"), "ends_on": day("2027-04-14"), "state": "to_sign",
                                  **common, "wage_month": Decimal(3000)},
        })  # fmt: skip
        self.one("contract", staff=ids["孙店长"], kind="open", sequence=3, use_from=day("2024-07-02"),
                 starts_on=day("07-02"), extension_of=ids["ending contract"], is_renewal=True, state="to_sign",
                 **common)  # fmt: skip
        ids["old case"] = self.one(
            "offboarding_case", staff=ids["钱离职"], kind="resignation", submitted_on=day("04-20"),
            last_day_agreed=day("05-10"), reason_code="pay", state="closed")  # fmt: skip
        ids["case"] = self.one(
            "offboarding_case", staff=ids["周离开"], kind="resignation", submitted_on=day("05-20"),
            last_day_agreed=day("06-17"), reason_code="career", default_successor=ids["孙店长"],
            certificate_issued_on=day("06-14"), state="handing_over")  # fmt: skip
        self._handover()

    def _handover(self) -> None:
        ids = self.ids
        ids["template"] = self.one(
            "checklist_template", code="L", name="离职", kind="offboarding", state="published"
        )
        for name, case, who, begun, ended, state in (
            ("old run", "old case", "钱离职", "05-01", "05-09", "finished"),
            ("run", "case", "周离开", "06-01", None, "running"),
        ):
            ids[name] = self.one(
                "checklist_run", staff=ids[who], checklist_template=ids["template"], offboarding_case=ids[case],
                started_on=day(begun), finished_on=day(ended) if ended else None, state=state)  # fmt: skip
        task = {"item_group": "customers", "title": "交客户"}
        for name, run, state in (
            ("old task 1", "old run", "approved"), ("old task 2", "old run", "waived"),
            ("task 1", "run", "approved"), ("task 2", "run", "in_review"), ("task 3", "run", "to_do"),
        ):  # fmt: skip
            ids[name] = self.one("checklist_task", checklist_run=ids[run], state=state, **task)
        self.one("checklist_task_line", checklist_task=ids["task 2"], subject_name="客户一", accepted=True, done=True,
                 unsettled_amount=Decimal(70))  # fmt: skip
        self.one("checklist_task_line", checklist_task=ids["task 3"], subject_name="客户二", accepted=False, done=False,
                 unsettled_amount=Decimal(500))  # fmt: skip

    def access(self) -> None:
        """What people hold, and the non-competes."""
        ids = self.ids
        ids["key"] = self.one("access_item", code="K", name="钥匙", kind="key", risk=3)
        ids["library"] = self.one("access_item", code="B", name="客户库", kind="customer_library", risk=2,
                                  requirements=["non_compete_signed"])  # fmt: skip
        grant = {"reason": "工作需要", "requested_by": ids["王店长"], "state": "active"}
        for name, who, item in (("grant of leaver", "钱离职", "key"), ("grant met", "王店长", "library"),
                                ("grant unmet", "孙店长", "library")):  # fmt: skip
            ids[name] = self.one("access_grant", staff=ids[who], access_item=ids[item], **grant)
        paper = {"position_basis": "secrecy_duty", "secret_basis": "掌握企业客户名单和价格政策",
                 "scope_business": ["茶饮"], "scope_region": ["上海"]}  # fmt: skip
        self.one(
            "non_compete", staff=ids["王店长"], signed_on=day("2024-01-02"), state="signed", **paper
        )
        ids["enforced"] = self.one(
            "non_compete", staff=ids["钱离职"], signed_on=day("03-02"), mean_wage=Decimal(8000), rate=Decimal(30),
            minimum_wage=Decimal(2500), compensation_month=Decimal(2000), starts_on=day("05-11"),
            ends_on=day("2027-05-10"), state="enforced", **paper)  # fmt: skip
        for period, due, state, more in (
            ("05-01", "05-15", "paid", {"paid_on": day("05-15"), "voucher_no": "PZ1"}),
            ("06-01", "06-10", "to_pay", {}), ("07-01", "07-15", "planned", {}),
        ):  # fmt: skip
            self.one("compensation_payment", non_compete=ids["enforced"], period=day(period), due_on=day(due),
                     amount=Decimal(2000), state=state, **more)  # fmt: skip

    def presence(self) -> None:
        """Overtime, attendance, wages."""
        ids = self.ids
        for who, when, kind, hours, state in (
            ("王店长", "05-11", "workday", "2", "approved"), ("王店长", "05-16", "rest_day", "8", "approved"),
            ("王店长", "05-17", "rest_day", "8", "approved"), ("王店长", "05-23", "rest_day", "8", "approved"),
            ("王店长", "05-24", "rest_day", "3.5", "approved"), ("王店长", "05-01", "holiday", "8", "approved"),
            ("孙店长", "05-12", "workday", "1.5", "approved"), ("孙店长", "05-13", "workday", "3", "requested"),
            ("孙店长", "06-02", "workday", "2", "approved"),
        ):  # fmt: skip
            self.one(
                "overtime_record",
                staff=ids[who],
                worked_on=day(when),
                kind=kind,
                hours=Decimal(hours),
                state=state,
            )
        for who, when, more in (
            ("王店长", "05-11", {"late": 10}), ("孙店长", "05-12", {"absent": True}),
            ("孙店长", "05-13", {"missing_punch": True}), ("王店长", "06-08", {"clocked_in_at": at("06-08", 1)}),
            ("王店长", "06-09", {"clocked_in_at": at("06-09", 1)}),
            ("王店长", "06-10", {"clocked_in_at": at("06-10", 1)}),
        ):  # fmt: skip
            self.one("attendance_day", staff=ids[who], work_day=day(when), planned=480, **more)
        for who, gross in (("王店长", 6000), ("钱离职", 3000), ("孙店长", 500)):
            self.one("staff_wage", staff=ids[who], wage_month=day("05-01"), gross=Decimal(gross))

    def customers(self) -> None:
        """Twenty-five customers with what they ordered and how often they were spoken to."""
        ids = self.ids
        for number, (store, owner, grade, spoken) in enumerate([
            ("甲店", "王店长", "a", "06-10"), ("甲店", "王店长", "c", "06-12"), ("甲店", "赵兼职", "b", "06-01"),
            ("甲店", None, "c", None), ("乙店", "孙店长", "a", "06-14"), *[("丙店", "郑店长", "c", None)] * 20,
        ], 1):  # fmt: skip
            ids[f"customer {number}"] = self.one(
                "customer", kind="member", name=f"客户{number:02}", mobile=customer_mobile(number),
                store=ids[f"store {store}"], owner=ids.get(owner or ""), grade=grade, state="active",
                backup_owner=ids["王店长"] if store == "乙店" else None, receivable=Decimal(10 * number),
                last_contact_at=at(spoken) if spoken else None)  # fmt: skip
        orders: list[tuple[int, str, int, str]] = [
            (1, "02-10", 300, "completed"), (1, "03-10", 300, "completed"), (1, "04-10", 300, "completed"),
            (1, "05-10", 100, "completed"), (2, "05-11", 999, "open"), (3, "05-11", 200, "completed"),
            (5, "03-12", 300, "completed"), (5, "05-12", 1000, "completed"),
        ]  # fmt: skip
        orders += [(number, "01-15", 10, "completed") for number in range(6, 26)]
        orders += [(number, "01-20", 10, "completed") for number in (6, 7)]
        orders += [(number, "04-15", 10, "completed") for number in range(6, 11)]
        stores = {1: "甲店", 2: "甲店", 3: "甲店", 5: "乙店"}
        for number, (customer, when, amount, status) in enumerate(orders, 1):
            self.one("customer_order", external_no=f"E{number}", source="pos", status=status, ordered_at=at(when),
                     store=ids[f"store {stores.get(customer, '丙店')}"], customer=ids[f"customer {customer}"],
                     amount=Decimal(amount))  # fmt: skip
        for moment in (at("06-08"), at("06-08", 6), at("06-09"), at("06-01")):
            self.one("contact_log", customer=ids["customer 1"], staff=ids["王店长"], contacted_at=moment,
                     way="phone_call", summary="问了近况和需求")  # fmt: skip
        self.one("contact_stat", staff=ids["王店长"], stat_day=day("06-09"), new_contact_count=4)

    def learning_and_risk(self) -> None:
        """Courses, policies, health certificates, warnings."""
        ids = self.ids
        ids["course"] = self.one(
            "course", code="X", name="系统操作", kind="system_use", state="published"
        )
        for who, state in (
            ("王店长", "passed"),
            ("李试用", "assigned"),
            ("赵兼职", "passed"),
            ("钱离职", "failed"),
        ):
            self.one(
                "training_record",
                staff=ids[who],
                course=ids["course"],
                assigned_on=day("05-21"),
                state=state,
            )
        ids["policy"] = self.one(
            "policy", code="Z", name="保密制度", consulted_on=day("01-01"), state="published"
        )
        for who, state in (("王店长", "acknowledged"), ("李试用", "waiting")):
            self.one("policy_ack", staff=ids[who], policy=ids["policy"], edition="1.0", state=state)
        for who, ends in (("王店长", "06-30"), ("李试用", "06-01"), ("孙店长", "12-31")):
            self.one(
                "certificate", staff=ids[who], kind="health", expires_on=day(ends), state="valid"
            )
        made = {"created_at": at("06-05")}
        for who, level, state, outcome in (
            ("王店长", "red", "raised", None), ("孙店长", "amber", "talking", None),
            *[("李试用", "red", "closed", "confirmed")] * 3, ("赵兼职", "amber", "closed", "false_alarm"),
        ):  # fmt: skip
            self.one(
                "risk_warning", staff=ids[who], level=level, state=state, outcome=outcome, **made
            )


def build_chain(portal: Portal) -> None:
    """Fill the portal."""
    chain = Chain(portal)
    for step in (chain.places, chain.people, chain.papers, chain.access, chain.presence, chain.customers,
                 chain.learning_and_risk):  # fmt: skip
        step()


def days_before(number: int) -> date:
    """So many days before the day of the chain."""
    return date(2026, 6, 15) - timedelta(days=number)
