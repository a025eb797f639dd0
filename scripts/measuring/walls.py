"""Measures what scope, masking and the noting of views add to a page of a list, over the portal of PORTAL_HOME.

``python -m measuring.walls``: the same page with and without them, in turns, inside of one process.
"""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, and_, any_, literal
from sqlalchemy.orm import with_loader_criteria
from werkzeug.test import Client

from app.access.permissions import Access
from app.access.session_scope import Options
from app.factory import compiled_revision, make_door, open_engines
from app.features.demo.accounts import demo_accounts
from app.hosting.launch import connected
from app.kernel.clock import SystemClock
from app.language.definitions import Deletion
from app.records.runtime import Runtime
from app.settings import read_settings
from app.storage.walls import ENGINE
from app.web.door import Door
from app.web.state import EXTENSION

ENTITY, PAGE, ROUNDS = "customer", "/customer/list/", 120
READERS = ("owner", "hr", "area1")


def main() -> None:
    """Print a row of the table of figures for each reader."""
    settings = connected(read_settings())
    engines = open_engines(settings)
    schema, _ = compiled_revision(engines)
    with engines.owner.connect() as connection:
        passwords = {one.username: one.password for one in demo_accounts(connection, schema, "zh")}
    door = make_door(settings, engines.app, SystemClock())
    try:
        for reader in READERS:
            client = signed_in(door, reader, passwords[reader])
            with_all, bare = measured(door, client)
            more = (with_all / bare - 1) * 100
            print(f"| scope, masking, noting of views on a list page, {reader}: {with_all:.1f} ms"
                  f" instead of {bare:.1f}, % | 15 | {more:.0f} |")  # fmt: skip
    finally:
        door.close()
        engines.dispose()


def measured(door: Door, client: Client) -> tuple[float, float]:
    """The medians with everything and with nothing, in milliseconds of the processor and its waiting."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * ROUNDS + 40):
        guarded = number % 2 == 0
        if guarded:
            seconds = timed(client)
        else:
            with without(door):
                seconds = timed(client)
        if number >= 40:
            times[guarded].append(seconds * 1000)
    return statistics.median(times[True]), statistics.median(times[False])


def timed(client: Client) -> float:
    """Seconds of one page; the first one after a change of guards is not counted."""
    client.get(PAGE)
    start = time.perf_counter()
    answer = client.get(PAGE)
    assert answer.status_code == 200, answer.status_code
    return time.perf_counter() - start


@contextmanager
def without(door: Door) -> Iterator[None]:
    """The portal as if every reader were the database itself."""
    application: Any = door.application()
    state = application.extensions[EXTENSION]
    # Names that are not exported on purpose: nothing but this looks behind them.
    scoping: Any = import_module("app.web.state")
    reading: Any = import_module("app.records.reading")
    kept = scoping.scope_options, reading.masked, state.watcher
    scoping.scope_options = lambda access, *_: Options(unguarded(access, state.runtime), ENGINE)
    reading.masked = lambda value, mask: value
    state.watcher = None
    state.actors.clear()
    try:
        yield
    finally:
        scoping.scope_options, reading.masked, state.watcher = kept
        state.actors.clear()


def unguarded(access: Access, runtime: Runtime) -> dict[str, Any]:
    """What any portal filters by, with rights or without: no deleted rows, and the reader's places."""
    criteria = {}
    for name, model in runtime.models.classes.items():
        entity = runtime.schema.entities[name]
        table = runtime.models.metadata.tables[entity.external_table or name]
        wanted: list[ColumnElement[bool]] = []
        if entity.deletion is Deletion.SOFT:
            wanted.append(table.c.deleted_at.is_(None))
        held = access.entity(name).held
        places = sorted({place for one in held for place in one.grant.places or ()})
        if name == ENTITY and places:
            wanted.append(table.c.place_id == any_(literal(places, ARRAY(BigInteger))))
        if wanted:
            criteria[name] = with_loader_criteria(model, and_(*wanted), include_aliases=True)
    return criteria


def signed_in(door: Door, username: str, password: str) -> Client:
    """A browser of that account."""
    client = Client(door)
    page = client.get("/login/").text
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    form = {"username": username, "password": password, "csrf_token": found[1] if found else ""}
    if client.post("/login/", data=form).status_code != 302:
        sys.exit(f"{username} could not sign in")
    return client


main()
