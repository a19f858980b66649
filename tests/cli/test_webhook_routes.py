"""`opord webhooks check`: the routes of the settings file, against contracts."""

from __future__ import annotations

import pytest

from tests.cli.kit import Shop

DESK = """contract Desk(n: int) key n
event go(x: int)
initial state A -> B {
  on go(x) -> goto B
  after 1d -> goto B
}
final state B success
"""

ROUTES = """
[webhooks.bank]
path = "/hooks/bank"
scheme = "github"
secrets = ["env:BANK_SECRET", "env:BANK_SECRET"]
start = "Desk"
args = { n = "body.n" }

[webhooks.gone]
path = "/hooks/gone"
scheme = "stripe"
secrets = ["env:BANK_SECRET"]
event = "Desk.go"
where = "n = body.n"
args = { x = 5 }
"""


@pytest.fixture(autouse=True)
def contract(shop: Shop) -> None:
    (shop.folder / "desk.opord").write_text(DESK)


def test_routes_are_listed_without_their_secrets(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop.folder / "opord.toml").write_text(ROUTES)
    monkeypatch.setenv("BANK_SECRET", "hunter2")
    said = shop.opord("webhooks", "check", "--contract", "desk.opord")
    assert [line.split() for line in said.out.splitlines()[1:]] == [
        ["bank", "/hooks/bank", "github", "2", "starts", "Desk"],
        ["gone", "/hooks/gone", "stripe", "1", "sends", "Desk.go"],
    ]
    found = shop.opord("webhooks", "check", "--contract", "desk.opord", "--json")
    assert (found.json[0]["start"], found.json[1]["event"]) == ("Desk", "Desk.go")
    assert found.json[1]["where"] == "n = body.n"
    assert "hunter2" not in said.out + found.out


def test_all_that_is_wrong_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BANK_SECRET", raising=False)
    (shop.folder / "opord.toml").write_text(ROUTES.replace('event = "Desk.go"', 'event = "Desk.og"'))
    said = shop.opord("webhooks", "check", "--contract", "desk.opord")
    assert said.status == 2
    assert "[webhooks.bank] `secrets`: the environment variable BANK_SECRET is not set" in said.err
    assert "[webhooks.gone] `event`: Desk has no event `og`; its events are go" in said.err


def test_without_routes_it_says_so(shop: Shop) -> None:
    said = shop.opord("webhooks", "check", "--contract", "desk.opord")
    assert (said.status, said.out) == (0, "")
    assert "no routes of webhooks" in said.err
