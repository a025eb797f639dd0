"""Faults of what the portal tells people: servers that hang, and a year of reminders under fire."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_time
from zoneinfo import ZoneInfo

from aiosmtpd.controller import Controller
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.features.notifications.service import NewNotice, notify
from app.kernel.messages import Label
from app.storage.database import unit_of_work
from tests.faults.harness import Bench, History, Load, Missed, open_redis, until

WORKER, SCHEDULER = "chores worker", "chores scheduler"
YEAR, DATES = 365, 1000
ZONE = ZoneInfo("Asia/Shanghai")
LEADS = 3
RUN_AT = wall_time(8, 30)


def f24_mail_hangs(bench: Bench, times: int) -> str:
    """The mail server takes calls and says nothing: pages stay quick, each mail arrives once when it is back."""
    account = int(bench.scalar("SELECT id FROM ab_user WHERE username = 'west'"))
    with bench.engines.owner.begin() as connection:
        change = text("UPDATE ab_user SET email = 'west@nursery.example' WHERE id = :id")
        connection.execute(change, {"id": account})
    mark = f"mail-{time.time_ns()}"
    keys = [f"{mark}-{number}" for number in range(times)]
    load = Load(bench, History(bench.site.home.parent / "f24.jsonl"))
    with hanging(bench.mail_port) as calls:
        with Session(bench.engines.app) as session, unit_of_work(session):
            notify(session, [_urgent(account, key) for key in keys], bench.runtime.clock.now())
        with load.running():
            bench.queue("deliver")
            until(lambda: calls[0] > 0, 30, "the portal calls the mail server")
            time.sleep(4)
    slow = sorted(load.times)[int(len(load.times) * 0.99)]
    if slow > 1:
        raise Missed(f"one page in a hundred took {slow:.1f} s")
    taken = Counter[str]()
    with mail_server(bench.mail_port, taken):
        _until_sent(bench, len(keys), f"{mark}-%")
        bench.queue("deliver")
        time.sleep(1)
    if {key: taken[key] for key in keys} != dict.fromkeys(keys, 1):
        raise Missed(f"{sum(taken[key] for key in keys)} mails of {len(keys)}")
    load.check()
    return f"{len(keys)} mails once each after {calls[0]} calls in vain; pages p99 {slow * 1000:.0f} ms"


def a_year(bench: Bench, days: int) -> str:
    """A year passes while queue, workers and scheduler die and the clock jumps: every lead once, none forgotten."""
    begin = datetime.now(ZONE).date() + timedelta(days=2)
    number = max(DATES * days // YEAR, 10)
    first = _dates(bench, begin, days, number)
    day, strikes = 0, 0
    try:
        while day <= days + 1:
            if day % max(days // 12, 3) == 2:
                _STRIKES[strikes % len(_STRIKES)](bench, begin + timedelta(days=day))
                strikes += 1
            _live(bench, begin + timedelta(days=day))
            day += 1 if day % 29 else 3
    finally:
        bench.clock.release()
        _forget_the_future(bench)
    return f"{_checked(bench, first, number)}; {days} days, {strikes} strikes"


@contextmanager
def hanging(port: int) -> Iterator[list[int]]:
    """A server that takes calls and never answers; the number of calls."""
    calls, stop, held = [0], threading.Event(), []
    with socket.create_server(("127.0.0.1", port), reuse_port=False) as server:
        server.settimeout(0.1)

        def take() -> None:
            while not stop.is_set():
                try:
                    held.append(server.accept()[0])
                    calls[0] += 1
                except TimeoutError:
                    continue

        thread = threading.Thread(target=take)
        thread.start()
        try:
            yield calls
        finally:
            stop.set()
            thread.join()
            for one in held:
                one.close()


@contextmanager
def mail_server(port: int, taken: Counter[str]) -> Iterator[None]:
    """A mail server that counts the mails by the word that they announce."""

    class Memory:
        async def handle_DATA(self, _server: object, _session: object, envelope: object) -> str:  # noqa: N802 - their name
            content = bytes(getattr(envelope, "content", b"")).decode("utf-8", "replace")
            subject = next(line for line in content.splitlines() if line.startswith("Subject:"))
            taken[subject.split()[-1]] += 1
            return "250 taken"

    controller = Controller(Memory(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


# Private


def _urgent(account: int, key: str) -> NewNotice:
    return NewNotice(
        account, key, "test", Label(key, key), Label("请看", "See"), red=True, channels=("mail",)
    )


def _until_sent(bench: Bench, number: int, keys: str) -> None:
    """Let the clock run until all is sent; waits between attempts are kept, only not by us."""
    query = (
        "SELECT count(*) FROM portal_delivery d JOIN portal_notice n ON n.id = d.notice_id"
        " WHERE n.key LIKE :keys AND d.state = 'sent'"
    )
    moment = datetime.now(UTC)
    try:
        for _ in range(40):
            moment += timedelta(hours=1)
            bench.clock.set(moment)
            bench.queue("deliver")
            for _ in range(20):
                if bench.scalar(query, keys=keys) == number:
                    return
                time.sleep(0.1)
    finally:
        bench.clock.release()
    raise Missed(f"{bench.scalar(query, keys=keys)} of {number} sent")


def _dates(bench: Bench, begin: date, days: int, number: int) -> int:
    """Treatments that fall due over the days; the id of the first."""
    with bench.door() as records:
        plant = bench.scalar("SELECT min(id) FROM plant")
        given = {"plant": plant, "what": "a year", "given_on": begin}
        first = records.create("treatment", given)
    with bench.engines.owner.begin() as connection:
        columns = [
            column.name
            for column in bench.runtime.models.metadata.tables["treatment"].c
            if column.name not in ("id", "uuid", "given_on")
        ]
        listed = ", ".join(columns)
        connection.execute(
            text(
                f"INSERT INTO treatment ({listed}, given_on) SELECT {listed},"
                " given_on + n * CAST(:days AS integer) / CAST(:number AS integer)"
                " FROM treatment, generate_series(1, CAST(:number AS integer) - 1) n WHERE id = :first"
            ),
            {"days": days, "number": number, "first": first},
        )
    return first


def _live(bench: Bench, day: date) -> None:
    """The morning of a day, and wait until its reminders are told."""
    moment = datetime.combine(day, RUN_AT, ZONE).astimezone(UTC)
    bench.clock.set(moment + timedelta(minutes=2))
    key = f"remind_daily@{moment:%Y-%m-%dT%H:%M:%S}"
    query = "SELECT state FROM portal_task WHERE key = :key"
    until(lambda: bench.scalar(query, key=key) == "done", 60, f"the reminders of {day} are told")


def _checked(bench: Bench, first: int, number: int) -> str:
    """Every lead that was reached is there once; raises Missed."""
    rows = bench.rows(
        "SELECT record_id, lead, state, count(*) OVER (PARTITION BY record_id, lead, account_id) AS times"
        " FROM portal_reminded WHERE reminder = 'treatment_due' AND record_id >= :first",
        first=first,
    )
    twice = [row for row in rows if row.times != 1]
    by_state = Counter(row.state for row in rows)
    if twice or len(rows) != number * LEADS:
        raise Missed(f"{len(rows)} of {number * LEADS} leads, {len(twice)} twice")
    notices = bench.scalar(
        "SELECT count(*) FROM portal_notice WHERE key LIKE 'reminder:treatment_due%'"
    )
    told = by_state["sent"]
    return f"{number} dates, {told} leads told and {by_state['covered']} covered by a newer one, {notices} notices"


def _forget_the_future(bench: Bench) -> None:
    with bench.engines.owner.begin() as connection:
        connection.execute(text("DELETE FROM portal_slot WHERE moment > now()"))


def _wipe_queue(bench: Bench, day: date) -> None:
    open_redis(bench.settings).flushall()


def _kill_workers(bench: Bench, day: date) -> None:
    bench.site.kill(WORKER, signal.SIGKILL)


def _kill_scheduler(bench: Bench, day: date) -> None:
    bench.site.kill(SCHEDULER, signal.SIGKILL)


def _clock_back(bench: Bench, day: date) -> None:
    bench.clock.set(datetime.combine(day, RUN_AT, ZONE).astimezone(UTC) - timedelta(days=3))
    time.sleep(2)


_STRIKES: tuple[Callable[[Bench, date], None], ...] = (
    _wipe_queue, _kill_workers, _clock_back, _kill_scheduler,
)  # fmt: skip
