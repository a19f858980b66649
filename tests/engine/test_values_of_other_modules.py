"""Values cross between modules of a contract by name and content, never by Python class.

A provider's client stands in a file of its own, and may know the contract's types from another load
of it, or from another version.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

from opord.generated import Secret
from opord.loading import load_sources
from tests.support.contracts import compiled
from tests.support.kit import Kit

TEXT = """
contract Shop(id: str) key id version 1
enum Size { Small, Large }
enum Way { Post, Courier(name: str) }
record Line { class: str, count: int }
record Receipt { id: str, lines: list[Line], size: Size, way: Way, token: secret str }
failure CardError { Declined(reason: str, code: int = 7) settles, Busy transient }
pure judge(id: str) -> Receipt
effect look(id: str) -> Receipt fails CardError
action pay(id: str) -> Receipt fails CardError {
  in doubt ask
  retry 2 times
}
initial state New -> Done | Failed {
  let judged = judge(id)
  match perform look(id) {
    ok seen -> {
      match commit pay(id) {
        ok paid -> goto Done(judged, seen, paid)
        Declined(reason, code) -> goto Failed("{reason} {code}")
        Busy -> goto Failed("busy")
      }
    }
    Declined(reason, code) -> goto Failed("look: {reason} {code}")
    Busy -> goto Failed("look: busy")
  }
}
final state Done(judged: Receipt, seen: Receipt, paid: Receipt) success
final state Failed(reason: str) failure
"""


def other_load(text: str = TEXT) -> Any:
    """Return another module of the same contract, with classes of its own."""
    program = load_sources([("elsewhere.opord", text)])
    module = sys.modules[program.workflow.__module__]
    assert module is not compiled(TEXT)
    return module


def receipt(module: Any, **other: Any) -> Any:
    values = {"lines": [module.Line(class_="a", count=2)], "size": module.Size.Large} | other
    if "way" not in values:
        values["way"] = module.Way.Courier(name="ann")
    return module.Receipt(id="r", token=Secret("t"), **values)


class Handlers:
    def __init__(self, types: Any, fails: Any = None) -> None:
        self.types = types
        self.fails = fails

    def judge(self, id: str) -> Any:
        return receipt(self.types)

    async def look(self, id: str) -> Any:
        return receipt(self.types)

    def pay(self, id: str, *, call: Any) -> Any:
        if self.fails is not None and call.attempt <= len(self.fails):
            raise self.fails[call.attempt - 1]
        return receipt(self.types)


def carried(handlers: Any, text: str = TEXT) -> tuple[Kit, Any]:
    kit = Kit(text, lambda _: handlers)

    async def story() -> None:
        async with kit.engine() as engine:
            await engine.start(kit.workflow, id="a")
            await kit.until(lambda: kit.row("Shop/a").head.status in ("ended", "in_doubt", "stalled"))

    kit.run(story())
    return kit, kit.row("Shop/a").head


def test_a_declared_failure_of_another_load_is_known_and_not_a_doubt() -> None:
    other = other_load()
    kit, head = carried(Handlers(other, [other.CardError.Declined(reason="no money")]))
    assert (head.status, head.state) == ("ended", "Failed")
    assert '"no money 7"' in head.body
    kit.check()


@pytest.mark.parametrize("load", [lambda: compiled(TEXT), other_load], ids=["own", "another load"])
def test_a_class_derived_from_a_declared_failure_is_that_failure(load: Any) -> None:
    declined = load().CardError.Declined

    class Expired(declined):  # type: ignore[misc]
        pass

    kit, head = carried(Handlers(compiled(TEXT), [Expired(reason="too old", code=4)]))
    assert (head.status, head.state) == ("ended", "Failed")
    assert '"too old 4"' in head.body
    kit.check()


def test_a_transient_failure_of_another_load_is_tried_again() -> None:
    other = other_load()
    kit, head = carried(Handlers(other, [other.CardError.Busy(), other.CardError.Busy()]))
    assert (head.status, head.state) == ("ended", "Done")
    kit.check()


def test_records_and_enums_of_another_load_are_those_of_the_run() -> None:
    kit, head = carried(Handlers(other_load()))
    assert (head.status, head.state) == ("ended", "Done")
    own = compiled(TEXT)
    for name in ("judged", "seen", "paid"):
        assert getattr(final(kit), name) == receipt(own)
    kit.check()


def final(kit: Kit) -> Any:
    async def read() -> Any:
        async with kit.engine(serve=False) as engine:
            return await engine.wait_result("Shop/a")

    return kit.run(read())


NEWER = (
    TEXT.replace("version 1", "version 2")
    .replace("enum Size { Small, Large }", "enum Size { Small, Large, Huge }")
    .replace("code: int = 7) settles", "code: int = 7, at: str?) settles, Stolen")
    .replace("Declined(reason, code)", "Declined(reason, code, at)")
    .replace(
        '    Busy -> goto Failed("look', '    Stolen -> goto Failed("stolen")\n    Busy -> goto Failed("look'
    )
    .replace(
        '    Busy -> goto Failed("busy', '    Stolen -> goto Failed("stolen")\n    Busy -> goto Failed("busy'
    )
    .replace("token: secret str }", "token: secret str, fee: int = 0 }")
)


def test_one_class_of_handlers_serves_two_versions() -> None:
    newer = compiled(NEWER)
    handlers = Handlers(newer, [newer.CardError.Declined(reason="no", code=3)])
    for text in (TEXT, NEWER):
        kit, head = carried(handlers, text)
        assert (head.status, head.state) == ("ended", "Failed"), text
        kit.check()
    older = Handlers(compiled(TEXT))
    assert carried(older, NEWER)[1].state == "Done"
    assert carried(Handlers(newer), TEXT)[1].state == "Done"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"fee": 3}, "`fee` is not a member of Receipt"),
        ({"size": "Huge"}, "`Huge` is not a variant of Size"),
    ],
)
def test_what_the_version_of_the_run_does_not_have_is_said_exactly(change: dict[str, Any], why: str) -> None:
    newer = compiled(NEWER)
    wrong = {name: getattr(newer.Size, value) if name == "size" else value for name, value in change.items()}

    class Wrong(Handlers):
        async def look(self, id: str) -> Any:
            return receipt(newer)

        def pay(self, id: str, *, call: Any) -> Any:
            return receipt(newer, **wrong)

    kit, head = carried(Wrong(newer))
    assert head.status == "in_doubt"
    assert why in (head.reason or "")
    kit.check()


def test_a_variant_that_the_version_of_the_run_does_not_have_is_a_doubt() -> None:
    newer = compiled(NEWER)
    _, head = carried(Handlers(newer, [newer.CardError.Stolen()]))
    assert head.status == "in_doubt"
    assert "`pay` raised CardError.Stolen of the module " in (head.reason or "")
    assert "Shop version 1 has no such variant: the contract declares CardError.Declined" in head.reason


@pytest.mark.parametrize("given_fields", [True, False])
def test_an_enum_that_gained_fields_in_one_variant_keeps_the_others(given_fields: bool) -> None:
    plain = TEXT.replace("enum Way { Post, Courier(name: str) }", "enum Way { Post, Courier }")
    types = compiled(plain if given_fields else TEXT)
    post = types.Way.Post if given_fields else types.Way.Post()

    class Posting(Handlers):
        def judge(self, id: str) -> Any:
            return receipt(types, way=post)

        async def look(self, id: str) -> Any:
            return receipt(types, way=post)

        def pay(self, id: str, *, call: Any) -> Any:
            return receipt(types, way=post)

    kit, head = carried(Posting(types), TEXT if given_fields else plain)
    assert head.state == "Done", head.reason
    kit.check()


def test_a_failure_that_is_called_like_its_contract_is_a_declared_failure() -> None:
    text = """
contract Declined(id: str) key id version 1
failure Declined { No }
action pay(id: str) fails Declined { in doubt ask }
initial state New -> Done | Failed {
  match commit pay(id) {
    ok -> goto Done
    No -> goto Failed
  }
}
final state Done success
final state Failed failure
"""
    module = compiled(text)

    class Refusing:
        async def pay(self, id: str, *, call: Any) -> None:
            raise module.Declined_.No()

    kit = Kit(text, lambda _: Refusing())

    async def story() -> Any:
        async with kit.engine() as engine:
            run = await engine.start(kit.workflow, id="a")
            return await run.result()

    assert type(kit.run(story())).__name__ == "Failed"
