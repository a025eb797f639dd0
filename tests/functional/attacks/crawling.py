"""Goes through every address of a portal as somebody, and looks at what comes back."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tests.functional.attacks.cast import Reach
from tests.functional.attacks.doors import addresses
from tests.support.portals import Api, Browser

# Leaving and changing one's own password or language is everybody's right, and would end the walk.
OPEN_TO_ALL = ("/login/", "/lang/", "/api/v1/security/login")
LEFT_ALONE = ("/logout/", "/lang/", "/login/", "/password/", "/sessions/", "/second-factor/")
API = "/api/v1/"
FIELDS = {"version": 1, "name": "x", "label_text": "x"}


def harmless(reach: Reach, answer: Any, path: str) -> None:
    """No failure, no foreign byte, nothing that a browser or a proxy would keep."""
    assert answer.status_code < 500, path
    assert not [canary for canary in reach.canaries if canary in answer.text], path
    assert answer.headers["Cache-Control"] == "no-store" or "/static/" in path, path


@dataclass(frozen=True)
class Walker:
    """Somebody who is signed in, as a person and as a program."""

    browser: Browser
    api: Api


def walker(reach: Reach, username: str) -> Walker:
    """Sign somebody in."""
    return Walker(reach.portal.browser(username), reach.portal.api(username))


def read_everything(reach: Reach, who: Walker, keys: Collection[int], *, twice: bool = True) -> int:
    """Read every address; how many answers showed something.

    With ``twice`` lists are searched and their heads asked for as well, and a browser opens what is for programs.
    """
    shown = 0
    for path in addresses(reach.portal, "GET", keys, reach.foreign, LEFT_ALONE):
        answers = [who.browser.get(path)] if twice or not path.startswith(API) else []
        if path.startswith(API):
            answers.append(who.api.call("GET", path.removeprefix(API)))
        if path.endswith("/list/") or (twice and path.endswith("/")):
            answers.append(who.browser.get(path + "?q=CANARY"))
        if twice and path.endswith("/"):
            answers.append(who.browser.client.head(path))
        for answer in answers:
            harmless(reach, answer, path)
            shown += answer.status_code == 200
    return shown


def write_everywhere(reach: Reach, who: Walker, keys: Collection[int]) -> None:
    """Send something to every address by every method that writes."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        for path in addresses(reach.portal, method, keys, reach.foreign, LEFT_ALONE):
            if path.startswith(API):
                body = body_of(reach, path)
                answer = who.api.call(method, path.removeprefix(API), json=body)
            else:
                answer = who.browser.post(path, form_of(reach, path))
            harmless(reach, answer, path)


def form_of(reach: Reach, path: str) -> dict[str, str]:
    """A form that has a value for whatever a page may ask."""
    keys = sorted(set(reach.foreign.values()))[:1]
    entity = reach.portal.schema.entities.get(path.split("/")[1])
    field = next(iter(entity.fields), "") if entity else ""
    ids = [reach.foreign[entity.name]] if entity and entity.name in reach.foreign else keys
    return {"action": "delete", "ids": ",".join(map(str, ids)), "label_text": "x", "name": "x", "version": "1",
            "reason": "customer asked", "field": field, "choice": "other", "q": "CANARY"}  # fmt: skip


def body_of(reach: Reach, path: str) -> dict[str, Any]:
    """The same for a program."""
    entity = reach.portal.schema.entities.get(path.split("/")[3])
    field = next(iter(entity.fields), "") if entity else ""
    return {**FIELDS, "field": field, "reason": "customer asked"} if "/reveal" in path else FIELDS


def foreign_rows(reach: Reach) -> dict[str, str]:
    """The rows out of reach as they are."""
    return {
        name: str(reach.portal.scalar(f'SELECT t::text FROM "{name}" t WHERE id = :key', key=key))
        for name, key in reach.foreign.items()
    }
