"""The OpenAPI document: our calls alone, each with every error that it may answer."""

import json
import re
from typing import Any

from apiflask import APIFlask
from werkzeug.exceptions import NotFound

from wxtag.web.api.shapes import LARGEST_ID, RelationIn

PARENT = re.compile(r"(/schemas/)\w+\.")
KIND = re.compile(r"^wxtag__tags__kinds__(\w+)__Params$")
PREFIXES = ("/api/v1/", "/mini/")
ERROR = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "fields"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "fields": {
                    "type": "object",
                    "description": "What is wrong with which field.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
ERRORS = {
    400: "The body is not JSON.",
    401: "No valid key.",
    403: "The role of the key does not allow it.",
    404: "There is no such thing, or not for this key.",
    413: "The body is too large.",
    422: "Something is not as described here; `fields` says what.",
    503: "The database or a platform does not answer now; try again.",
}
OPTIONAL_BODIES = ("/api/v1/customers/{customer_id}/tags/{tag_id}",)


def register(app: APIFlask) -> None:
    """Sets how the document is made, and refuses numbers in addresses that no id can be."""
    app.config.update(
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_200_RESPONSE=False,
        AUTO_SERVERS=False,
        AUTO_OPERATION_ID=True,
        DESCRIPTION="Finds the one customer behind WeChat and WeCom ids, and their tags.",
    )
    app.spec_processor(_complete)
    app.url_value_preprocessor(_possible)


def _possible(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    for value in (values or {}).values():
        if isinstance(value, int) and value > LARGEST_ID:
            raise NotFound


def _complete(given: dict[str, Any] | str) -> dict[str, Any] | str:
    assert isinstance(given, dict)
    document = _plain_names(given)
    document["paths"] = {
        path: operations for path, operations in document["paths"].items() if path.startswith(PREFIXES)
    }
    document.setdefault("components", {}).setdefault("schemas", {})["Error"] = ERROR
    shape = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for status, text in ERRORS.items():
                operation["responses"].setdefault(str(status), {"description": text, "content": shape})
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    parameter["required"] = True
                    if parameter["schema"]["type"] == "integer":
                        parameter["schema"] |= {"minimum": 1, "maximum": LARGEST_ID}
        if path in OPTIONAL_BODIES:
            for method in ("put", "delete"):
                operations[method]["requestBody"] = _optional(RelationIn.model_json_schema())
    return document


def _plain_names(document: dict[str, Any]) -> dict[str, Any]:
    """`CustomerPage.TagOnCustomer` and `CustomerOut.TagOnCustomer` are one shape: it gets its own name."""
    text = json.dumps(document, ensure_ascii=False)
    names = sorted(document["components"]["schemas"], key=len, reverse=True)
    short = {name: KIND.sub(r"condition_\1", name.rpartition(".")[2]) for name in names}
    shapes: dict[str, set[str]] = {}
    for name in names:
        shape = json.dumps(document["components"]["schemas"][name], sort_keys=True)
        shapes.setdefault(short[name], set()).add(PARENT.sub(r"\1", shape))
    for name in names:
        if len(shapes[short[name]]) == 1 and name != short[name]:
            text = text.replace(f'"{name}":', f'"{short[name]}":')
            text = text.replace(f'/schemas/{name}"', f'/schemas/{short[name]}"')
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def _optional(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": False, "content": {"application/json": {"schema": schema}}}
