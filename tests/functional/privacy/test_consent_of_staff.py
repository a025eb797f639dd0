"""Consent to being located at store visits, in the portal that ships: oneself, HR with paper, nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.support.chain import Chain, running_chain
from tests.support.portals import NOON
from tests.support.servers import Servers

POINT = "31.230000,121.470000"


@pytest.fixture(scope="module")
def chain(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    home: Path = tmp_path_factory.mktemp("chain")
    with running_chain(servers, home) as found:
        portal = found.portal
        portal.clock.moment = NOON
        account = portal.account("own", "staff_self", None)
        portal.ids["own"] = found.person("邓自办", account=account)
        yield found


def edition(chain: Chain) -> str:
    """The edition of the notice in force."""
    consents = chain.portal.schema.portal.consents
    assert consents is not None
    return consents.topics["visit_location"].edition


def consent(chain: Chain, person: int, **values: Any) -> dict[str, Any]:
    return {"staff": person, "kind": "visit_location", "edition": edition(chain), **values}


def test_oneself_and_hr_and_nobody_else(chain: Chain) -> None:
    portal, own = chain.portal, chain.portal.ids["own"]
    me, api, hr = portal.browser("own"), portal.api("own"), portal.api("head")
    me.post("/lang/zh")
    page = f"/privacy/staff/{own}"
    assert "记录您进店那一刻所在的一个位置点" in unescape(me.get(page).text)
    # In another's name nobody agrees but those who keep the papers.
    for who, status in ((api, 422), (portal.api("seller"), 403)):
        made = who.call("POST", "staff_consent/", json=consent(chain, chain.people["store"]))
        assert made.status_code == status
    assert me.post(f"{page}/consent/visit_location", {"edition": edition(chain)}).status_code == 302
    listed = api.call("GET", "staff_consent/").json["result"]
    assert [row["staff"]["id"] for row in listed] == [own]
    paper = hr.call("POST", "staff_consent/", json=consent(chain, chain.people["area"]))
    assert paper.status_code == 201
    assert len(api.call("GET", "staff_consent/").json["result"]) == 1
    # A withdrawal is not taken back, by nobody; a consent is never deleted.
    portal.clock.moment += timedelta(minutes=5)
    assert me.post(f"{page}/consent/visit_location/withdraw").status_code == 302
    number = listed[0]["id"]
    version = portal.scalar("SELECT version FROM staff_consent WHERE id = :id", id=number)
    for who in (api, hr):
        body = {"version": version, "withdrawn_at": None}
        assert who.call("PUT", f"staff_consent/{number}", json=body).status_code == 409
        gone = who.call("DELETE", f"staff_consent/{number}?version={version}")
        assert gone.status_code in (403, 404, 409)
    assert portal.scalar("SELECT withdrawn_at FROM staff_consent WHERE id = :id", id=number)


def test_a_visit_carries_a_point_while_its_visitor_agrees(chain: Chain) -> None:
    person, now = chain.people["other"], chain.portal.clock.now()
    agreed = chain.add("staff_consent", **consent(chain, person), given_at=now)
    visit = {"store": chain.stores["S1"], "checked_in_at": now, "consent": agreed, "point": POINT}
    assert chain.add("store_visit", staff=person, source="wecom", **visit)
    with pytest.raises(AssertionError, match=r"0\.point"):
        chain.add("store_visit", staff=chain.people["seller"], source="wecom", **visit)
