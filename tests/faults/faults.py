"""The faults, each struck on a running portal; what they may and may not do is in their first line."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as wall_time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from redis.exceptions import RedisError

from app.kernel.clock import FixedClock
from app.kernel.messages import Label
from app.records.runtime import Runtime
from app.tasks.kinds import Schedule
from app.tasks.slots import due, serve
from tests.faults.harness import (
    Bench,
    History,
    Load,
    Missed,
    command_line,
    descendants,
    open_redis,
    request,
    sign_in,
    until,
)
from tests.faults.outward import a_year, f24_mail_hangs

WEB, WORKER, SCHEDULER = "gunicorn", "chores worker", "chores scheduler"
POSTGRES, VALKEY = "bin/postgres", "valkey-server"
# A server that is killed sooner after its start is taken for one that cannot run.
SETTLED = 5.5
Fault = Callable[[Bench, int], str]


def f01_web_killed(bench: Bench, times: int) -> str:
    """Web processes are killed at any moment: no acknowledged write is lost, none is there twice."""
    load = Load(bench, History(bench.site.home.parent / "f01.jsonl"))
    chance, slowest = random.Random(1), 0.0
    with load.running():
        for _ in range(times):
            time.sleep(chance.uniform(0.2, 3))
            children = [pid for pid in bench.site.processes(WEB) if not descendants(pid)]
            bench.site.kill(WEB) if chance.random() < 0.2 else _kill_one(children, chance)
            slowest = max(slowest, until(bench.site.healthy, 30, "pages answer again"))
    return f"{load.check()}; pages back after {slowest:.1f} s at most"


def f02_worker_killed(bench: Bench, times: int) -> str:
    """Workers are killed in their work: each effect exactly once, no child lives on."""
    numbers = bench.queue("leave", times * 4, steps=4, pause=0.2)
    chance, longest = random.Random(2), 0.0
    for _ in range(times):
        time.sleep(chance.uniform(0.3, 1.2))
        below = [one for pid in bench.site.processes(WORKER) for one in descendants(pid)]
        bench.site.kill(WORKER)
        gone = until(lambda: not any(WORKER in command_line(one) for one in below), 2, "no orphan")  # noqa: B023
        longest = max(longest, gone)
    until(lambda: bench.all_ended(numbers), 90, "all tasks end")
    bench.exactly_once(numbers)
    return f"{len(numbers)} effects, no orphan after {longest:.2f} s"


def f03_nobody_sends(bench: Bench, times: int) -> str:
    """The process dies after the commit and before anything is sent: the task runs within 10 s of the restart."""
    slowest = 0.0
    for _ in range(times):
        for pid in bench.site.processes(SCHEDULER):
            _signal(pid, signal.SIGSTOP)
        numbers = bench.queue("leave", 3)
        bench.site.kill(SCHEDULER)
        slowest = max(slowest, until(lambda: bench.all_ended(numbers), 10, "the tasks run"))  # noqa: B023
        bench.exactly_once(numbers)
    return f"run {slowest:.1f} s after the restart at most"


def f04_killed_before_the_end(bench: Bench, times: int) -> str:
    """The worker dies between the effect and its note that it is done: the effect is there once."""
    numbers = bench.queue("leave", times, before_end=1.0)
    for _ in range(times):
        time.sleep(0.8)
        bench.site.kill(WORKER)
    until(lambda: bench.all_ended(numbers), 120, "all tasks end")
    bench.exactly_once(numbers)
    return f"{times} effects"


def f08_queue_wiped(bench: Bench, times: int) -> str:
    """The queue is wiped and killed with tasks in it: all of them run within 60 s."""
    slowest = 0.0
    for turn in range(times):
        numbers = bench.queue("leave", 50)
        if turn % 2:
            bench.site.kill(VALKEY)
        else:
            open_redis(bench.settings).flushall()
        slowest = max(slowest, until(lambda: bench.all_ended(numbers), 60, "all tasks end"))  # noqa: B023
        bench.exactly_once(numbers)
    return f"50 tasks each time, done after {slowest:.1f} s at most"


def f09_queue_hangs(bench: Bench, times: int) -> str:
    """The queue answers nobody: pages come within 2 s, work can be asked for and is done afterwards."""
    stopped = bench.site.processes(VALKEY)
    slowest, numbers = 0.0, []
    try:
        for pid in stopped:
            _signal(pid, signal.SIGSTOP)
        for _ in range(5 * times):
            begun = time.monotonic()
            if request(bench.site.port, "GET", "/login/")[0] != 200:
                raise Missed("a page failed")
            numbers += bench.queue("leave")
            slowest = max(slowest, time.monotonic() - begun)
    finally:
        for pid in stopped:
            _signal(pid, signal.SIGCONT)
    if slowest > 2:
        raise Missed(f"a page took {slowest:.1f} s")
    until(lambda: bench.all_ended(numbers), 60, "all tasks end")
    bench.exactly_once(numbers)
    return f"page and task in {slowest:.2f} s at most; {len(numbers)} tasks done afterwards"


def f10_both_servers_killed(bench: Bench, times: int) -> str:
    """Database and queue are killed at once and leave sockets and locks behind: all come back by themselves."""
    slowest = 0.0
    for _ in range(times):
        time.sleep(SETTLED)
        bench.site.kill(VALKEY)
        bench.site.kill(POSTGRES)
        slowest = max(slowest, until(bench.healthy, 60, "pages answer again"))
        until(lambda: _answers(bench), 30, "the queue answers")
        bench.engines.dispose()
    numbers = bench.queue("leave", 5)
    until(lambda: bench.all_ended(numbers), 60, "tasks run")
    bench.exactly_once(numbers)
    return f"back after {slowest:.1f} s at most"


def f11_database_restarted(bench: Bench, times: int) -> str:
    """The database is killed while people write: a failed request for each connection, no wrong row."""
    load = Load(bench, History(bench.site.home.parent / "f11.jsonl"))
    with load.running():
        for _ in range(times):
            time.sleep(SETTLED)
            bench.site.kill(POSTGRES)
            time.sleep(0.5)
            until(bench.healthy, 60, "pages answer again")
        time.sleep(1.5)
    bench.engines.dispose()
    failed = sum(number for status, number in load.answers.items() if status >= 500)
    return f"{load.check()}; {failed} requests answered 5xx over {times} restarts"


def f15_many_schedulers(bench: Bench, times: int) -> str:
    """Three look at 200 moments at once: each is served once."""
    name = f"every_minute_{times}_{time.time_ns()}"
    schedule = Schedule(name, "leave", every=timedelta(minutes=1), catch_up="all")
    begin = datetime(2026, 1, 1, tzinfo=UTC)

    def look(now: datetime) -> int:
        runtime = _at(bench, now)
        with bench.engines.app.begin() as connection:
            return serve(connection, runtime, [schedule], {"leave": Label("杂务", "Chore")})

    look(begin)
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(look, [begin + timedelta(minutes=200)] * 3))
    if sum(made) != 200:
        raise Missed(f"{sum(made)} of 200 moments")
    keys = "SELECT count(*) FROM portal_task WHERE key LIKE :name"
    if bench.scalar(keys, name=f"{name}@%") != 201:
        raise Missed("other tasks than moments")
    return f"200 moments, served {made}"


def f16_clock_jumps(bench: Bench, times: int) -> str:
    """The clock jumps an hour ahead, an hour and three days back and to 2038: no moment twice, none forgotten."""
    schedule = Schedule(f"clock_{time.time_ns()}", "leave", at=wall_time(8, 30), catch_up="all")
    zone, now = ZoneInfo("Asia/Shanghai"), datetime(2026, 3, 1, 0, 0, tzinfo=UTC)
    served: list[datetime] = []
    jumps = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=-3), timedelta(days=10)]
    jumps += [timedelta(hours=6)] * 40
    for jump in jumps:
        now += jump
        served += due(schedule, max(served, default=None), now, zone)
    expected = [served[0] + timedelta(days=day) for day in range(len(served))]
    if served != expected:
        raise Missed("a moment was served twice or forgotten")
    far = datetime(2038, 1, 19, 3, 20, tzinfo=UTC)
    if due(schedule, far - timedelta(days=1), far, zone) != [
        datetime(2038, 1, 19, 0, 30, tzinfo=UTC)
    ]:
        raise Missed("2038 has no morning")
    return f"{len(served)} mornings, each once"


def f17_zones(bench: Bench, times: int) -> str:
    """Clocks are changed for summer: each day still has one morning."""
    count = 0
    for name, first in (
        ("Asia/Shanghai", "1986-04-20"),
        ("America/New_York", "2026-10-20"),
        ("Europe/London", "2026-03-15"),
    ):
        zone, begin = ZoneInfo(name), datetime.fromisoformat(f"{first}T12:00:00+00:00")
        for hour in (1, 2, 8):
            schedule = Schedule("daily", "leave", at=wall_time(hour, 30), catch_up="all")
            days = [
                one.astimezone(zone).date()
                for one in due(schedule, begin, begin + timedelta(days=30), zone)
            ]
            if len(days) != 30 or len(set(days)) != 30:
                raise Missed(f"{name} has {len(days)} mornings in 30 days")
            count += len(days)
    return f"{count} mornings"


def f18_memory(bench: Bench, times: int) -> str:
    """A task takes too much memory: it ends with that reason after its attempts, others go on."""
    greedy, good = bench.queue("hog", times), bench.queue("leave", 5)
    until(lambda: bench.all_ended(good), 60, "others go on")
    bench.exactly_once(good)
    until(lambda: all(bench.task(one).problem for one in greedy), 60, "the reason is told")
    return str(bench.task(greedy[0]).problem)


def f19_poison(bench: Bench, times: int) -> str:
    """A task kills whoever does it: put aside after three attempts, others go on."""
    bad, good = bench.queue("crash", times), bench.queue("leave", 5)
    until(lambda: bench.all_ended([*bad, *good]), 120, "all end")
    bench.exactly_once(good)
    ends = [(bench.task(one).state, bench.task(one).attempts) for one in bad]
    if set(ends) != {("failed", 3)}:
        raise Missed(f"ends: {ends}")
    return f"{len(bad)} put aside after 3 attempts"


def f25_retry_storm(bench: Bench, times: int) -> str:
    """Fifty equal requests with one key come at once: one effect, the same answer."""
    token, seen = sign_in(bench.site.port), set()
    for turn in range(times):
        name = f"storm-{time.time_ns()}"
        key = {"Idempotency-Key": f"{name}-{turn}"}

        def ask(_: int, name: str = name, key: dict[str, str] = key) -> tuple[int, bytes]:
            return request(
                bench.site.port,
                "POST",
                "/api/v1/tag_group/",
                token=token,
                body={"name": name},
                headers=key,
            )

        with ThreadPoolExecutor(10) as pool:
            answers = set(pool.map(ask, range(50)))
        if (
            len(answers) != 1
            or bench.scalar("SELECT count(*) FROM tag_group WHERE name = :name", name=name) != 1
        ):
            raise Missed(f"{len(answers)} different answers")
        seen |= {status for status, _ in answers}
    return f"{times} storms of 50, answered {sorted(seen)}"


# Times (of the year: days) of the whole set and of the short one.
FAULTS: Mapping[str, tuple[Fault, int, int]] = MappingProxyType(
    {
        "F01": (f01_web_killed, 30, 4),
        "F02": (f02_worker_killed, 20, 2),
        "F03": (f03_nobody_sends, 10, 1),
        "F04": (f04_killed_before_the_end, 10, 1),
        "F08": (f08_queue_wiped, 4, 1),
        "F09": (f09_queue_hangs, 6, 1),
        "F10": (f10_both_servers_killed, 5, 1),
        "F11": (f11_database_restarted, 5, 1),
        "F15": (f15_many_schedulers, 1, 1),
        "F16": (f16_clock_jumps, 1, 1),
        "F17": (f17_zones, 1, 1),
        "F18": (f18_memory, 2, 1),
        "F19": (f19_poison, 3, 1),
        "F24": (f24_mail_hangs, 20, 5),
        "F25": (f25_retry_storm, 5, 1),
        "YEAR": (a_year, 365, 9),
    }
)


# Private


def _kill_one(pids: list[int], chance: random.Random) -> None:
    if pids:
        _signal(chance.choice(pids), signal.SIGKILL)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _answers(bench: Bench) -> bool:
    try:
        return bool(open_redis(bench.settings).ping())
    except RedisError:
        return False


def _at(bench: Bench, now: datetime) -> Runtime:
    return replace(bench.runtime, clock=FixedClock(now))
