"""The contracts of the engine's tests, and their handlers."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.engine.desk import fails
from tests.support.provider import Provider


def order(policy: str, *, fails: str = "fails PaymentError") -> str:
    """Return an order contract whose charge has the given policy lines."""
    arms = """Declined(reason) -> goto Rejected(reason)
    Busy -> goto Rejected("busy")"""
    if "report" in policy or "within" in policy:
        arms += "\n    InDoubt -> goto Unclear"
    unclear = "final state Unclear failure" if "InDoubt" in arms else ""
    target = " | Unclear" if unclear else ""
    return f"""
contract Orders(order: Order) key order.id version 1
record Order {{ id: str, cents: int }}
record Receipt {{ id: str }}
failure PaymentError {{ Declined(reason: str) settles, Busy transient }}
role manager
event approve(note: str) by manager keep

pure risk(order: Order) -> float
effect load(id: str) -> str
effect find_charge(order_id: str) -> Receipt?
action charge(order: Order) -> Receipt {fails} {{
  {policy}
}}
action tell(text: str) {{ in doubt skip }}

initial state Received -> Charging {{
  let customer = perform load(order.id)
  if risk(order) > 10.0 {{ goto Charging(customer) }}
  goto Charging(customer)
}}
state Charging(customer: str) -> Charged | Rejected{target} {{
  match commit charge(order) {{
    ok receipt -> goto Charged(receipt)
    {arms}
  }}
}}
state Charged(receipt: Receipt) -> Done {{
  commit tell("{{receipt.id}}")
  goto Done(receipt)
}}
final state Done(receipt: Receipt) success
final state Rejected(reason: str) failure
{unclear}
"""


POLICIES = {
    "repeat": "key order.id for 24h\n  retry 5 times\n  timeout 10s",
    "check": "in doubt check find_charge(order.id) after 30s\n  retry 5 times\n  timeout 10s",
    "ask": "timeout 10s\n  retry 2 times",
    "skip": "in doubt ask\n  timeout 10s\n  retry 1 times",
    "report": "in doubt report\n  retry 2 times\n  timeout 10s",
}


class OrderHandlers:
    """Handlers of the order contract, with a provider."""

    def __init__(self, module: Any, provider: Provider) -> None:
        self.module = module
        self.provider = provider
        self.told: list[str] = []

    def risk(self, order: Any) -> float:
        self.provider.calls["risk"] += 1
        return 0.5

    async def load(self, id: str) -> str:
        self.provider.calls["load"] += 1
        return f"customer of {id}"

    async def find_charge(self, order_id: str) -> Any:
        self.provider.calls["find_charge"] += 1
        found = [key for name, key in self.provider.ledger if name == "charge"]
        return {"id": f"charge:{found[0]}"} if found else None

    async def charge(self, order: Any, *, call: Any) -> Any:
        await asyncio.sleep(0.2)
        return {"id": await self.provider.act("charge", call.key, self.module.PaymentError)}

    async def tell(self, text: str, *, call: Any) -> None:
        await self.provider.act("tell", call.key)
        self.told.append(text)


BUSY, FINAL, BROKEN = fails("Problem.Busy"), fails("Problem.Final", why="no"), ConnectionError("reset")
SETTLED = fails("Problem.Settled", why="never")
RECEIPT, OTHER = {"id": "r1"}, {"id": "r2"}
CHARGED = ("Charged", {"receipt": RECEIPT})


def charging(policy: str, *, report: bool = False, finds: str = "Receipt?", result: str = "Receipt") -> str:
    """Return a contract that commits one action with the given policy.

    It has effects that can check the action.
    """
    unclear = "InDoubt -> goto Unclear" if report else ""
    target, final = (" | Unclear", "final state Unclear failure") if report else ("", "")
    ok = (
        "ok receipt -> goto Charged(receipt)"
        if result
        else 'ok -> goto Charged({ id: "" })'.replace("{ id", "Receipt { id")
    )
    arrow = f"-> {result}" if result else ""
    return f"""
contract Charging(n: int) key n version 1
record Receipt {{ id: str }}
failure Problem {{ Final(why: str), Settled(why: str) settles, Busy transient }}
failure Trouble {{ Odd, Slow transient }}
effect find(n: int, key: str) -> {finds} fails Trouble {{ timeout 5s }}
action charge(n: int) {arrow} fails Problem {{ {policy} }}
initial state Charging -> Charged | Failed{target} {{
  match commit charge(n) {{
    {ok}
    Final(why) -> goto Failed(why)
    Settled(why) -> goto Failed(why)
    Busy -> goto Failed("busy")
    {unclear}
  }}
}}
final state Charged(receipt: Receipt) success
final state Failed(why: str) failure
{final}
"""


REVIEW = """
contract Review(n: int) key n version 1
role manager, clerk
event approve(note: str) by manager | clerk
event reject(reason: str) by manager
event bid(amount: int)
event paid(ref: str, cents: int) key ref
event seen(who: str)
event parcel(number: str) key number keep
effect look(n: int) -> str
initial state Waiting -> Approved | Rejected | Paid | Sold | Waiting {
  on approve(note) -> goto Approved("{note} by {actor}")
  on reject(reason) -> goto Rejected(reason)
  on bid(amount) if amount > 100 -> goto Sold(amount)
  on paid(ref, cents) if ref != "again" -> goto Paid(ref)
  on paid(ref, cents) -> goto Waiting
  on seen ignore
  after 30d -> goto Rejected("late")
}
state Approved(note: str) -> Packed { let text = perform look(n) goto Packed("{note}: {text}") }
state Packed(note: str) -> Gone {
  on parcel(number) -> goto Gone(number)
  after 30d -> goto Gone("lost")
}
final state Gone(number: str) success
final state Paid(ref: str) success
final state Sold(amount: int) success
final state Rejected(reason: str) failure
""".replace("perform look(n) goto", "perform look(n)\n  goto")


KEPT = """
contract Kept(n: int) key n version 1
event open(x: int)
event item(name: str) keep
event other(name: str) keep
initial state First -> Second {
  on open(x) -> goto Second
  after 1h -> goto Second
}
state Second -> Third | Odd {
  on item(name) if name != "odd" -> goto Third(name)
  after 0s -> goto Odd("timer")
}
state Third(one: str) -> Both {
  on item(name) -> goto Both(one, name)
  after 30d -> goto Both(one, "none")
}
final state Both(one: str, two: str) success
final state Odd(why: str) failure
"""

ASKING = """
contract Charging(n: int) key n version 1
record Receipt { id: str }
failure Problem { Refused, Busy transient }
action charge(n: int) -> Receipt fails Problem { in doubt ask, retry 2 times }
initial state Charging -> Charged | Failed {
  match commit charge(n) {
    ok receipt -> goto Charged(receipt)
    Refused | Busy -> goto Failed
  }
}
final state Charged(receipt: Receipt) success
final state Failed failure
"""
"""Charges once, and asks a person in doubt."""

LOOKING = """
contract Lookup(n: int) key n version 1
pure look(n: int) -> str
initial state Looking -> Found { goto Found(look(n)) }
final state Found(text: str) success
"""
"""Looks something up with a `pure`."""

LOST = ConnectionError("the line went dead")
