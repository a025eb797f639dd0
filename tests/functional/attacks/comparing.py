"""Asks two portals the same, and compares what they say and what they have become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.functional.attacks.cast import Reach
from tests.functional.attacks.crawling import Walker, walker
from tests.functional.attacks.doors import plain
from tests.functional.attacks.guessing import Asked, Guesser

WRITTEN = (200, 201, 302)


def answer_alike(
    pair: Sequence[Reach], username: str, guesser: Guesser, count: int, *, bare: bool = False
) -> None:
    """Every answer is the same in both, and so is what a write leaves of the rows that can be seen.

    ``bare`` is somebody who sees nothing, so that no share of the answers need show anything.
    """
    who = [walker(one, username) for one in pair]
    read, written = Counter[int](), Counter[int]()
    for number, asked in enumerate(guesser.requests(who[0], count)):
        where = f"request {number}: {asked}"
        one, other = (said(asked.by(one)) for one in who)
        same(one, other, where)
        assert one[0] < 500, where
        (written if asked.about else read)[one[0]] += 1
        if asked.about and one[0] in WRITTEN:
            look(who, asked, where)
    for entity in guesser.open_to:
        look(who, Asked("GET", "", about=entity.name), f"{entity.name} at the end")
    assert bare or read[200] > count / 10, read
    assert bare or sum(written[status] for status in WRITTEN) > count / 40, written


def said(answer: Any) -> tuple[Any, ...]:
    """An answer with where it leads, without what is random in it."""
    return (*plain(answer), answer.headers.get("Location", ""))


def same(one: tuple[Any, ...], other: tuple[Any, ...], where: str) -> None:
    """Two answers are equal, or it is told where they begin to differ."""
    assert (one[:2], one[3:]) == (other[:2], other[3:]), where
    assert difference(one[2], other[2]) == "", where


def look(who: Sequence[Walker], asked: Asked, where: str) -> None:
    """The rows of the kind that was written are the same to both."""
    path = f"{asked.about}/?q=(page_size:100)"
    one, other = (said(one.api.call("GET", path)) for one in who)
    same(one, other, f"rows after {where}")


def difference(one: str, other: str) -> str:
    """Where two texts begin to differ."""
    if one == other:
        return ""
    pairs = enumerate(zip(one, other, strict=False))
    at = next((n for n, pair in pairs if pair[0] != pair[1]), min(len(one), len(other)))
    return f"{one[max(0, at - 60) :][:260]} / {other[max(0, at - 60) :][:260]}"
