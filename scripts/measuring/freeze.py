"""Measures how soon a closed account is out, over the running portal of PORTAL_HOME.

``python -m measuring.freeze PORT``: eight clients use one session without a pause while its account is
closed in the database; what counts is the last page that any of them still gets.
"""

from __future__ import annotations

import http.client
import re
import sys
import threading
import time
from urllib.parse import urlencode

from sqlalchemy import Engine, text

from app.factory import open_engines
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.records.accounts import NewAccount, create_account, new_password, set_active
from app.settings import read_settings

TRIALS, CLIENTS = 50, 8
NAME, PAGE = "bench_leaver", "/sessions/"
BEFORE, AFTER, LONGEST_START = 0.3, 1.5, 20


def main() -> None:
    """Print a row of the table of figures."""
    engines = open_engines(connected(read_settings()))
    password, port = new_password(), int(sys.argv[1])
    account(engines.owner, password)
    try:
        waits = sorted(trial(engines.app, port, password) for _ in range(TRIALS))
    finally:
        engines.dispose()
    late = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    print(
        f"| from closing an account to its last page, p99 of {TRIALS} with {CLIENTS} clients, s | 1 | {late:.3f} |"
    )


def account(owner: Engine, password: str) -> None:
    """An account of its own, made anew."""
    with owner.begin() as connection:
        gone = text("DELETE FROM ab_user WHERE username = :name")
        connection.execute(gone, {"name": NAME})
        new = NewAccount(NAME, password, first=False)
        create_account(connection, new, now=SystemClock().now(), by="bench")


def trial(app: Engine, port: int, password: str) -> float:
    """Seconds from the commit until no client got a page any more."""
    close(app, active=True)
    cookie = signed_in(port, password)
    last, stop = [0.0] * CLIENTS, threading.Event()
    threads = [
        threading.Thread(target=hammer, args=(port, cookie, last, number, stop))
        for number in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    while not all(last) and time.monotonic() - begun < LONGEST_START:
        time.sleep(BEFORE)
    close(app, active=False)
    closed = time.monotonic()
    time.sleep(AFTER)
    stop.set()
    for thread in threads:
        thread.join()
    if not all(last):
        sys.exit("a client never got a page")
    return max(0.0, max(last) - closed)


def close(app: Engine, *, active: bool) -> None:
    """Close or open the account, as the page of accounts does."""
    with app.begin() as connection:
        set_active(connection, NAME, active=active, now=SystemClock().now(), by="bench")


def hammer(port: int, cookie: str, last: list[float], number: int, stop: threading.Event) -> None:
    """Ask for a page again and again; when the last one came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while not stop.is_set():
        connection.request("GET", PAGE, headers={"Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        if answer.status == 200:
            last[number] = time.monotonic()
    connection.close()


def signed_in(port: int, password: str) -> str:
    """The cookie of a new session."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/login/")
    page = connection.getresponse()
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
    cookie = str(page.headers["Set-Cookie"]).partition(";")[0]
    body = urlencode(
        {"username": NAME, "password": password, "csrf_token": token[1] if token else ""}
    )
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login/", body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 302:
        sys.exit(f"signing in was answered with {answer.status}")
    return str(answer.headers["Set-Cookie"]).partition(";")[0]


if __name__ == "__main__":
    main()
