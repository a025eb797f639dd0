"""T16: eight people ask at once, each gets exactly what that one asked for, on pages and by the API."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from app.web.api import RecordApi
from app.web.views import RecordView
from tests.support.portals import Portal

PEOPLE, EACH = 8, 130


def on_pages(nursery: Portal) -> Callable[[int], set[str]]:
    """The labels on a list of the plants at one price."""
    browser = nursery.browser("west")

    def ask(price: int) -> set[str]:
        page = browser.get(f"/plant/list/?price={price}..{price}").text
        return set(re.findall(r"丽水槭树\d\d", page))

    return ask


def by_the_api(nursery: Portal) -> Callable[[int], set[str]]:
    """The labels that the API gives for the plants at one price."""
    api = nursery.api("west")

    def ask(price: int) -> set[str]:
        q = f"(filters:!((col:price,opr:eq,value:{price})),order_column:label_text)"
        rows: Any = api.call("GET", f"plant/?q={q}").json
        return {row["label_text"] for row in rows["result"]}

    return ask


def test_nobody_gets_the_answer_to_anothers_question(nursery: Portal) -> None:
    wrong: list[str] = []
    right = [0] * PEOPLE

    def read(number: int) -> None:
        ask = (by_the_api if number % 2 else on_pages)(nursery)
        for turn in range(EACH):
            plant = (number + turn * PEOPLE) % 30
            seen = ask(plant * 10)
            if seen == {f"丽水槭树{plant:02d}"}:
                right[number] += 1
            else:
                wrong.append(f"{plant}: {seen}")

    threads = [threading.Thread(target=read, args=[number]) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sum(right) == PEOPLE * EACH


def stock_views(nursery: Portal) -> Iterator[Any]:
    """The views that Flask-AppBuilder keeps for the whole life of the process."""
    application = nursery.door.application()
    assert isinstance(application, Flask)
    yield from application.appbuilder.baseviews  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", [RecordView, RecordApi])
def test_what_is_shared_by_all_requests_keeps_no_filter(nursery: Portal, kind: type) -> None:
    nursery.browser("west").get("/plant/list/?price=10..10")
    views = [view for view in stock_views(nursery) if isinstance(view, kind)]
    assert len(views) > 10
    for view in views:
        for name in ("_filters", "_base_filters"):
            kept = getattr(view, name, None)
            assert not getattr(kept, "filters", None), (view, name)
