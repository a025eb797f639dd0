"""Asks for copies and erasure as people do, through pages."""

from __future__ import annotations

import re

from app.audit.checking import Verification
from app.storage.encryption import KEPT
from tests.functional.requests.asking import decide
from tests.support.portals import Browser, Portal


def asked(browser: Browser, entity: str, number: int, deed: str, reason: str = "本人要求") -> int:
    """Ask on the page about a person; the number of the request."""
    assert browser.get(f"/privacy/{entity}/{number}").status_code == 200
    answer = browser.post(f"/privacy/{entity}/{number}/{deed}", {"reason": reason})
    found = re.fullmatch(r"/requests/(\d+)", answer.headers.get("Location", ""))
    assert found, answer.text
    return int(found[1])


def agreed(portal: Portal, request: int, by: str = "boss") -> None:
    """Somebody else agrees."""
    boss = portal.browser(by)
    assert boss.get(f"/requests/{request}").status_code == 200
    assert decide(boss, request) == 302


def faults(portal: Portal) -> list[str]:
    """What a verification of the whole trail finds."""
    with portal.engines.app.connect() as connection:
        run = Verification(connection, portal.settings.home)
        return [str(one.says) for one in run.findings() if not one.note]


def dump(portal: Portal) -> str:
    """Everything that the database holds, decrypted, as one text, without the requests themselves."""
    names = portal.column(
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'portal_request'"
    )
    rows = (portal.column(f'SELECT to_jsonb(t)::text FROM "{name}" t') for name in names)
    kept = "\n".join(text for found in rows for text in found)
    return KEPT.sub(lambda one: portal.plain(one[0]), kept)
