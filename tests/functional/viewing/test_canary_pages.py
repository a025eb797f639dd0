"""Whoever looks after the trail makes a record a canary on its page; nobody else learns that there are any."""

from __future__ import annotations

from tests.support.portals import Portal


def test_only_who_looks_after_the_trail_sees_and_sets_it(nursery: Portal) -> None:
    number = nursery.ids["buyer"]
    boss, west = nursery.browser("boss"), nursery.browser("west")
    address = f"/canaries/buyer/{number}"
    assert address in boss.get(f"/buyer/show/{number}").text
    for answer in (west.get(address), west.post(f"{address}/set"), west.post(f"{address}/clear")):
        assert answer.status_code == 404
    page = boss.get(address)
    assert f"{address}/set" in page.text
    assert boss.post(f"{address}/set").status_code == 302
    marks = "SELECT set_by FROM portal_canary WHERE entity = 'buyer' AND record_id = :id"
    assert nursery.column(marks, id=number) == ["boss"]
    # The keeper's page, the history of the record and the answers say nothing of it.
    seen = west.get(f"/buyer/show/{number}").text
    assert "诱饵" not in seen
    assert "canaries" not in seen
    assert "诱饵" not in west.get(f"/buyer/history/{number}").text
    told = "SELECT account_name || ' ' || entity IS NULL FROM portal_audit WHERE action = 'viewing:canary_set'"
    assert nursery.column(told) == [True]
    assert "设置了诱饵记录" in boss.get("/trail/").text
    assert nursery.scalar("SELECT count(*) FROM portal_notice WHERE kind = 'canary'") >= 1
    assert f"{address}/clear" in boss.get(address).text
    assert boss.post(f"{address}/clear").status_code == 302
    assert nursery.column(marks, id=number) == []


def test_what_is_not_there_is_not_marked(nursery: Portal) -> None:
    boss = nursery.browser("boss")
    boss.get("/")
    for path in ("/canaries/buyer/999999/set", "/canaries/account/1/set", "/canaries/none/1/set"):
        assert boss.post(path).status_code == 404, path
