"""T23: however many approve and withdraw at once, a request ends once, with one effect and one entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.functional.requests.asking import (
    another_boss,
    ask_deletion,
    buyer,
    decide,
    run,
    state_of,
)
from tests.support.portals import Browser, Portal

Deed = tuple[Callable[[Browser, int], int], Browser, int]
ROUNDS = 20
EACH = 20
DUELS = 200
ENDS = ("request:approved", "request:refused", "request:withdrawn", "request:expired")


def withdraw(browser: Browser, number: int) -> int:
    """Take a request back; the status of the answer."""
    return browser.post(f"/requests/{number}/withdraw", {"version": "1"}).status_code


def test_twenty_approve_while_twenty_withdraw(nursery: Portal) -> None:
    another_boss(nursery, "boss_b")
    west = nursery.browser("west")
    deciders = [nursery.browser("boss" if n % 2 else "boss_b") for n in range(EACH)]
    askers = [nursery.browser("west") for _ in range(EACH)]
    ends = Counter[str]()
    with ThreadPoolExecutor(2 * EACH) as pool:
        for turn in range(ROUNDS):
            number = buyer(nursery, f"抢{turn}")
            request = ask_deletion(nursery, west, "buyer", number)
            # Now the ones are asked first, now the others: both must win at times.
            done: list[Deed] = [(decide, one, request) for one in deciders]
            back: list[Deed] = [(withdraw, one, request) for one in askers]
            order = done + back if turn % 2 else back + done
            answers = list(pool.map(lambda deed: deed[0](deed[1], deed[2]), order))
            assert Counter(answers) == {302: 1, 409: 2 * EACH - 1}
            state = state_of(nursery, request)
            assert state in ("used", "withdrawn")
            ends[state] += 1
            ended_once(nursery, request, number)


def test_two_at_once_two_hundred_times(nursery: Portal) -> None:
    """One approves while one withdraws, each time as soon as both have read the same page."""
    another_boss(nursery, "boss_b")
    west, boss, again = (nursery.browser(one) for one in ("west", "boss", "west"))
    start = Barrier(2, timeout=120)

    def strike(deed: Deed) -> int:
        start.wait()
        return deed[0](deed[1], deed[2])

    with ThreadPoolExecutor(2) as pool:
        for turn in range(DUELS):
            number = buyer(nursery, f"争{turn}")
            request = ask_deletion(nursery, west, "buyer", number)
            deeds: list[Deed] = [(decide, boss, request), (withdraw, again, request)]
            answers = list(pool.map(strike, deeds if turn % 2 else deeds[::-1]))
            assert sorted(answers) == [302, 409], turn
            ended_once(nursery, request, number)


def ended_once(portal: Portal, request: int, number: int) -> None:
    """A request for the deletion of a buyer has one end in the trail, and its effect if that was a yes."""
    state = state_of(portal, request)
    audited = portal.scalar(
        "SELECT count(*) FROM portal_audit WHERE action = ANY(:ends)"
        " AND (changes->>'request')::bigint = :id",
        ends=list(ENDS), id=request,
    )  # fmt: skip
    stones = portal.scalar(
        "SELECT count(*) FROM portal_tombstone WHERE request_id = :id", id=request
    )
    gone = portal.scalar("SELECT deleted_at FROM buyer WHERE id = :id", id=number)
    assert audited == 1
    assert stones == (1 if state == "used" else 0)
    assert (gone is not None) == (state == "used")


def test_the_version_that_was_read_is_the_one_that_is_decided(nursery: Portal) -> None:
    request = ask_deletion(nursery, nursery.browser("west"), "buyer", buyer(nursery, "旧版"))
    run(nursery, "UPDATE portal_request SET version = 2 WHERE id = :id", id=request)
    boss = nursery.browser("boss")
    boss.get(f"/requests/{request}")
    assert decide(boss, request) == 409
    assert decide(boss, request, version="2") == 302
