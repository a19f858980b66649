"""The words of the language: what each means in a sentence, and an example of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A keyword or built-in: its meaning, an example, and for a function how it is written."""

    meaning: str
    example: str
    usage: str = ""


_KEYWORDS: dict[str, tuple[str, str]] = {
    "contract": (
        "Names the workflow, its input and what makes two starts the same run. A file has one.",
        "contract OrderFulfilment(order: Order) key order.id version 1",
    ),
    "version": (
        "The version of the contract; a run belongs to the one that it was started with.",
        "contract C(id: str) key id version 2",
    ),
    "use": ("Takes types from a file without a contract.", 'use "types.opord" { Address, Money }'),
    "record": ("A value with named fields.", "record Line { sku: str, quantity: int = 1 }"),
    "enum": ("A value that is one of several variants.", "enum Shape { Circle(radius: float), Point }"),
    "failure": (
        "The ways in which a call can fail; `transient` ones may be tried again.",
        "failure PaymentError { Declined(reason: str), Unavailable transient }",
    ),
    "transient": (
        "This attempt certainly did not take effect, and another may help.",
        "failure PaymentError { Unavailable transient }",
    ),
    "role": ("Who may send events.", "role manager, warehouse"),
    "event": ("A message from outside, accepted in the states that handle it.", "event approve(note: str) by manager"),
    "by": ("Names the roles that may send an event.", "event approve(note: str) by manager | owner"),
    "keep": (
        "An event that comes too early is stored until a state handles it.",
        "event delivered(tracking: str) key tracking keep",
    ),
    "key": (
        "What makes two starts, two events or two commits the same one.",
        "action charge(order: Order) -> Receipt { key order.id for 24h }",
    ),
    "pure": ("A function of your own that may run any number of times, anywhere.", "pure risk(order: Order) -> float"),
    "effect": (
        "A call that only reads, or is harmless to repeat.",
        "effect find_customer(id: str) -> Customer fails CustomerError { timeout 2s }",
    ),
    "action": (
        "A call that commits something the outside can see: it is not repeated at will.",
        "action charge_card(order: Order) -> Receipt fails PaymentError { key order.id }",
    ),
    "fails": ("The failures that a call declares; whoever calls it handles them.", "effect read(id: str) -> int fails ReadError"),
    "undoes": ("Says which action this one takes back.", "action refund(receipt: Receipt) undoes charge_card { key receipt.id }"),
    "retry": ("How often a call is tried again after a transient failure.", "retry 5 times backoff 1s to 1m"),
    "times": ("`retry N times`: at most N attempts after the first.", "retry 3 times"),
    "backoff": ("The shortest and the longest pause between attempts.", "retry 5 times backoff 1s to 1m"),
    "timeout": (
        "How long one attempt may take. Then an effect fails with `TimedOut`, and an action is in doubt.",
        "timeout 10s",
    ),
    "repeatable": ("A run may commit this action again, each time as a new effect.", "action remind(text: str) { repeatable, in doubt skip }"),
    "in": ("`x in xs`: an item of a list, a key of a map, a piece of a text; also starts `in doubt`.", "if order.id in blocked { goto Rejected }"),
    "doubt": (
        "What happens when nobody knows whether an action took effect: `repeat`, `check`, `ask`, `skip` or `report`.",
        "in doubt check find_charge(order.id) after 30s",
    ),
    "repeat": ("In doubt, call again with the same key.", "in doubt repeat"),
    "check": ("In doubt, ask an effect whether it happened.", "in doubt check find_charge(order.id) after 30s"),
    "ask": ("In doubt, wait for a person who says what happened.", "in doubt ask within 2d"),
    "within": ("A limit of time: of an `ask`, or of `every run ends`.", "in doubt ask within 2d"),
    "skip": ("In doubt, go on as if it had happened.", "in doubt skip"),
    "report": ("In doubt, let the contract decide: `InDoubt` joins the failures.", "in doubt report"),
    "phase": ("Groups states that share handlers and timers.", "phase Checking {\n  on cancel(reason) -> goto Cancelled(reason)\n}"),
    "initial": ("The state in which a run starts.", "initial state Received -> Charging { goto Charging }"),
    "state": (
        "A situation with data. Its header lists every state that it can go to; its body acts at once or waits.",
        "state Review(customer: Customer) -> Charging | Expired {\n  on approve(note) -> goto Charging\n  after 48h -> goto Expired\n}",
    ),
    "final": ("A state in which the run ends: a `success`, a `failure`, or `cancelled`.", "final state Rejected(reason: str) failure"),
    "success": ("The run ended as it was meant to.", "final state Delivered success"),
    "cancelled": ("The run was called off.", "final state Cancelled(reason: str) cancelled"),
    "on": ("Handles an event in a state that waits.", "on approve(note) if note != \"\" -> goto Charging"),
    "ignore": ("Records an event and changes nothing.", "on reminder ignore"),
    "after": ("Moves on when so much time has passed since the state was entered.", "after 48h -> goto Expired"),
    "at": ("Moves on at an instant.", "at order.due -> goto Overdue"),
    "let": ("Gives a value a name for the rest of the body.", "let customer = perform find_customer(order.customer)"),
    "perform": ("Calls an effect.", "let customer = perform find_customer(order.customer) else -> goto Rejected"),
    "commit": ("Calls an action: one on each path of a step.", "match commit charge_card(order) { ok r -> goto Charged(r), else -> goto Rejected }"),
    "goto": (
        "Ends the step: the run is in another state. A last `..` fills fields from variables of the same name.",
        "goto Charged(receipt)",
    ),
    "match": (
        "Takes a value or the outcome of a call apart; its arms leave nothing out.",
        "match commit charge_card(order) {\n  ok receipt -> goto Charged(receipt)\n  Declined(reason) -> goto Rejected(reason)\n}",
    ),
    "ok": ("The arm for the result of a call.", "ok receipt -> goto Charged(receipt)"),
    "some": ("The arm for an optional that is there.", "some x -> goto Found(x)"),
    "if": ("Chooses: a statement with blocks, or an expression with `then` and `else`.", "if order.total_cents > 0 { goto Charging }"),
    "then": ("`if c then a else b` is an expression.", 'let size = if n > 10 then "large" else "small"'),
    "else": ("What happens otherwise. After a call it handles the failures; it never covers `InDoubt`.", "else -> goto Rejected"),
    "with": ("A copy of a record with other values in some fields.", "order with { total_cents: 0 }"),
    "and": ("Both hold.", "if a and b { goto X }"),
    "or": ("One of them holds, at least.", "if a or b { goto X }"),
    "not": ("It does not hold.", "if not customer.vip { goto Review }"),
    "true": ("The `bool` that holds.", "vip: bool = true"),
    "false": ("The `bool` that does not.", "vip: bool = false"),
    "none": ("No value: what an absent `T?` is.", "note: str? = none"),
    "ensure": (
        "A promise about every run, proved before any of them starts.",
        "ensure charge_card at most once\nensure Delivered only after charge_card\nensure every run ends",
    ),
    "secret": ("A value that is only passed on, encrypted where it is kept, and shown nowhere.", "card_token: secret str"),
    "upgrade": ("Says how runs of an older version move to this one.", "upgrade from 1 { Charging -> Charging(attempts: 0) }"),
}  # fmt: skip

