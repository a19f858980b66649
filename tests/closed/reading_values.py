"""Give contracts with an unknown expression or type to all readers of contracts.

Each place that can hold one is tried. Like `reading.py`, this runs on a copy of the package with
throw-away members. The unknown expression and the unknown type contain the one that was there, so
that readers still see the names in it. A reader that ignored the place would see another contract.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

import opord.contract as ir
from opord.codegen import generate
from opord.codegen.names import Names, calls, module_name
from opord.content import content
from opord.language.compile import lower_source
from opord.language.lowering import Lowering, lower_contract
from opord.language.sheet import explain_sheet, render_text
from opord.language.syntax.parser import parse
from opord.language.syntax.source import Source
from opord.loading.build import secret_places
from opord.loading.modules import compile_module
from opord.simulate.values import Chosen, Constants
from opord.testing.plausible import Plausible
from opord.values.codec import Codecs
from tests.closed.growth import Union
from tests.closed.placing import placed
from tests.closed.reading import answer, readers_of

EXPR = Union("contract/expressions.py", "Expr", "of: Expr; type: Type; place: Place")
TYPE = Union("contract/types.py", "Type", "of: Type")
EXPRESSION = Union("language/syntax/tree/expressions.py", "Expression", "span: Span")
TYPE_NODE = Union("language/syntax/tree/types.py", "TypeNode", "span: Span")
UNIONS = (EXPR, TYPE, EXPRESSION, TYPE_NODE)

NOW = "2026-01-01T00:00:00Z"
DRAWS = 20
"""How often each value is drawn: often enough that optional values and items of lists occur."""

STRAIGHT = """\
contract Sale(id: str, way: Way, count: int = 1 + 1, pin: secret str, more: map[str, Note]) key id

record Line { sku: str, pieces: int = 1 + 1, notes: list[Note], more: map[str, Note] }
record Note { text: str, by: str? }
enum Way { Card(last: str), Cash }
failure CardError { Declined(reason: str), Busy transient }
role clerk

event decide(yes: bool, why: str) by clerk key why
pure fits(line: Line) -> bool
pure weighs(id: str) -> float
effect look(id: str) -> int fails CardError
effect find(key: str) -> str?
action charge(id: str, pin: secret str) -> str fails CardError { key id, in doubt check find(call.key) }

initial state Looking -> Asking | Refused {
  let found = perform look(id) else {
    Declined(reason) -> goto Refused(reason)
    else -> goto Refused("busy")
  }
  let line = Line { sku: "{id}-{found}", notes: [], more: more }
  if not fits(line with { pieces: 2 }) or found + 1 > weighs(id) or line.notes[0] == none {
    goto Refused(why: if len(line.notes) > 1 then line.sku else id[0:3] + run.id)
  }
  match way {
    Card(last) -> goto Asking(last: last)
    Cash -> if more[id] == none { goto Refused("cash") } else { goto Refused("more") }
  }
}
state Asking(last: str, asked: Way = Way.Card("1")) -> Charging | Refused {
  on decide(yes, why) if yes and why != last -> goto Charging(..)
  after 1h -> goto Refused("late")
  at run.started_at + 2h -> goto Refused("late")
}
state Charging(last: str) -> Charged | Refused {
  match commit charge(id, pin) {
    ok receipt -> goto Charged(receipt: receipt)
    Declined(reason) -> goto Refused(reason)
    else problem -> goto Refused("{problem}")
  }
}
final state Charged(receipt: str) success
final state Refused(why: str) failure

ensure charge at most once
ensure every run ends within 30d
"""

ROUND = """\
contract Again(id: str, most: int) key id
initial state Trying(n: int = 0) -> Trying | Done {
  let next = n + 1
  if n < most { goto Trying(next) }
  goto Done
}
final state Done success
"""


def unknown_expression(known: Any) -> Any:
    """Return an unknown expression with the type of the expression that it replaces."""
    return EXPR.make(known, known.type, known.place)


def unknown_type(known: Any) -> Any:
    """Return an unknown type."""
    return TYPE.make(known)


def classes_of(contract: ir.Contract, text: str) -> dict[str, type[Any]]:
    """Return the Python classes of a contract's types."""
    module = compile_module(module_name(contract), generate(contract, (("sale.opord", text),)))
    return {name: vars(module)[form] for name, form in Names(contract).types.items()}


def values_of(contract: ir.Contract, classes: dict[str, type[Any]]) -> dict[str, Callable[[], object]]:
    """Return all readers of a contract that deal with the values of its types."""
    return {
        "content": lambda: content(contract),
        "written sheet": lambda: render_text(explain_sheet(contract), 100),
        "secret places": lambda: secret_places(contract),
        "codecs": lambda: _codecs(contract, classes),
        "plausible values": lambda: _values(contract, Plausible(contract, lambda: NOW)),
        "drawn values": lambda: _values(
            contract, Chosen(contract, Constants(contract), lambda: 0, Random(1))
        ),
    }


def _codecs(contract: ir.Contract, classes: dict[str, type[Any]]) -> None:
    codecs = Codecs(contract, classes, lambda _: None)
    for fields in _data(contract):
        codecs.params(fields, "something")


def _values(contract: ir.Contract, made: Plausible) -> None:
    for fields in DRAWS * list(_data(contract)):
        for field in fields:
            made.value(field.type, field.name)


def _data(contract: ir.Contract) -> Iterator[tuple[ir.Field, ...]]:
    """Yield the fields of all values that a contract stores or passes on."""
    yield contract.params
    for state in contract.states:
        yield state.fields
    for event in contract.events:
        yield event.params
    for declared in (*contract.enums, *contract.failures):
        yield from (variant.fields for variant in declared.variants)
    for call in calls(contract):
        yield call.params
        if call.result != ir.Nothing():
            yield (ir.Field("result", call.result),)


def answers(text: str) -> dict[str, dict[str, str]]:
    """Return the answers of the readers to an unknown member, for each place."""
    known = lower_source(Source("sale.opord", text)).model
    classes = classes_of(known, text)
    contracts = {"known": known}
    contracts |= placed(known, "Expr", unknown_expression)
    contracts |= placed(known, "Type", unknown_type)
    return {
        place: {
            name: answer(reader)
            for name, reader in (readers_of(text, contract) | values_of(contract, classes)).items()
        }
        for place, contract in contracts.items()
    }


def lowered(text: str) -> dict[str, str]:
    """Return for each place of the tree the answer of the lowering to an unknown node there."""
    source = Source("sale.opord", text)
    file, _ = parse(source)
    files = {"known": file}
    files |= placed(file, "Expression", lambda word: EXPRESSION.make(word.span))
    files |= placed(file, "TypeNode", lambda word: TYPE_NODE.make(word.span))
    return {
        place: answer(partial(lower_contract, Lowering(source), changed)) for place, changed in files.items()
    }


if __name__ == "__main__":
    texts = {"straight": STRAIGHT, "round": ROUND}
    print(
        json.dumps(
            {
                "contracts": {name: answers(text) for name, text in texts.items()},
                "trees": {name: lowered(text) for name, text in texts.items()},
            }
        )
    )
