"""The description of the door says what the code does: its routes, parameters, kinds of problems and limits."""

import inspect
import json
import re
from pathlib import Path

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from purger.door import listener, orders, takedowns
from purger.door.answers import ProblemError
from purger.door.orders import read_order
from purger.door.settings import DoorSettings
from purger.door.tally import Tally
from purger.moderation.bans import LONGEST_REASON
from tests.support.door.door_client import DESCRIPTION
from tests.support.pages.markdown_pages import ROOT

CODE = "".join(file.read_text() for file in sorted((ROOT / "purger" / "door").glob("*.py")))


def parameters(path: str, method: str) -> dict[str, dict[str, object]]:
    """Return the schemas of the query's parameters of an operation."""
    listed = DESCRIPTION["paths"][path][method].get("parameters", [])
    named = [
        DESCRIPTION["components"]["parameters"][each["$ref"].rpartition("/")[2]] if "$ref" in each else each
        for each in listed
    ]
    return {each["name"]: each["schema"] for each in named if each["in"] == "query"}


def test_it_is_openapi() -> None:
    OpenAPIV31SpecValidator(DESCRIPTION).validate()


def test_it_has_each_route_and_no_other() -> None:
    settings = DoorSettings(database_url="", tokens=Path())
    described = {
        (method.upper(), path, operation.get("security") == [])
        for path, item in DESCRIPTION["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    routes = listener._routes(settings, Tally())
    assert {(each.method, re.sub(r"<(\w+)>", r"{\1}", each.path), each.open) for each in routes} == described


@pytest.mark.parametrize(
    ("path", "method", "function"),
    [
        ("/takedowns", "post", takedowns.Takedowns.order),
        ("/takedowns", "get", takedowns.Takedowns.list),
        ("/takedowns/{number}", "get", takedowns.Takedowns.read),
        ("/takedowns/{number}", "delete", takedowns.Takedowns.lift),
        ("/openapi.json", "get", listener._openapi),
    ],
)
def test_it_has_each_parameter(path: str, method: str, function: object) -> None:
    (taken,) = re.findall(r"request\.query\(([^)]*)\)", inspect.getsource(function))  # type: ignore[arg-type]
    assert set(re.findall(r'"(\w+)"', taken)) == parameters(path, method).keys()


def test_it_has_each_kind_of_problem() -> None:
    kinds = {
        *re.findall(r'HTTPStatus\.[A-Z_]+,\s*"([a-z-]+)"', CODE),
        *re.findall(r'UnavailableError\(\s*"([a-z-]+)"', CODE),
        *re.findall(r'problem\((?:HTTPStatus|number)[^"]*"([a-z-]+)"', CODE),
    }
    assert sorted(kinds) == DESCRIPTION["components"]["schemas"]["Problem"]["properties"]["kind"]["enum"]


def test_it_has_each_limit() -> None:
    order = DESCRIPTION["components"]["schemas"]["Order"]["properties"]
    assert order["reason"]["maxLength"] == LONGEST_REASON
    assert order["by"]["maxLength"] == orders.LONGEST_BY
    assert order["reference"]["maxLength"] == orders.LONGEST_REFERENCE
    assert order["url"]["maxLength"] == order["name"]["maxLength"] == orders.LONGEST_SUBJECT
    assert parameters("/takedowns/{number}", "delete")["by"]["maxLength"] == orders.LONGEST_BY
    assert parameters("/takedowns/{number}", "get")["wait"]["maximum"] == takedowns.LONGEST_WAIT
    assert parameters("/takedowns", "get")["limit"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": takedowns.LARGEST_PAGE,
        "default": takedowns.PAGE,
    }


ORDERS = [
    {"image": "kX3_vQ"},
    {"name": "cats/tom.jpg", "reason": "spam"},
    {"url": "https://site.example/cats/tom.jpg", "by": "J. Doe", "reference": "26/12"},
    {"owner": "anna", "ahead": True},
    {"digest": 32 * "aB"},
    {"digest": 20 * "aB"},
    {"digest": 16 * "aB"},
    {"image": "a", "reason": 255 * "é"},
    {"image": "a", "reason": 256 * "x"},
    {"image": "a", "by": 161 * "x"},
    {"image": "a", "reference": 256 * "x"},
    {"image": "a", "owner": "anna"},
    {"reason": "spam"},
    {},
    {"image": 1},
    {"image": None},
    {"image": ["a"]},
    {"image": "a", "ahead": "true"},
    {"image": "a", "reason": 5},
    {"image": "a", "reasn": "spam"},
    {"url": 4097 * "/"},
    [],
    "a",
    None,
]


@pytest.mark.parametrize("order", ORDERS)
def test_the_code_takes_the_orders_that_it_describes(order: object) -> None:
    schema = {**DESCRIPTION["components"]["schemas"]["Order"], "components": DESCRIPTION["components"]}
    if OAS31Validator(schema).is_valid(order):
        read_order(json.dumps(order).encode())
    else:
        with pytest.raises(ProblemError):
            read_order(json.dumps(order).encode())
