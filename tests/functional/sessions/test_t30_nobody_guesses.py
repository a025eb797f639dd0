"""Guessing: slowed down where it comes from, told nothing, and never a way to keep others out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.security import generate_password_hash
from werkzeug.test import Client

from app.factory import make_door
from app.records.passwords import hash_password
from app.web.door import Door
from tests.support.portals import NOON, PASSWORD, Browser, Portal

LOGIN = "/api/v1/security/login"
WRONG = "wrong"
FORGED = {"X-Forwarded-For": "9.9.9.9", "X-Real-IP": "9.9.9.9", "Forwarded": "for=9.9.9.9"}


@pytest.fixture(autouse=True)
def _anew(nursery: Portal) -> Iterator[None]:
    """No attempt is remembered, and it is noon."""
    with nursery.engines.owner.begin() as connection:
        connection.exec_driver_sql("TRUNCATE portal_attempt")
    yield
    nursery.clock.moment = NOON


def api(portal: Portal, username: str, password: str, address: str = "127.1.1.1") -> Any:
    """What the sign-in of programs answers."""
    body = {"username": username, "password": password}
    return Client(portal.door).post(LOGIN, json=body, environ_overrides={"REMOTE_ADDR": address})


def test_the_sixth_wrong_one_waits_on_the_page(nursery: Portal) -> None:
    guesser = Browser(nursery.door)
    assert [guesser.sign_in("helper", f"wrong {n}").status_code for n in range(7)] == [401] * 5 + [
        429
    ] * 2
    refused = guesser.sign_in("helper")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    guesser.get("/login/")
    sent = {"username": "helper", "password": PASSWORD}
    assert guesser.post("/login/", sent, headers=FORGED).status_code == 429
    assert Browser(nursery.door).sign_in("helper").status_code == 302


def test_the_sixth_wrong_one_waits_in_the_api(nursery: Portal) -> None:
    answers = [api(nursery, "helper", "wrong") for _ in range(7)]
    assert [one.status_code for one in answers] == [401] * 5 + [429] * 2
    assert answers[-1].headers["Retry-After"] == "5"
    assert api(nursery, "helper", PASSWORD).status_code == 429
    assert api(nursery, "helper", PASSWORD, "127.1.1.2").status_code == 200


def test_the_page_and_the_api_count_together_whatever_the_case(nursery: Portal) -> None:
    guesser = Browser(nursery.door)
    for number in range(5):
        if number % 2:
            api(nursery, "HELPER", "wrong", guesser.address["REMOTE_ADDR"])
        else:
            guesser.sign_in("Helper", "wrong")
    assert guesser.sign_in("helper").status_code == 429


def test_the_wait_doubles_and_ends_and_a_good_one_forgets(nursery: Portal) -> None:
    waits = []
    for _ in range(9):
        answer = api(nursery, "helper", "wrong")
        if answer.status_code == 401:
            answer = api(nursery, "helper", "wrong")
        if answer.status_code == 429:
            waits.append(int(answer.headers["Retry-After"]))
            nursery.clock.moment += timedelta(seconds=waits[-1])
    assert waits == [5, 10, 20, 40, 80, 160, 320]
    assert api(nursery, "helper", PASSWORD).status_code == 200
    assert [api(nursery, "helper", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]


def test_the_wait_is_never_longer_than_a_quarter_of_an_hour(nursery: Portal) -> None:
    for _ in range(40):
        answer = api(nursery, "helper", "wrong")
        nursery.clock.moment += timedelta(seconds=int(answer.headers.get("Retry-After", 0)))
    assert api(nursery, "helper", "wrong").status_code in (401, 429)
    nursery.clock.moment += timedelta(minutes=15)
    assert api(nursery, "helper", PASSWORD).status_code == 200


def test_one_address_that_tries_many_names_waits_too(nursery: Portal) -> None:
    answers = [api(nursery, f"name{number}", "wrong").status_code for number in range(51)]
    assert answers == [401] * 50 + [429]
    assert api(nursery, "helper", PASSWORD).status_code == 429
    assert api(nursery, "helper", PASSWORD, "127.1.1.3").status_code == 200


def test_a_restart_forgets_nothing(nursery: Portal) -> None:
    for _ in range(5):
        api(nursery, "helper", "wrong")
    door = make_door(nursery.settings, nursery.engines.app, nursery.clock)
    try:
        body = {"username": "helper", "password": PASSWORD}
        again = Client(door).post(LOGIN, json=body, environ_overrides={"REMOTE_ADDR": "127.1.1.1"})
        assert again.status_code == 429
    finally:
        door.close()


def test_attempts_at_the_same_moment_are_all_counted(nursery: Portal) -> None:
    counted = "SELECT max(failures) FROM portal_attempt"
    for number in range(1, 6):
        api(nursery, "nobody", "wrong")
        assert nursery.scalar(counted) == number


def through(door: Door, said: str, username: str, password: str = WRONG) -> Any:
    """What the sign-in of programs answers to somebody whose request came from 10.0.0.1 and says this of its way."""
    return Client(door).post(
        LOGIN,
        json={"username": username, "password": password},
        headers={"X-Forwarded-For": said, "X-Real-IP": said, "Forwarded": f"for={said}"},
        environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
    )


@contextmanager
def behind(portal: Portal, proxies: int) -> Iterator[Door]:
    """The portal as it stands behind so many proxies of its own."""
    settings = replace(portal.settings, trusted_proxies=proxies)
    door = make_door(settings, portal.engines.app, portal.clock)
    try:
        yield door
    finally:
        door.close()


def test_without_a_proxy_of_ones_own_nobody_is_believed(nursery: Portal) -> None:
    answers = [through(nursery.door, f"9.9.9.{n}", "helper").status_code for n in range(6)]
    assert answers == [401] * 5 + [429]
    told = "SELECT DISTINCT address FROM portal_audit WHERE action = 'session:refused' AND address LIKE '9.%'"
    assert nursery.column(told) == []


def test_behind_a_proxy_everybody_counts_for_himself(nursery: Portal) -> None:
    with behind(nursery, 1) as door:
        # 51 names from one client: it waits, and the one beside it does not.
        assert [through(door, "1.2.3.4", f"n{n}").status_code for n in range(51)] == [401] * 50 + [
            429
        ]
        assert through(door, "1.2.3.5", "helper", PASSWORD).status_code == 200
        # Whatever the client wrote himself stands left of what the proxy saw.
        for forged in ("9.9.9.9, 1.2.3.4", "1.2.3.5, 1.2.3.4", "127.0.0.1,1.2.3.4"):
            assert through(door, forged, "helper", PASSWORD).status_code == 429
        signed = "SELECT address FROM portal_audit WHERE action = 'session:refused' ORDER BY id DESC LIMIT 1"
        assert nursery.scalar(signed) == "1.2.3.4"


def test_behind_two_proxies_the_outer_one_tells(nursery: Portal) -> None:
    with behind(nursery, 2) as door:
        answers = [
            through(door, f"9.9.9.{n}, 1.2.3.6, 10.0.0.2", "helper").status_code for n in range(6)
        ]
        assert answers == [401] * 5 + [429]
        assert through(door, "1.2.3.7, 10.0.0.2", "helper", PASSWORD).status_code == 200
        # A request that passed by the outer proxy is told by fewer names, and believed none of them.
        assert through(door, "1.2.3.7", "helper", PASSWORD).status_code == 200


def ranks_differ(left: list[float], right: list[float]) -> float:
    """The two-sided p of Mann and Whitney's test: how likely it is that both come from one source.

    Worked out by the normal approximation, which is good from twenty values on; without ties.
    """
    ordered = sorted([(value, 0) for value in left] + [(value, 1) for value in right])
    sum_of_left = sum(rank for rank, (_, side) in enumerate(ordered, 1) if side == 0)
    m, n = len(left), len(right)
    u = sum_of_left - m * (m + 1) / 2
    z = (u - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12)
    return math.erfc(abs(z) / math.sqrt(2))


def test_the_rank_test_tells_apart_what_differs() -> None:
    # By hand: 1..4 against 5..8 gives U = 0, z = -8/sqrt(12) = -2.309, p = 0.0209.
    assert ranks_differ([1, 2, 3, 4], [5, 6, 7, 8]) == pytest.approx(0.0209, abs=1e-4)
    same = [float(number) for number in range(300)]
    assert ranks_differ(same[::2], same[1::2]) > 0.8
    assert ranks_differ(same, [value + 50 for value in same]) < 0.001


def times_of(portal: Portal, third: int, count: int) -> tuple[list[float], list[float]]:
    """How long ``count`` wrong passwords for a known and as many for an unknown name take, in turn."""
    client, taken = Client(portal.door), {"helper": list[float](), "nobodyx": list[float]()}
    for number in range(count):
        for name in ("helper", "nobodyx") if number % 2 else ("nobodyx", "helper"):
            address = {"REMOTE_ADDR": f"127.{third}.{number // 250}.{number % 250 + 1}"}
            body, begun = {"username": name, "password": "wrong"}, time.perf_counter()
            answer = client.post(LOGIN, json=body, environ_overrides=address)
            taken[name].append(time.perf_counter() - begun)
            assert answer.status_code == 401
    return taken["helper"], taken["nobodyx"]


def test_time_tells_nobody_which_accounts_there_are(nursery: Portal) -> None:
    """Two of eighty say at once that there is nothing; only when they may differ are 300 and 300 looked at.

    Two sources that lie half a standard deviation apart pass the first look once in twenty-five times
    (80 and 80 give z = 3.0 then, and it wants 1.28), and the second hardly ever (z = 5.8 of 2.6).
    Chance alone gives p <= 0.01 once in a hundred times, so there are three goes.
    """
    if ranks_differ(*times_of(nursery, 49, 80)) > 0.2:
        return
    found = []
    for third in (50, 51, 52):
        found.append(ranks_differ(*times_of(nursery, third, 300)))
        if found[-1] > 0.01:
            break
    assert found[-1] > 0.01, found


def test_old_hashes_are_made_anew_when_their_holder_signs_in(nursery: Portal) -> None:
    kept = "SELECT password FROM ab_user WHERE username = 'helper'"
    with nursery.engines.owner.begin() as connection:
        old = generate_password_hash(PASSWORD).replace("'", "''").replace("%", "%%")
        connection.exec_driver_sql(
            f"UPDATE ab_user SET password = '{old}' WHERE username = 'helper'"
        )
    assert api(nursery, "helper", "wrong").status_code == 401
    assert nursery.scalar(kept).startswith("scrypt")
    assert api(nursery, "helper", PASSWORD).status_code == 200
    assert nursery.scalar(kept).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert api(nursery, "helper", PASSWORD).status_code == 200
    assert hash_password(PASSWORD) != hash_password(PASSWORD)
