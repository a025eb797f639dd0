"""Customers with their owners, contacts and orders, made and loaded chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from app.features.demo.contacts import contact_row
from app.features.demo.names import TASTES, organisation, person_name, wholesaler
from app.features.demo.numbers import credit_code, customer_mobile
from app.features.demo.orders import load_orders, order_row, season
from app.features.demo.stage import BASE_CUSTOMERS, DAYS, Person, Sample, Stage, StorePlace
from app.kernel.messages import _l

CHUNK = 4000
TOLD_EVERY = 100_000
SAMPLES = 40  # kept of each store, for other records to refer to
KINDS = (("member", 80), ("company_purchase", 15), ("wholesale", 3), ("carrier", 1), ("other", 1))
GROUP = ("company_purchase", "wholesale")
# A and B customers are spoken to every few days; the others so often in fourteen months.
TALK_EVERY, CARED_FOR = 5, 0.8
TALKS = {True: 6.0, False: 1.0}


@dataclass
class Made:
    """A customer in the making, with what hangs on it."""

    row: dict[str, Any]
    store: StorePlace
    owner: Person | None
    before: Person | None = None
    contacts: list[tuple[datetime, Person]] = field(default_factory=list)
    orders: list[datetime] = field(default_factory=list)
    id: int = 0


def build_customers(stage: Stage) -> None:
    """Load all customers but those of the story, with history, contacts and orders."""
    random = stage.random("customers")
    wanted = BASE_CUSTOMERS * stage.scale
    stores = [store for store in stage.stores if store.state == "open"]
    sellers = {store.name: _Sellers(store) for store in stores}
    for start in range(0, wanted, CHUNK):
        made = []
        for number in range(start, min(start + CHUNK, wanted)):
            store = stores[number % len(stores)]
            made.append(_make(stage, random, number, store, sellers[store.name]))
        load_made(stage, random, made)
        if (start + CHUNK) % TOLD_EVERY == 0:
            stage.say(_l("%(count)s customers so far …", count=start + CHUNK))


def load_made(stage: Stage, random: Random, made: list[Made]) -> None:
    """Load customers and everything that hangs on them."""
    ids = stage.add("customer", (one.row for one in made))
    for one, record_id in zip(made, ids, strict=True):
        one.id = record_id
        kept = stage.samples.setdefault(one.store.id, [])
        if len(kept) < SAMPLES and one.row["state"] == "active":
            kept.append(Sample(record_id, one.row["name"], one.row["kind"], one.store, one.owner))
    stage.add("customer_owner_history", _histories(stage, random, made))
    stage.add("contact_log", (
        contact_row(random, one.id, one.row["kind"], person, moment)
        for one in made for moment, person in one.contacts
    ))  # fmt: skip
    orders = [(one, moment) for one in made for moment in one.orders]
    rows = [order_row(stage, random, one, moment) for one, moment in orders]
    load_orders(stage, rows)


def customer_row(
    stage: Stage, random: Random, number: int, kind: str, store: StorePlace
) -> dict[str, Any]:
    """The values that every customer has, before owner, state and dates."""
    mobile = customer_mobile((number * 48_271 + 12_345) % 100_000_000)
    row: dict[str, Any] = {
        "kind": kind, "mobile": mobile, "store": store.id,
        "preferences": random.sample(TASTES, random.randrange(4)), "source": random.choice(SOURCES[kind == "member"]),
    }  # fmt: skip
    if kind == "member":
        row["name"] = person_name(random, male=random.random() < 0.35)
        return row
    male = random.random() < 0.5
    row["contact_name"] = person_name(random, male=male)
    if kind == "company_purchase":
        row["name"], row["need_scene"] = organisation(random, store.city.name, store.district)
    else:
        row["name"] = wholesaler(random, store.city.name)
    row["usci"] = credit_code(100_000 + number, store.city.code)
    row["credit_terms"] = random.choice((None, "月结 30 天", "预存", "周结"))
    return row


SOURCES = {
    True: ("walk_in", "walk_in", "online", "campaign"),
    False: ("visit", "referral", "walk_in", "campaign"),
}


# Private


@dataclass
class _Sellers:
    store: StorePlace

    def __post_init__(self) -> None:
        people = self.store.people
        self.now = self.store.sellers or [self.store.area.lead]
        self.group = [one for one in self.now if one.post == "GS"] or self.now
        self.crew = [one for one in people if one.here and one.post in ("TB", "CA")] or self.now
        self.gone = [one for one in people if one.state == "departed"]

    def pick(self, random: Random, kind: str) -> Person | None:
        """Who owns a customer of a kind; nobody for a few."""
        if kind != "member":
            return random.choice(self.group if random.random() < 0.65 else self.now)
        if random.random() < 0.05:
            return None
        return random.choice(self.crew if random.random() < 0.6 else self.now)


def _make(stage: Stage, random: Random, number: int, store: StorePlace, sellers: _Sellers) -> Made:
    kind = random.choices([name for name, _ in KINDS], [weight for _, weight in KINDS])[0]
    row = customer_row(stage, random, number, kind, store)
    age = (stage.today - store.opened).days
    born = stage.day(random.randrange(3, max(4, min(age, 1400))))
    one = Made(row, store, sellers.pick(random, kind))
    row["created_at"] = row["first_visit_at"] = stage.at(born, random.randrange(600, 1290))
    _own(stage, random, one, sellers)
    _grade(random, one)
    _live(stage, random, one, born)
    _state(stage, random, one)
    return one


def _own(stage: Stage, random: Random, one: Made, sellers: _Sellers) -> None:
    if one.owner is not None and sellers.gone:
        chance = random.random()
        if chance < 0.006:
            one.owner = random.choice(sellers.gone)
        elif chance < 0.06:
            one.before = random.choice(sellers.gone)
    one.row["owner"] = one.owner.id if one.owner else None
    one.row["owner_state"] = "effective" if one.owner else "pool"


def _grade(random: Random, one: Made) -> None:
    group = one.row["kind"] in GROUP
    one.row["grade"] = random.choices("abc", (5, 11, 84) if group else (0, 1, 99))[0]
    one.row["secrecy_mark"] = "secret" if one.row["grade"] == "a" and group else "internal"
    manager = one.store.manager
    if one.row["grade"] == "a" and random.random() < 0.85:
        backup = manager if one.owner is not manager else one.store.area.lead
        one.row["backup_owner"] = backup.id


def _live(stage: Stage, random: Random, one: Made, born: date) -> None:
    """When the customer was spoken to, when it bought, and until when a contract runs."""
    first = max(born, stage.day(DAYS))
    span = (stage.today - first).days
    group = one.row["kind"] in GROUP
    if one.owner is not None:
        one.contacts = [
            (stage.at(day, random.randrange(560, 1260)), one.owner)
            for day in _talk_days(random, one, first, span)
            if _employed(one.owner, day)
        ]
    one.row["last_contact_at"] = max((moment for moment, _ in one.contacts), default=None)
    buys = _count(random, (12 if group else 2.2) * span / DAYS)
    days = (first + timedelta(days=random.randrange(span)) for _ in range(round(buys * 1.2)))
    one.orders = [
        stage.at(day, random.randrange(600, 1290)) for day in days if random.random() < season(day)
    ]
    if group and random.random() < 0.5:
        _contract(stage, random, one, first)


def _talk_days(random: Random, one: Made, first: date, span: int) -> Iterator[date]:
    """Good customers are spoken to every few days, if they are not neglected; others at times."""
    if one.row["grade"] != "c" and random.random() < CARED_FOR:
        for start in range(random.randrange(TALK_EVERY), span - 2, TALK_EVERY):
            yield first + timedelta(days=start + random.randrange(3))
        return
    mean = TALKS[one.row["kind"] in GROUP] * span / DAYS
    for _ in range(_count(random, mean)):
        yield first + timedelta(days=random.randrange(span))


def _contract(stage: Stage, random: Random, one: Made, first: date) -> None:
    start = first + timedelta(days=random.randrange(60))
    while start + timedelta(days=364) < stage.day(15):
        start += timedelta(days=365)
    one.row |= {"contract_from": start, "contract_to": start + timedelta(days=364),
                "receivable": Decimal(random.randrange(0, 40) * 250),
                "next_contact_at": stage.now + timedelta(days=random.randrange(-3, 20), hours=2)}  # fmt: skip


def _employed(person: Person, day: date) -> bool:
    return person.hired <= day and (person.left is None or day <= person.left)


def _count(random: Random, mean: float) -> int:
    whole = int(mean)
    low = random.randrange(0, 2 * whole + 1) if whole else 0
    return low + (1 if random.random() < mean - whole else 0)


def _state(stage: Stage, random: Random, one: Made) -> None:
    state = random.choices(
        ("active", "pending", "frozen", "lost", "delete_pending"), (930, 30, 8, 30, 2)
    )[0]
    one.row["state"] = state
    if state == "pending":
        one.row["owner_state"] = "pending"
    elif state == "lost":
        reasons = ("followed_staff", "competitor", "price", "service", "closed_down", "unknown")
        lost = stage.day(random.randrange(5, 200))
        one.row |= {"lost_reason": random.choice(reasons), "lost_on": lost}
        one.orders = [moment for moment in one.orders if moment.date() < lost]
    elif state == "delete_pending":
        one.row["delete_reason"] = "客户已注销，门店申请删除"
        one.row["delete_requested_by"] = one.store.manager.id


def _histories(stage: Stage, random: Random, made: Iterable[Made]) -> Iterator[dict[str, Any]]:
    for one in made:
        begin, owner = one.row["created_at"], one.owner.id if one.owner else None
        if one.before is not None:
            day = one.before.left or stage.today
            change = stage.at(max(day, begin.date() + timedelta(days=1)), 620)
            if change > begin:
                yield {"customer": one.id, "to_staff": one.before.id, "valid_from": begin,
                       "valid_to": change, "created_at": begin}  # fmt: skip
                yield {"customer": one.id, "from_staff": one.before.id, "to_staff": owner,
                       "valid_from": change, "created_at": change}  # fmt: skip
                continue
        if owner is not None:
            yield {"customer": one.id, "to_staff": owner, "valid_from": begin, "created_at": begin}
