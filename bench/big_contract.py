"""A large contract such as people might write: `python bench/big_contract.py --states 1000 > big.opord`.

Stage after stage of an order: customers are looked up, people review under a phase that can be cancelled, cards are
charged, kinds are told apart, amounts decided on. A third of the moves leave for an end, so that there are
about three moves a state, and three actions to ten states. The same seed gives the same text; it has no findings.
"""

from __future__ import annotations

import argparse
import random

HEAD = """\
## Takes an order through {stages} stages, from webhook to delivery.
contract BigOrder(order: Order) key order.id version 1

record Line {{ sku: str, quantity: int = 1, note: str? }}
record Address {{ street: str, city: str, country: Country }}
record Order {{
  id: str
  customer: str
  total_cents: int
  lines: list[Line]
  kind: Kind
  ship_to: Address
  due: datetime
  card_token: secret str
}}
record Customer {{ id: str, vip: bool, score: float }}
record Receipt {{ charge_id: str, charged_at: datetime, cents: int }}
enum Country {{ de, fr, Other(name: str) }}
enum Kind {{ Standard, Express(days: int), Gift }}

failure CustomerError {{ Unknown, Blocked(reason: str), Offline transient }}
failure PaymentError {{
  Declined(reason: str)
  RateLimited transient
  Unavailable transient
}}

role manager, warehouse

event approve(note: str) by manager
event reject(reason: str) by manager
event packed(crate: str) by warehouse key crate keep

pure   risk(order: Order, customer: Customer) -> float
effect find_receipt(key: str) -> Receipt?
effect find_customer(id: str) -> Customer fails CustomerError {{ retry 3 times, timeout 2s }}
"""

ENDS = """
final state Delivered(total_cents: int) success
final state Rejected(reason: str) failure
final state Expired failure
final state Cancelled(reason: str) cancelled
"""

ACTION = """
action {verb}_{i}(order: Order, cents: int) -> Receipt fails PaymentError stands because "the desk takes it back by hand" {{
  key "{{order.id}}/{i}"
  retry {tries} times, timeout {limit}s
  in doubt check find_receipt(call.key) after 30s
}}
"""

LOOKING = """
{initial}state Looking{i} -> Reviewing{i} | Charging{i} | Rejected | Cancelled {{
  let customer = perform find_customer(order.customer) else {{
    Blocked(reason) -> goto Rejected("blocked: {{reason}}")
    else problem -> goto Rejected("no customer: {{problem}}")
  }}
  if risk(order, customer) > 0.{risk} and not customer.vip {{ goto Reviewing{i}(customer) }}
  goto Charging{i}(customer.score)
}}
"""

REVIEWING = """
state Reviewing{i}(customer: Customer) -> Charging{i} | Rejected | Expired | Cancelled {{
  on approve(note) if len(note) > {risk} -> goto Charging{i}(customer.score)
  on reject(reason) -> goto Rejected("{{customer.id}}: {{reason}}")
  after {hours}h -> goto Expired
}}
"""

CHARGING = """
state Charging{i}(score: float) -> Charged{i} | Rejected {{
  let part = order.total_cents * {risk} // 100 + {i}
  match commit {verb}_{i}(order, part) {{
    ok receipt -> goto Charged{i}(receipt, score)
    Declined(reason) -> goto Rejected(reason)
    else problem -> goto Rejected("{{problem}}")
  }}
}}
"""

TELLING = """
action tell_{i}(text: str) {{ in doubt skip }}
"""

CHARGED = """
state Charged{i}(receipt: Receipt, score: float) -> Packing{i} | {after} {{{telling}
  match order.kind {{
    Standard -> goto {after_with}
    Express(days) -> goto Packing{i}(receipt.cents + days, "{{days}} days, {{score * 0.{risk}}}")
    Gift -> goto Packing{i}(receipt.cents, if score < 0.{risk} then none else order.ship_to.city)
  }}
}}
"""

PACKING = """
state Packing{i}(cents: int, note: str?) -> {after} | Expired {{
  on packed(crate) if crate != (note ?? "") -> goto {after_crate}
  at order.due + {hours}h -> goto Expired
}}
"""


def big_contract(states: int, *, ensures: int = 0, seed: int = 1) -> str:
    """Write a contract of about so many states (a multiple of ten), with so many `ensure` lines, all of which hold."""
    chance = random.Random(seed)
    stages = range(max(2, states // 5))
    verbs = [chance.choice(["charge", "reserve", "book"]) for _ in stages]
    parts = [HEAD.format(stages=len(stages))]
    for i in stages:
        parts.append(
            ACTION.format(i=i, verb=verbs[i], tries=chance.randint(2, 6), limit=chance.randint(2, 20))
        )
        if i % 2:
            parts.append(TELLING.format(i=i))
    for i in stages:
        last = i + 1 == len(stages)
        values = {
            "i": i,
            "initial": "initial " if i == 0 else "",
            "after": "Delivered" if last else f"Looking{i + 1}",
            "after_with": "Delivered(receipt.cents)" if last else f"Looking{i + 1}",
            "after_crate": "Delivered(cents)" if last else f"Looking{i + 1}",
            "telling": f'\n  commit tell_{i}("paid: {{receipt.cents}}")' if i % 2 else "",
            "verb": verbs[i],
            "risk": chance.randint(1, 9),
            "hours": chance.choice([24, 48, 72]),
        }
        desk = LOOKING.format(**values) + REVIEWING.format(**values)
        inside = "".join(f"  {line}\n" if line else "\n" for line in desk.splitlines())
        parts.append(f"\nphase Desk{i} {{\n  on cancel(reason) -> goto Cancelled(reason)\n{inside}}}\n")
        parts += [CHARGING.format(**values), CHARGED.format(**values), PACKING.format(**values)]
    parts.append(ENDS)
    lines = ["ensure every run ends"]
    while len(lines) < ensures:
        i = len(lines) * 7 % len(stages)
        call, kind = f"{verbs[i]}_{i}", len(lines) % 4
        lines.append(
            [
                f"ensure {call} at most once",
                f"ensure Charged{i} only after {call}",
                f"ensure never Looking0 after {call}",
                f"ensure after {call} eventually Delivered or Rejected or Expired or Cancelled",
            ][kind]
        )
    if ensures:
        parts.append("\n" + "\n".join(lines) + "\n")
    return "".join(parts)


def main() -> None:
    """Print a contract."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("--states", type=int, default=1000)
    asked.add_argument("--ensures", type=int, default=0)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    print(big_contract(options.states, ensures=options.ensures, seed=options.seed), end="")


if __name__ == "__main__":
    main()
