"""Whatever is sent to a documented call, the answer is a documented one in its documented shape."""

import warnings
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.web.town import ONE_DATABASE
from wxtag.web.miniapp import tokens

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 5  # of each mode


def fuzz(operation: Any, mode: GenerationMode, key: str, there: dict[str, int]) -> None:
    """A few cases of one call; now and then its ids are those of something that is there."""

    @hypothesis.seed(20260105)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(operation.as_strategy(generation_mode=mode), st.booleans())
    def once(case: Case, known: bool) -> None:
        if known:
            for name in set(there) & set(case.path_parameters or {}):
                case.path_parameters[name] = there[name]
        case.validate_response(case.call(headers={"Authorization": f"Bearer {key}"}), checks=CHECKS)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        once()


@ONE_DATABASE
def test_documented_calls_give_documented_answers(client, town, admin):
    there = {"customer_id": town.lin, "tag_id": town.hand_id, "group_id": town.group_id}
    called = 0
    for result in openapi.from_wsgi("/api/openapi.json", client.application).get_all_operations():
        operation = result.ok()
        mini = operation.path.startswith("/mini")
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            fuzz(operation, mode, tokens.make_token("wx0", "o-1") if mini else admin, there)
        called += 1
    assert called >= 25


@ONE_DATABASE
@pytest.mark.parametrize("prefix", ["/api/v1", "/mini"])
def test_the_document_names_every_call(client, prefix):
    documented = {
        (method.upper(), path)
        for path, operations in client.get("/api/openapi.json").json["paths"].items()
        for method in operations
    }
    served = {
        (method, rule.rule.replace("<int:", "{").replace("<", "{").replace(">", "}"))
        for rule in client.application.url_map.iter_rules()
        if rule.rule.startswith(prefix)
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served and served <= documented
