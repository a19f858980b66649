"""The OpenAPI document of a contract: valid to others, typed, and true of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import validate

from opord.backends.base import InputInvalid, accepted, refusal
from opord.codegen.input_schema import input_schema
from opord.codegen.schema import Schemas
from opord.contract import Contract
from opord.loading import load_program
from opord.server import HttpLimits
from opord.server.openapi import document
from opord.testing.plausible import Plausible
from tests.server.kit import run, served
from tests.server.schemathesis import TYPED, found

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted([*(ROOT / "examples").rglob("*.opord"), *(ROOT / "src/opord/examples").rglob("*.opord")])


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("typed") / "typed.opord"
    path.write_text(TYPED)
    return load_program(path)


def schema_of(contract: Contract) -> dict[str, Any]:
    schemas = Schemas(contract)
    return input_schema(contract, schemas, longest_key=500) | {"$defs": schemas.definitions()}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_document_of_each_shipped_contract_is_valid(path: Path) -> None:
    contract = load_program(path).contract
    described = document(contract, HttpLimits(), "/api/v1")
    validate(described)  # type: ignore[arg-type]
    addresses = described["paths"]
    assert f"/contracts/{contract.name}/runs" in addresses
    for event in contract.events:
        assert f"/runs/{contract.name}/{{key}}/events/{event.name}" in addresses


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_an_input_that_a_contract_takes_fits_its_schema(path: Path) -> None:
    program = load_program(path)
    plausible = Plausible(program.contract, lambda: "2026-01-01T00:00:00Z")
    members = {field.name: plausible.value(field.type, field.name) for field in program.contract.params}
    program.input.accept(members)
    jsonschema.validate(members, schema_of(program.contract), jsonschema.Draft202012Validator)


GOOD: dict[str, Any] = {
    "name": "n", "price": "19.90", "ratio": 1.5, "on": True, "raw": "aGk=", "at": "2026-01-31T12:00:00Z",
    "day": "2026-01-31", "span": "48h0s", "id": "0190c5a0-7b7c-7000-8000-000000000000", "any": {"a": [1, None, "x"]},
    "tags": ["a"], "more": {"k": 1}, "box": {"width": 1, "type": "t", "inner": {"width": 2, "type": "u"}},
    "shape": {"type": "Square", "side": 2, "type_": "s"},
}  # fmt: skip


CHANGES: list[dict[str, Any]] = [
    {}, {"shape": {"type": "Circle", "radius": 1}}, {"shape": "Nothing"}, {"price": 7}, {"price": "-1.5E3"}, {"raw": None},
    {"raw": ""}, {"raw": "AA=="}, {"raw": "AAA="}, {"at": "2026-01-31T23:59:59.123456+02:00"}, {"at": "9999-12-31T00:00:00Z"},
    {"day": "2024-02-29"}, {"day": "2000-02-29"}, {"day": "2010-12-31"}, {"span": "48h"}, {"span": "1h30m"}, {"span": "250ms"},
    {"span": "-1d2h3m4s5ms6us"}, {"any": None}, {"any": 1.5}, {"tags": []}, {"count": 1}, {"pin": "1234"},
]  # fmt: skip


def test_a_value_of_each_type_fits(typed: Any) -> None:
    for change in CHANGES:
        good = {**GOOD, **change}
        jsonschema.validate(good, schema_of(typed.contract), jsonschema.Draft202012Validator)
        typed.input.accept(good)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""}, {"name": "x" * 501}, {"name": "a\0"}, {"name": 7}, {"count": "3"}, {"count": 2**63}, {"count": True},
        {"price": "a"}, {"price": 1.5}, {"on": 1}, {"raw": "a"}, {"at": "2026-01-28"}, {"day": "28.1.2026"}, {"day": "2026-02-29"}, {"day": "1900-02-29"}, {"day": "2026-04-31"}, {"at": "2026-01-01T24:00:00Z"},
        {"span": "3"}, {"span": ""}, {"raw": "AB=="},  {"span": "soon"},
        {"id": "x"}, {"any": ["a\0"]}, {"tags": "a"}, {"more": {"k": "v"}}, {"more": {"k\0": 1}}, {"box": {"width": 1}},
        {"box": {"width": 1, "type": "t", "x": 1}}, {"shape": "Square"}, {"shape": {"type": "Nope"}}, {"colour": "Blue"},
        {"pin": 7}, {"other": 1}, {"count": 0}, {"tags": ["a", "b", "c", "d"]}, {"box": {"width": -6, "type": "t"}},
    ],
    ids=str,
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_schema_and_server(typed: Any, change: dict[str, Any]) -> None:
    bad = {**GOOD, **change}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema_of(typed.contract), jsonschema.Draft202012Validator)
    try:
        value = accepted(typed, bad)
    except InputInvalid:
        return
    assert refusal(typed, value) is not None


def test_whole_numbers_are_ints_however_they_are_written(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            started = await api.web.post(
                "/contracts/Refund/runs",
                content=b'{"order": "o1", "cents": 9e2}',
                headers={"content-type": "application/json"},
            )
            assert started.status_code == 201
            assert (await api.start("o1", 900)).status_code == 200
            wrong = await api.web.post(
                "/contracts/Refund/runs",
                content=b'{"order": "o1", "cents": 9.5}',
                headers={"content-type": "application/json"},
            )
            assert wrong.status_code == 422

    run(test)


def test_the_document_says_where_the_api_is(refund: Any) -> None:
    async def test() -> None:
        async with served(refund, handlers=False) as api:
            described = (await api.web.get("/contracts/Refund/openapi.json")).json()
            assert (described["openapi"], described["info"]["version"]) == ("3.1.0", "1")
            assert described["servers"] == [{"url": "/api/v1"}]
            start = described["paths"]["/contracts/Refund/runs"]["post"]
            bounds = start["requestBody"]["content"]["application/json"]["schema"]["allOf"]
            assert {"properties": {"cents": {"minimum": 1}}} in bounds

    run(test)


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path: Path) -> None:
    status, said = found(tmp_path, examples=3, seed=11)
    assert status == 0, said
