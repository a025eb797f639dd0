"""A role is changed in the browser: a layer over the files, a new revision, and everybody follows."""

from __future__ import annotations

from tests.functional.rights.changing import apply_now, change
from tests.support.portals import Portal


def test_less_holds_for_everybody_within_seconds(nursery: Portal) -> None:
    west = nursery.browser("west")
    plant = nursery.ids["plant1"]
    assert west.get(f"/plant/edit/{plant}").status_code == 200
    answer = change(nursery.browser("boss"), "keeper", "plant", right_edit="no")
    assert answer.status_code == 302, answer.text
    assert apply_now(nursery)
    assert nursery.door.revision == 2
    assert nursery.browser("west").get(f"/plant/edit/{plant}").status_code in (403, 404)
    assert nursery.scalar("SELECT new FROM portal_overlay WHERE role = 'keeper'") is False
    # A second look finds nothing more to do.
    assert not apply_now(nursery)
    # Put back to what the files say, nothing of it is kept.
    page = change(nursery.browser("boss"), "keeper", "plant", right_edit="some",
                  names_edit=["label_text", "healthy", "illness", "note", "price"])  # fmt: skip
    assert page.status_code == 302
    apply_now(nursery)
    assert nursery.scalar("SELECT count(*) FROM portal_overlay") == 0
    assert nursery.browser("west").get(f"/plant/edit/{plant}").status_code == 200
