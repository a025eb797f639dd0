"""Each reminder that ships, with dates worked out by hand.

The chain: ``boss`` owns it, ``head`` keeps its people, ``east_hr`` those of the region; ``area`` leads ``store``
(who leads S1, and in it ``seller``) and ``other`` (S2). Runs stand at 08:30; an exclamation mark is an urgent notice.
August 2026 begins on a Saturday and has no holiday.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from tests.support.chain import Chain

HR = ("head", "east_hr")


def day(text: str) -> date:
    """A day of 2026."""
    return date.fromisoformat(f"2026-{text}")


def moment(text: str, hour: int, minute: int = 0) -> datetime:
    """A local time of 2026, as UTC."""
    return datetime.fromisoformat(f"2026-{text}T{hour:02d}:{minute:02d}:00+08:00").astimezone(UTC)


def expected(*told: tuple[str, str, tuple[str, ...]]) -> list[tuple[str, str, str]]:
    """Day, lead and who, a line each."""
    return [(f"2026-{on}", lead, who) for on, lead, people in told for who in people]


def marked(*people: str) -> tuple[str, ...]:
    """People with the mark of an urgent notice."""
    return tuple(f"{who}!" for who in people)


def test_n1_contract_due(chain: Chain) -> None:
    # 06-30 is a Tuesday. −60 falls on 05-01, a holiday until 05-05; −45 on a Saturday, −30 on a Sunday.
    contract = chain.contract(chain.person("李合同"), day("06-30"))
    chain.days(day("04-28"), day("07-03"))
    usual = (*HR, "store")
    assert chain.told("contract_due", contract) == expected(
        ("05-06", "-60", usual),
        ("05-18", "-45", usual),
        ("06-01", "-30", usual),
        ("06-15", "-15", ("boss", *usual)),
        ("06-23", "-7", ("boss", *usual)),
        ("06-30", "0", ("boss", *usual)),
    )


def test_n1_contract_due_with_a_follower_is_not_taken_to_the_owner(chain: Chain) -> None:
    person = chain.person("王续签")
    contract = chain.contract(person, day("06-30"))
    chain.contract(person, date(2029, 6, 30), extension_of=contract, is_renewal=True, sequence=2,
                   starts_on=day("07-01"), state="to_sign", signed_on=None)  # fmt: skip
    chain.remind(day("06-15"))
    assert chain.told("contract_due", contract) == expected(("06-15", "-15", (*HR, "store")))


def test_n2_second_fixed_term(chain: Chain) -> None:
    # 10-30 is a Friday; −90 falls on Saturday 08-01.
    contract = chain.contract(chain.person("赵二次"), day("10-30"), sequence=2, is_renewal=True)
    chain.on("07-31", "08-01", "08-03", "08-04", "08-31", "09-30")
    assert chain.told("second_fixed_term", contract) == expected(
        ("08-03", "-90", ("boss", "head")),
        ("08-31", "-60", ("boss", "head")),
        ("09-30", "-30", ("boss", *HR)),
    )


def test_n3_unsigned_contract(chain: Chain) -> None:
    # At work since Wednesday 07-01; +25 falls on Sunday 07-26. Urgent ones are told on Saturday and Sunday too.
    person = chain.person("钱未签", hire_date=day("07-01"), use_from=day("07-01"))
    chain.on(
        "07-15", "07-16", "07-21", "07-25", "07-26", "07-27", "07-30", "07-31", "08-01", "08-02"
    )
    chain.contract(
        person,
        date(2029, 6, 30),
        use_from=day("07-01"),
        starts_on=day("07-01"),
        signed_on=day("08-02"),
    )
    chain.on("08-03", "08-04")
    late = ("boss", *HR, "store")
    assert chain.told("unsigned_contract", person) == expected(
        ("07-16", "15", HR),
        ("07-21", "20", HR),
        ("07-27", "25", (*HR, "store")),
        ("07-30", "29", (*HR, "store")),
        ("07-31", "30", marked(*late)),
        ("08-01", "31", marked(*late)),
        ("08-02", "32", marked(*late)),
    )


def test_n4_probation_end(chain: Chain) -> None:
    # 08-31 is a Monday; −30 falls on a Saturday, −15 on a Sunday.
    person = chain.person("孙试用", hire_date=day("03-02"), use_from=day("03-02"), state="probation",
                          probation_ends_on=day("08-31"))  # fmt: skip
    chain.on("07-31", "08-01", "08-03", "08-16", "08-17", "08-24", "08-28", "08-31")
    to = (*HR, "store")
    assert chain.told("probation_end", person) == expected(
        ("08-03", "-30", to), ("08-17", "-15", to), ("08-24", "-7", to), ("08-28", "-3", to)
    )


def test_n5_non_compete_unsigned(chain: Chain) -> None:
    agreement = chain.non_compete(chain.people["seller"], due_on=day("07-06"), state="to_sign")
    chain.days(day("07-03"), day("07-13"))
    to = (*HR, "seller")
    assert chain.told("non_compete_unsigned", agreement) == expected(
        ("07-06", "0", to), ("07-07", "1", to), ("07-08", "2", to), ("07-09", "3", to)
    )


def test_n5_non_compete_gate_tells_the_manager(chain: Chain) -> None:
    post = chain.once("position", code="NC", name="团购专员", category="sales", non_compete_policy="required",
                      secret_basis="掌握客户底价与需求")  # fmt: skip
    person = chain.person("周竞业", hire_date=day("07-03"), use_from=day("07-03"), position=post)
    chain.on("07-06", "07-08", "07-09", "07-10")
    assert chain.told("non_compete_gate", person) == expected(("07-09", "6", ("store",)))


def test_n6_non_compete_decision(chain: Chain) -> None:
    # The last day is a Sunday, and nobody has decided.
    person = chain.person("吴离职", state="leaving", leave_date=day("08-30"))
    agreement = chain.non_compete(person, state="signed", signed_on=date(2024, 1, 5))
    case = chain.leaving(person, day("08-30"), non_compete=agreement)
    chain.on("08-09", "08-10", "08-20", "08-27", "08-29", "08-30", "08-31")
    to = ("boss", "head")
    assert chain.told("non_compete_decision", case) == expected(
        ("08-10", "-20", to), ("08-20", "-10", to), ("08-27", "-3", to), ("08-30", "0", marked(*to))
    )


def test_n7_compensation_payment(chain: Chain) -> None:
    # 03-16 is a Monday; −1 falls on a Sunday, +75 on Saturday 05-30.
    agreement = chain.non_compete(
        chain.person("郑补偿"), state="enforced", signed_on=date(2024, 1, 5)
    )
    payment = chain.add("compensation_payment", non_compete=agreement, period=day("02-01"), due_on=day("03-16"),
                        amount=3000, state="to_pay")  # fmt: skip
    chain.on(
        "03-10", "03-11", "03-15", "03-16", "03-17", "04-15", "05-15", "05-30", "06-01", "06-09"
    )
    to = (*HR, "money")
    assert chain.told("compensation_payment", payment) == expected(
        ("03-11", "-5", to),
        ("03-16", "-1", to),
        ("03-17", "1", to),
        ("04-15", "30", to),
        ("05-15", "60", ("boss", *to)),
        ("06-01", "75", ("boss", *to)),
        ("06-09", "85", marked("boss", *to)),
    )


def test_n8_non_compete_end(chain: Chain) -> None:
    agreement = chain.non_compete(chain.person("冯期满"), state="enforced", ends_on=day("09-30"))
    chain.on("07-31", "08-03", "08-31", "09-29", "09-30")
    to = ("boss", *HR)
    assert chain.told("non_compete_end", agreement) == expected(
        ("08-03", "-60", to), ("08-31", "-30", to), ("09-30", "0", to)
    )


def test_n9_handover_task(chain: Chain) -> None:
    # 08-13 is a Thursday; +3 falls on Sunday 08-16.
    task = chain.task(
        doer=chain.people["seller"], approver=chain.people["area"], due_on=day("08-13")
    )
    chain.days(day("08-07"), day("08-18"))
    to = ("area", "seller")
    assert chain.told("handover_task", task) == expected(
        ("08-10", "-3", to),
        ("08-12", "-1", to),
        ("08-13", "0", to),
        ("08-14", "1", ("area", "store", "seller")),
        ("08-17", "3", ("head", "store")),
    )


def test_n10_leaving_duties(chain: Chain) -> None:
    # The last day is Monday 08-03; +5 falls on a Saturday, +13 on a Sunday.
    case = chain.leaving(
        chain.person("陈法定", state="leaving", leave_date=day("08-03")), day("08-03")
    )
    chain.on("07-31", "08-03", "08-08", "08-10", "08-13", "08-16", "08-17", "08-18", "08-19")
    to = (*HR, "money")
    assert chain.told("leaving_duties", case) == expected(
        ("08-03", "0", to),
        ("08-10", "5", to),
        ("08-13", "10", to),
        ("08-17", "13", to),
        ("08-18", "15", marked(*to)),
    )


def test_n11_access_expiry(chain: Chain) -> None:
    grant = chain.grant(expires_on=day("08-20"))
    chain.on("08-12", "08-13", "08-14", "08-19", "08-20")
    to = ("admin", "store", "seller")
    assert chain.told("access_expiry", grant) == expected(("08-13", "-7", to), ("08-19", "-1", to))


def test_n11_temporary_access_hangs_on_the_hour(chain: Chain) -> None:
    # Saturday 08-22, until 18:00.
    grant = chain.grant(
        temporary_until=moment("08-22", 18), temporary_reason="交接", state="temporary"
    )
    for hour in (8, 15, 16, 17, 18, 19):
        chain.remind(day("08-22"), hour, 0, hourly=True)
    to = ("admin", "store", "seller")
    assert chain.told("temporary_access", grant) == expected(
        ("08-22", "-2h", to), ("08-22", "0h", to)
    )


def test_n11_access_review(chain: Chain) -> None:
    # 08-10 is a Monday, so −1 is a Sunday.
    review = chain.add("access_review", name="八月复核", org_unit=chain.units["S1"], due_on=day("08-10"),
                       reviewer=chain.people["store"], state="running")  # fmt: skip
    chain.on("07-31", "08-03", "08-09", "08-10", "08-14", "08-17")
    to = ("admin", "store")
    assert chain.told("access_review_due", review) == expected(
        ("08-03", "-7", to), ("08-10", "-1", to), ("08-17", "7", ("head", "east_hr", *to))
    )


def test_n12_customer_silence(chain: Chain) -> None:
    # Last contact on Wednesday 08-05. Sunday 09-20 and Saturday 10-10 are worked; 09-25…27 and 10-01…07 are not.
    key, normal, rare = (
        chain.customer(grade=grade, last_contact_at=moment("08-05", 10))
        for grade in ("a", "b", "c")
    )
    chain.days(day("08-06"), day("08-26"))
    assert chain.told("customer_silence", key) == expected(
        ("08-10", "3w", ("seller",)), ("08-13", "6w", ("store",))
    )
    assert chain.told("customer_silence", normal) == expected(
        ("08-14", "7w", ("seller",)), ("08-25", "14w", ("store",))
    )
    chain.on("09-15", "09-16", "09-17", "11-02", "11-03", "11-04")
    assert chain.told("customer_silence", rare) == expected(
        ("09-16", "30w", ("seller",)), ("11-03", "60w", ("store",))
    )


def test_n12_customer_silence_ends_with_a_contact(chain: Chain) -> None:
    customer = chain.customer(grade="a", last_contact_at=moment("08-05", 10))
    chain.change("customer", customer, last_contact_at=moment("08-10", 8))
    chain.days(day("08-10"), day("08-14"))
    assert chain.told("customer_silence", customer) == expected(("08-13", "3w", ("seller",)))


def test_n13_customer_contract(chain: Chain) -> None:
    customer = chain.customer(contract_to=day("09-30"), last_contact_at=moment("08-03", 10))
    chain.on("07-31", "08-03", "08-31", "09-22", "09-23", "09-30")
    to = ("store", "seller")
    assert chain.told("customer_contract", customer) == expected(
        ("08-03", "-60", to), ("08-31", "-30", to), ("09-23", "-7", ("area", *to))
    )


def test_n14_certificate_expiry(chain: Chain) -> None:
    # −45 falls on Sunday 08-16.
    paper = chain.add("certificate", staff=chain.people["seller"], kind="health", issued_on=date(2025, 10, 1),
                      expires_on=day("09-30"), state="valid")  # fmt: skip
    chain.on("08-14", "08-17", "08-31", "09-15", "09-23", "09-30")
    to = (*HR, "store", "seller")
    assert chain.told("certificate_expiry", paper) == expected(
        ("08-17", "-45", to), ("08-31", "-30", to), ("09-15", "-15", to), ("09-23", "-7", to), ("09-30", "0", to)
    )  # fmt: skip


def test_n15_social_insurance(chain: Chain) -> None:
    # +25 falls on Sunday 07-26.
    person = chain.person(
        "褚社保", hire_date=day("07-01"), use_from=day("07-01"), social_insurance_on=None
    )
    chain.on("07-15", "07-16", "07-26", "07-27", "07-30", "07-31")
    assert chain.told("social_insurance", person) == expected(
        ("07-16", "15", HR), ("07-27", "25", HR), ("07-30", "29", HR)
    )


def test_n16_training_due(chain: Chain) -> None:
    # 08-13 is a Thursday; +3 falls on a Sunday.
    course = chain.once("course", code="C1", name="食品安全", kind="safety", state="published")
    record = chain.add("training_record", staff=chain.people["seller"], course=course, assigned_on=day("07-01"),
                       due_on=day("08-13"), state="assigned")  # fmt: skip
    chain.days(day("08-07"), day("08-21"))
    to = ("store", "seller")
    assert chain.told("training_due", record) == expected(
        ("08-10", "-3", to), ("08-13", "0", to), ("08-17", "3", to), ("08-20", "7", (*HR, *to))
    )


def test_n16_policy_due(chain: Chain) -> None:
    policy = chain.once("policy", code="P1", name="客户信息保密制度", state="published")
    paper = chain.add("policy_ack", staff=chain.people["seller"], policy=policy, edition="1.0", due_on=day("08-13"),
                      state="waiting")  # fmt: skip
    chain.on("08-10", "08-13", "08-17", "08-20")
    to = ("store", "seller")
    assert chain.told("policy_due", paper) == expected(
        ("08-10", "-3", to), ("08-13", "0", to), ("08-17", "3", to), ("08-20", "7", (*HR, *to))
    )


def test_n17_approval_overdue(chain: Chain) -> None:
    # Asked on Thursday 08-06; working days: Friday, Monday, Tuesday.
    approval = chain.approval(created_at=moment("08-06", 10))
    chain.days(day("08-06"), day("08-12"))
    assert chain.told("approval_overdue", approval) == expected(
        ("08-07", "1w", ("store",)), ("08-10", "2w", ("store",)), ("08-11", "3w", ("area",))
    )


def test_n18_warning_open(chain: Chain) -> None:
    # Raised on Friday 08-07: red ones do not wait for Monday.
    red = chain.warning(
        "red", moment("08-07", 10), assignee=chain.people["east_hr"], state="assigned"
    )
    amber = chain.warning(
        "amber", moment("08-07", 10), assignee=chain.people["east_hr"], state="assigned"
    )
    alone = chain.warning("red", moment("08-07", 10))
    chain.days(day("08-07"), day("08-16"))
    assert chain.told("warning_open", red) == expected(
        ("08-08", "1", marked("east_hr")), ("08-09", "2", marked("head", "east_hr"))
    )
    assert chain.told("warning_open", amber) == expected(
        ("08-10", "3", ("east_hr",)), ("08-14", "7", ("east_hr",))
    )
    assert chain.told("warning_open", alone) == expected(
        ("08-08", "1", marked(*HR)), ("08-09", "2", marked(*HR))
    )
