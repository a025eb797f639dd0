"""The OpenAPI description is true: generated requests meet no failure and no undeclared answer."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

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


def test_what_the_description_says_is_so(nursery: Portal) -> None:
    api = nursery.api("boss")
    document: Any = api.call("GET", "openapi.json").json
    schema: Any = schemathesis.openapi.from_dict(document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) > 50
    for operation in operations:
        tried(nursery, api, operation)
