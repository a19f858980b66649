"""The OpenAPI document allows what the page on the HTTP API shows, and what the server takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema
import pytest

from opord.backends.asked import DATA, FILTERS, asked
from opord.backends.listing import places
from opord.loading import load_program
from opord.server import HttpLimits
from opord.server.api import ROUTES
from opord.server.openapi import document
from opord.server.openapi_filters import filters
from tests.support.pages import ROOT, Block, blocks_of

BLOCKS = [*blocks_of(ROOT / "docs" / "http.md")]
ANY_TEXT = "2026/17"
ANY_ID = "0" * 32


class Asking(NamedTuple):
    """A request that the page shows."""

    method: str
    target: str
    body: Any


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("page") / "refund.opord"
    path.write_text(next(block.text for block in BLOCKS if block.file == "refund.opord"))
    return load_program(path).contract


@pytest.fixture(scope="module")
def described(contract: Any) -> dict[str, Any]:
    return document(contract, HttpLimits(), "/api/v1")


# --- what the page shows --------------------------------------------------------------------------


def literal(node: ast.expr, known: dict[str, Any]) -> Any:
    """Return what an expression stands for; what is known only when it runs is some text."""
    match node:
        case ast.Dict():
            return {
                literal(k, known): literal(v, known) for k, v in zip(node.keys, node.values, strict=True) if k
            }
        case ast.Name():
            return known.get(node.id, ANY_TEXT)
        case ast.JoinedStr():
            return "".join(
                ANY_ID if isinstance(part, ast.FormattedValue) else ast.literal_eval(part)
                for part in node.values
            )
        case _:
            return ast.literal_eval(node)


def askings(blocks: list[Block]) -> Iterator[Asking]:
    """Return each request that a block of the page makes with `visit`."""
    known: dict[str, Any] = {}
    for block in blocks:
        if block.language != "python":
            continue
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                known[ast.unparse(node.targets[0])] = literal(node.value, known)
        for node in ast.walk(ast.parse(block.text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "visit":
                method, target = (literal(one, known) for one in node.args)
                body = next((literal(one.value, known) for one in node.keywords if one.arg == "json"), None)
                yield Asking(method, target, body)


SHOWN = [one for one in askings(BLOCKS) if "/runs" in one.target]


def operation(described: dict[str, Any], asking: Asking) -> dict[str, Any]:
    """Return the operation of a request: that of the address with the fewest free parts."""
    path = urlsplit(asking.target).path
    for address in sorted(described["paths"], key=lambda one: one.count("{")):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", address), path):
            found: dict[str, Any] = described["paths"][address][asking.method.lower()]
            return found
    raise AssertionError(f"the document has no address for {asking}")


def check(described: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": described["components"]}
    jsonschema.validate(value, whole, jsonschema.Draft202012Validator)


def read(schema: dict[str, Any], texts: list[str]) -> Any:
    """Return the value that a parameter has."""
    if schema.get("type") == "array":
        return [read(schema["items"], [text]) for text in texts]
    (text,) = texts
    return int(text) if schema.get("type") == "integer" and text.isdecimal() else text


def check_query(described: dict[str, Any], asking: Asking) -> None:
    parameters = {
        one["name"]: one for one in operation(described, asking)["parameters"] if one["in"] == "query"
    }
    for name, texts in parse_qs(urlsplit(asking.target).query, keep_blank_values=True).items():
        assert name in parameters, f"{asking.target}: the document has no parameter {name}"
        schema = parameters[name]["schema"]
        check(described, schema, read(schema, texts))


def test_the_page_shows_a_start_a_list_and_a_set() -> None:
    shown = {(one.method, unquote(urlsplit(one.target).path)) for one in SHOWN}
    assert {("POST", "/contracts/Refund/runs"), ("GET", "/runs"), ("POST", "/runs/bulk")} <= shown


@pytest.mark.parametrize("asking", SHOWN, ids=lambda one: f"{one.method} {one.target}")
def test_the_document_allows_each_request_of_the_page(described: Any, asking: Asking) -> None:
    check_query(described, asking)
    if asking.body is not None:
        wanted = operation(described, asking)["requestBody"]["content"]["application/json"]["schema"]
        check(described, wanted, asking.body)


# --- ranges and filters --------------------------------------------------------------------------

PAST = [
    "7d", "4w", "1h30m", "90s", "250ms", "1w2d", "..2d", "7d..", "7d..2d", "2026-01-31T00:00:00Z..", "..2026-01-31T00:00:00Z",
    "2026-01-31T00:00:00Z", "2026-01-29T00:00:00Z..2026-01-31T23:59:59.5Z", "2026-01-31T00:00:00+01:00..2d",
]  # fmt: skip
COMING = ["2h", "2h..", "..2h", "2h..1d", "4w", "1h30m", "2h..9998-01-31T00:00:00Z"]
NO_RANGES = [
    "",
    "..",
    "7",
    "d",
    "-7d",
    "7d..2d..1d",
    "7d.2d",
    "1m1h",
    "2026-01-31",
    "2026-02-30T00:00:00Z",
    "soon",
]
ENDS = ["7d", "4w", "1h30m", "2026-01-31T00:00:00Z"]
RANGES = [
    *[(name, text) for name in ("started", "since") for text in PAST],
    *[("due", text) for text in COMING],
    *[(name, text) for name in ("started_before", "since_before") for text in ENDS],
]


def fits(described: dict[str, Any], name: str, text: str) -> list[bool]:
    """Say whether a value of a filter is valid in a query, and in a body."""
    said = []
    wish = {"verb": "resume", "reason": "r", "filter": {name: text}}
    body = described["paths"]["/runs/bulk"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    listed = {one["name"]: one["schema"] for one in described["paths"]["/runs"]["get"]["parameters"]}
    for schema, value in ((listed[name], read(listed[name], [text])), (body, wish)):
        try:
            check(described, schema, value)
        except jsonschema.ValidationError:
            said.append(False)
        else:
            said.append(True)
    return said


@pytest.mark.parametrize(("name", "text"), RANGES)
def test_a_range_that_the_server_takes_is_valid(described: Any, name: str, text: str) -> None:
    assert asked({name: [text]}).times
    assert fits(described, name, text) == [True, True]


@pytest.mark.parametrize("text", NO_RANGES)
@pytest.mark.parametrize("name", ["started", "since", "due", "started_before", "since_before"])
def test_a_text_that_is_no_range_is_refused_by_document_and_server(
    described: Any, name: str, text: str
) -> None:
    with pytest.raises(ValueError, match=name):
        asked({name: [text]})
    assert fits(described, name, text) == [False, False]


def test_the_end_of_a_range_is_no_range(described: Any) -> None:
    assert fits(described, "started_before", "7d..2d") == [False, False]


def test_the_document_has_every_filter(described: Any, contract: Any) -> None:
    assert {*filters(contract)} == {*FILTERS, *(f"{DATA}{place}" for place in places(contract))}
    listed = [one["name"] for one in described["paths"]["/runs"]["get"]["parameters"]]
    assert {*listed} == {*filters(contract), "sort", "limit", "after"}


def test_a_filter_of_a_set_may_lead_into_a_place(described: Any) -> None:
    def wished(place: str) -> dict[str, Any]:
        return {"verb": "resume", "reason": "r", "filter": {f"data.{place}": ["a", "b"]}}

    body = described["paths"]["/runs/bulk"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    check(described, body, wished("order.customer"))
    for place in ("other.customer", "order.", "order..x"):
        with pytest.raises(jsonschema.ValidationError):
            check(described, body, wished(place))


def test_the_document_has_every_route_for_runs(described: Any) -> None:
    paths = [(route.method.lower(), route.path.removeprefix("/api/v1")) for route in ROUTES]
    wanted = {
        (method, path.replace("{contract}", "Refund"))
        for method, path in paths
        if path.startswith("/runs") or path == "/contracts/{contract}/runs"
    }
    there = {
        (method, re.sub(r"/events/\w+$", "/events/{event}", path))
        for path, methods in described["paths"].items()
        for method in methods
    }
    assert there == wanted
