"""Changes roles as people do, through pages, and applies what was kept as the scheduler does."""

from __future__ import annotations

import html
import re
from typing import Any

from app.factory import compiled_revision, make_runtime, renew
from tests.support.portals import Browser, Portal


def fields_of(page: str) -> dict[str, list[str]]:
    """What the form of a page would send as it stands."""
    found: dict[str, list[str]] = {}
    for name, inner in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.S):
        chosen = re.search(r'<option value="([^"]*)" selected', inner)
        if chosen:
            found[name] = [html.unescape(chosen[1])]
    boxes = re.findall(
        r'<input type="checkbox" name="([^"]+)" value="([^"]+)"[^>]*?( checked)?>', page
    )
    for name, value, checked in boxes:
        found.setdefault(name, [])
        if checked:
            found[name].append(value)
    return found


def change(browser: Browser, role: str, entity: str, *, save: bool = True, **cells: Any) -> Any:
    """Change cells of a role with an entity; names are those of the form with ``_`` for ``-``."""
    address = f"/rights/{role}/{entity}/edit"
    page = browser.get(address)
    assert page.status_code == 200, page.status_code
    sent: dict[str, Any] = fields_of(page.text)
    for name, value in cells.items():
        sent[name.replace("_", "-", 1)] = value
    sent["save"] = "yes" if save else "no"
    return browser.post(address, {"reason": "业务需要", **sent})


def apply_now(portal: Portal) -> bool:
    """Do what the scheduler does within a second, and serve it."""
    done = renew(portal.engines, clock=portal.clock)
    portal.door.refresh()
    schema, number = compiled_revision(portal.engines)
    portal.runtime = make_runtime(portal.settings, schema, number, portal.clock)
    return done
