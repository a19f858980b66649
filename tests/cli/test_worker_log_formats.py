"""The log of a worker as JSON: an object a line, with the run and the call that it is about."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.kit import Shop

WORKER = ("worker", "--contract", "desk.opord", "--handlers", "handlers:Handlers", "--until-idle")


def logged(shop: Shop, *options: str) -> list[dict[str, Any]]:
    lines = shop.process(*WORKER, "--log-format", "json", *options).err.splitlines()
    return [json.loads(line) for line in lines if " needs a person: " not in line]


def test_each_line_is_an_object_with_what_it_is_about(shop: Shop) -> None:
    shop.start("lost-1", "unpriced-1", "busy-1")
    lines = logged(shop)
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    assert all(line["time"].endswith("Z") for line in lines)
    (doubt,) = (line for line in lines if " is in doubt: " in line["message"])
    about = ("contract", "version", "state", "call", "attempt", "level")
    assert [doubt[name] for name in about] == ["Desk", 1, "Charging", "charge", 1, "INFO"]
    needs = {line["run"]: line for line in lines if line["logger"] == "opord.needs"}
    assert needs["Desk/lost-1"]["call"] == "charge"
    assert needs["Desk/unpriced-1"]["state"] == "Received"
    assert [line["attempt"] for line in lines if line.get("run") == "Desk/busy-1"] == [1, 2]


def test_text_is_the_default_and_stays_as_it_is(shop: Shop) -> None:
    shop.start("lost-1")
    lines = shop.process(*WORKER).err.splitlines()
    assert lines[0][23:].startswith(" INFO working on sqlite:///opord.db for Desk 1")
    assert any("Desk/lost-1: charge is in doubt: " in line for line in lines)


def test_verbose_logs_more(shop: Shop) -> None:
    with (shop.folder / "handlers.py").open("a") as file:
        file.write("import logging\nlogging.getLogger('opord.worker').debug('looked for')\n")
    assert "looked for" not in shop.process(*WORKER).err
    assert " DEBUG looked for" in shop.process(*WORKER, "-v").err
    assert "DEBUG" in {line["level"] for line in logged(shop, "--verbose")}
