"""What is slow to find out is found out once for all who ask at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from app.access.actor import NOBODY
from app.access.permissions import Access
from app.access.session_scope import Options
from app.web.state import SLOW_SECONDS, KnownActor
from tests.support.portals import Portal


def test_those_who_ask_meanwhile_wait_for_the_first(nursery: Portal) -> None:
    known, made = KnownActor((), Access(nursery.schema, NOBODY), Options({}, "")), list[float]()

    def make() -> int:
        made.append(time.monotonic())
        time.sleep(SLOW_SECONDS * 2)
        return len(made)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: known.worked_out("key", 60, make), range(8)))
    assert answers == [1] * 8
    assert known.worked_out("other", 60, make) == 2
    assert known.worked_out("key", 0, make) == 3


def test_what_is_quick_is_not_kept(nursery: Portal) -> None:
    known = KnownActor((), Access(nursery.schema, NOBODY), Options({}, ""))
    assert known.worked_out("key", 60, object) is not known.worked_out("key", 60, object)
    assert known.remembered("key", 60) is None