_TYPES: dict[str, tuple[str, str]] = {
    "bool": ("`true` or `false`.", "vip: bool"),
    "int": ("A whole number of 64 bits; an overflow is an error.", "total_cents: int"),
    "float": ("A number with a fraction, never infinite at a boundary.", "score: float"),
    "decimal": ("An exact number; a text in JSON.", "price: decimal"),
    "str": ("A text.", "id: str"),
    "bytes": ("Bytes; base64 in JSON.", "data: bytes"),
    "datetime": ("An instant in UTC.", "due: datetime"),
    "date": ("A day.", "born: date"),
    "duration": ("A length of time, such as `48h`.", "pause: duration = 10s"),
    "uuid": ("A UUID.", "ref: uuid"),
    "json": ("Anything as JSON, which the contract passes on and never looks into.", "raw: json"),
    "list": ("A list of values of one type.", "lines: list[Line]"),
    "map": ("Values by text.", "tags: map[str, int]"),
}

_FUNCTIONS: dict[str, tuple[str, str, str]] = {
    "len": ("The length of a list, a map, a text or bytes.", "len(order.lines)", "len(list, map or text) -> int"),
    "min": ("The smallest of some values, or of a list.", "min(a, b)", "min(a, b) or min(list)"),
    "max": ("The largest of some values, or of a list.", "max(a, b)", "max(a, b) or max(list)"),
    "abs": ("A number or duration without its sign.", "abs(x)", "abs(number or duration)"),
    "round": ("The nearest whole number, or one with so many digits.", "round(x, 2)", "round(number, digits)"),
    "str": ("A value as a text.", "str(order.total_cents)", "str(value) -> str"),
    "int": ("A number or text as an `int`.", 'int("42")', "int(number or text) -> int"),
    "float": ("A number or text as a `float`.", "float(x)", "float(number or text) -> float"),
    "decimal": ("A number or text as a `decimal`.", 'decimal("9.99")', "decimal(number or text) -> decimal"),
    "count": ("How many items of a list are this variant.", "count(outcomes, Lost)", "count(list of an enum, Variant) -> int"),
}  # fmt: skip

_VALUES: dict[str, tuple[str, str]] = {
    "now": ("The instant of the step (`datetime`), the same all through it.", "let due = now + 48h"),
    "run": ("The run: `run.id` (`str`) and `run.started_at` (`datetime`).", 'key "{run.id}"'),
    "actor": ("Who sent the event (`str`): known in its handler.", "on approve(note) -> goto Charging(actor)"),
    "call": ("`call.key`: the key of the attempt in doubt, in the arguments of `in doubt check`.", "in doubt check find(call.key)"),
    "cancel": ("The built-in event `cancel(reason: str)`: always kept, refused where no state handles it.", "on cancel(reason) -> goto Cancelled(reason)"),
    "TimedOut": ("An effect with a `timeout` ran out of it on its last attempt.", "TimedOut -> goto Rejected"),
    "InDoubt": ("Nobody knows whether the action took effect, and the contract decides.", "InDoubt -> goto Unclear"),
}  # fmt: skip

KEYWORDS = {name: Word(*each) for name, each in _KEYWORDS.items()}
TYPE_WORDS = {name: Word(*each) for name, each in _TYPES.items()}
FUNCTIONS = {name: Word(*each) for name, each in _FUNCTIONS.items()}
VALUES = {name: Word(*each) for name, each in _VALUES.items()}


def word(name: str, *, called: bool = False) -> Word | None:
    """Return what a word means; `called`: it stands before a parenthesis."""
    if called and name in FUNCTIONS:
        return FUNCTIONS[name]
    return TYPE_WORDS.get(name) or VALUES.get(name) or KEYWORDS.get(name) or FUNCTIONS.get(name)
