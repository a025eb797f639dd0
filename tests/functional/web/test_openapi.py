"""The OpenAPI description is true: generated requests meet no failure and no undeclared answer."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.functional.attacks.cast import INSIDERS, West, west_of
from tests.support.portals import Api, Portal

CHECKS: Any = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 5


def tried(nursery: Portal, api: Api, operation: Any) -> None:
    """Send some generated requests of one operation."""

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        answer = case.call(app=nursery.door, headers=api.headers, base_url="http://localhost")
        case.validate_response(answer, checks=CHECKS)

    check()


def operations(document: Any) -> list[Any]:
    """What a description offers."""
    schema: Any = schemathesis.openapi.from_dict(document)
    return [found.ok() for found in schema.get_all_operations()]


@pytest.fixture(scope="module")
def west(nursery: Portal) -> West:
    """Somebody of every role."""
    return west_of(nursery)


@pytest.mark.parametrize("username", ["boss", *INSIDERS])
def test_what_the_description_says_is_so(west: West, username: str) -> None:
    """Each reader's own description, with a token of his own."""
    api = west.portal.api(username)
    found = operations(api.call("GET", "openapi.json").json)
    assert len(found) > (50 if username == "boss" else 1)
    for operation in found:
        tried(west.portal, api, operation)


@pytest.mark.parametrize("username", INSIDERS)
def test_what_the_owner_may_do_fails_politely_for_others(west: West, username: str) -> None:
    """Requests that fit the owner's description, with the token of somebody else."""
    document = west.portal.api("boss").call("GET", "openapi.json").json
    api = west.portal.api(username)
    for operation in operations(document):
        tried(west.portal, api, operation)
