"""What a person's identity number tells has to agree with what is written beside it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.support.chain import Chain

# The standard's own sample: born on the last day of 1949, a woman.
WOMAN = "11010519491231002X"
PERMIT: dict[str, Any] = {"id_kind": "resident_card", "passport_no": None, "id_no": WOMAN}


def test_birth_and_sex_follow_the_identity_number(chain: Chain) -> None:
    head = chain.portal.api("head")
    born = date(1949, 12, 31)
    person = chain.person("华身份", **PERMIT, birth_date=born, gender="female")
    for wrong in ({"birth_date": "1949-12-30"}, {"gender": "male"}):
        answer = head.call("PUT", f"staff/{person}", json={"version": 1, **wrong})
        assert (answer.status_code, [*answer.json["errors"]]) == (422, [*wrong])
    # Nor is it loaded that way; a passport tells nothing.
    with pytest.raises(AssertionError, match="gender"):
        chain.person(
            "华加载", **{**PERMIT, "id_no": "110101199003074514"}, birth_date=date(1990, 3, 7)
        )
    other = chain.person("华护照", gender="male", birth_date=born)
    answer = head.call("PUT", f"staff/{other}", json={"version": 1, "gender": "female"})
    assert answer.status_code == 200
