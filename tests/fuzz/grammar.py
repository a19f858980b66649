"""Contracts from choices: plausible ones from scratch, and damaged ones from real ones.

Every function takes its choices from a `Choices`, so that a fuzzer, Hypothesis and a plain seed can
drive it. The same choices give the same text, and no choices left give the smallest one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A sequence of bytes, read as choices; past its end every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def spent(self) -> bool:
        """Say whether no choice is left."""
        return self._at >= len(self._data)

    def below(self, limit: int) -> int:
        """Choose a number from 0 up to, but not including, `limit`."""
        number, reach = 0, 1
        while reach < limit:
            number = number * 256 + (self._data[self._at] if self._at < len(self._data) else 0)
            reach *= 256
            self._at += 1
        return number % limit

    def of(self, things: Sequence[T]) -> T:
        """Choose one of several options; the first is the simplest."""
        return things[self.below(len(things))]

    def seldom(self, one_in: int = 12) -> bool:
        """Choose whether something unusual happens."""
        return self.below(256) > 255 - 256 // one_in

    def some(self, most: int) -> range:
        """Choose a number of times, from none to `most`."""
        return range(self.below(most + 1))


PRELUDE = """\
use "types.opord" { Line, Size }
enum Shape { Circle(radius: float), Point, Square(side: float, label: str?) }
record Order { id: str, total: int, price: decimal, due: datetime, wait: duration, note: str?, shape_name: str?, lines: list[Line], tags: map[str, int], shape: Shape, size: Size, token: secret str, vip: bool, rate: float }
failure CardError { Declined(reason: str), Busy transient, Away transient }
failure DeskError { Unknown, Closed(until: datetime?) transient }
role clerk, boss
event decide(note: str, score: int) by clerk | boss
event ping(id: str) key id keep
event cancel(reason: str) by boss
pure risk(order: Order, limit: float = 0.5) -> float
effect find(id: str) -> Order? fails DeskError { timeout 2s, retry 2 times }
effect find_receipt(id: str) -> str?
effect look(id: str) -> bool
effect poke(id: str) { timeout 1m }
action pay(order: Order) -> str fails CardError | DeskError { key order.id for 24h, timeout 10s, in doubt check find_receipt(order.id) after 5s }
action give_back(receipt: str) undoes pay { key receipt, retry 3 times backoff 1s to 1m, timeout 5s }
action tell(text: str) { repeatable, in doubt skip }
action book(id: str) -> int fails CardError { key id, in doubt report }
action ask_them(id: str) stands because "asking does no harm" { in doubt ask within 2d }
action post(id: str) stands because "it is read at once" { key id for 1d shared because "one letter a day" }
"""
FINALS = {
    "Over": "final state Over failure",
    "Done": "final state Done(text: str) success",
    "Gone": "final state Gone cancelled",
}
# Declarations with something unusual in them.
ODDITIES = [
    "# opord: allow unused because it is fuzzed",
    "## Documents",
    'use "circle.opord" { Round }',
    'use "more.opord" { Basket }',
    'use "absent.opord" { Nothing }',
    "record R { r: R? }",
    "record Q { q: Q }",
    "enum E { A, A }",
    "role clerk",
    "state S0 -> S0 {\n}",
    'record T { n: int = 1 + 2, t: str = "{n}" }',
    "failure F { F transient }",
]

# Values of each type that are always in scope; the last ones only where a `pure` may be called.
VALUES = {
    "str": ['"a"', "order.id", "run.id", '"to {order.id}"', "str(order.total)"],
    "int": ["1", "order.total", "len(order.lines)", "int(order.price)", "-3"],
    "float": ["0.5", "order.rate", "float(order.total)", "risk(order)"],
    "decimal": ["order.price", "decimal(order.total)"],
    "bool": ["true", "order.vip", "false", "order.note == none", "(order.id in order.tags)"],
    "datetime": ["now", "order.due", "run.started_at"],
    "duration": ["10s", "order.wait", "1h30m", "(now - order.due)"],
    "str?": ["order.note", "order.shape_name"],
    "list": ["order.lines", "order.lines[1:]", "order.lines[:-1]"],
    "Shape": [
        "order.shape",
        "Shape.Point",
        "Circle(radius: 1.0)",
        "Square(1.0)",
        "Square(side: 2.0, label: none)",
    ],
    "Order": ["order", "order with { total: 1 }"],
}
# How values of a type are built from others: `<int>` is a placeholder for an int.
MADE = {
    "str": ["(<str> + <str>)", '"{<str>} {<int>}"', "(<str?> ?? <str>)", "(if <bool> then <str> else <str>)"],
    "int": [
        "(<int> + <int>)", "(<int> * <int>)", "(<int> // <int>)", "(-<int>)", "min(<int>, <int>)", "abs(<int>)",
        "(<int> % <int>)", "(if <bool> then <int> else <int>)", "(order.tags[<str>] ?? <int>)",
    ],
    "float": ["(<float> * <float>)", "(<int> / <int>)", "round(<float>, 2)", "risk(<Order>, <float>)"],
    "decimal": ["(<decimal> + <decimal>)", "(<decimal> / <decimal>)", "max(<decimal>, <decimal>)"],
    "bool": [
        "(<bool> and <bool>)", "(<bool> or <bool>)", "(not <bool>)", "(<int> < <int>)", "(<str> == <str>)",
        "(<Shape> == <Shape>)", "(<datetime> <= <datetime>)", "(<str?> != none)", "(<duration> > <duration>)",
    ],
    "datetime": ["(<datetime> + <duration>)", "(<datetime> - <duration>)"],
    "duration": ["(<duration> + <duration>)", "(<duration> * <int>)"],
    "str?": ["(if <bool> then <str> else none)"],
    "list": ["(<list> + <list>)", "<list>[<int>:<int>]"],
    "Shape": ["(if <bool> then <Shape> else <Shape>)", "Circle(<float>)"],
    "Order": ["(<Order> with { id: <str>, total: <int> })"],
}  # fmt: skip
TYPES = ["str", "int", "str?", "bool", "float", "datetime", "duration", "decimal"]
_PLACE = re.compile(r"<([A-Za-z]+\??)>")

# How each call can end: what `ok` binds, and the arms for its failures.
CALLS = {
    "perform find(<str>)": ("found", ["Unknown", "Closed", "TimedOut"]),
    "perform look(<str>)": ("there", []),
    "perform poke(<str>)": ("", ["TimedOut"]),
    "commit tell(<str>)": ("", []),
    "commit pay(<Order>)": (
        "receipt",
        ["Declined(reason)", "Busy | Away", "DeskError.Unknown", "Closed(until)"],
    ),
    "commit give_back(<str>)": ("", []),
    "commit book(<str>)": ("number", ["Declined", "Busy | Away", "InDoubt"]),
    "commit ask_them(<str>)": ("", ["InDoubt"]),
}


class Writer:
    """Writes one contract from choices."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.sloppy = choices.below(3) == 1
        self.states = [f"S{number}" for number in range(1 + choices.below(6))]
        self.fields = {name: self._fields() for name in self.states}
        self.name = ""  # of the state that is being written
        self.targets: dict[str, None] = {}
        self.ends: dict[str, None] = {}  # the final states that are the target of a `goto`
        self.bound = 0
        self.committed = False  # on the path that is being written

    def contract(self) -> str:
        """Write a whole contract."""
        choices = self.choices
        parts = ["contract Fuzzed(order: Order) key order.id", PRELUDE]
        if choices.seldom():
            parts.insert(0, choices.of(ODDITIES))
        states = [self.state(name) for name in self.states]
        if len(states) > 2 and choices.below(2):
            handler = "on cancel(reason) -> goto Gone"
            inside = [state.replace(" {\n", " | Gone {\n", 1) for state in states[:2]]
            states[:2] = [f"phase P {{\n  {handler}\n" + "\n".join(inside) + "\n}"]
            self.ends["Gone"] = None
        parts += [*states, *(FINALS[end] for end in self.ends)]
        parts += [self.promise() for _ in (choices.some(3) if choices.below(3) == 1 else ())]
        return "\n".join(parts)

    def _fields(self) -> list[tuple[str, str]]:
        return [(name, self.choices.of(TYPES)) for name in ("note", "count", "at")[: self.choices.below(4)]]

    def state(self, name: str) -> str:
        """Write a state whose header lists the targets of its body."""
        self.targets, self.bound, self.name, self.committed = {}, 0, name, False
        initial = name == "S0"
        if self.choices.below(3):
            lines = self.block(3)
        else:
            heads = ["on decide(note, score)", "on ping(id)", "on decide(by, score)", "at order.due"]
            lines = [self.handler(heads[self.choices.below(2) :: 2][0])]
            if self.choices.below(2):
                lines.append(self.handler(heads[2 if "ping" in lines[0] else 1]))
            lines.append(f"after {self.value('duration', 1, pure=False)} -> {self.leave(1)}")
        fields = ", ".join(
            f"{field}: {type}" + (f" = {self.default(type)}" if initial or self.choices.seldom() else "")
            for field, type in self.fields[name]
        )
        to = " | ".join(self.targets) or "Over"
        head = f"{'initial ' if initial else ''}state {name}{f'({fields})' if fields else ''} -> {to} {{"
        return "\n".join([head, *(f"  {line}" for line in lines), "}"])

    def default(self, type: str) -> str:
        """Write the default of a state's field."""
        name, self.name = self.name, ""
        written = self.value(type, 1, pure=False)
        self.name = name
        return written

    def handler(self, head: str) -> str:
        """Write a handler of a waiting state."""
        self.committed = False
        if head.startswith("on") and self.choices.seldom(6):
            return f"{head.split('(')[0]} ignore"
        guarded = head.startswith("on") and self.choices.seldom(4)
        guard = f" if {self.value('bool', 1, pure=False)}" if guarded else ""
        if self.choices.below(2):
            return f"{head}{guard} -> {self.leave(1)}"
        return "\n".join([f"{head}{guard} {{", *self.block(2), "}"])

    def block(self, depth: int) -> list[str]:
        """Write statements that end in a `goto`."""
        before = self.committed
        lines = [self.statement(depth) for _ in self.choices.some(2)]
        if depth and self.choices.below(3) == 1:
            lines.append(self.match(depth - 1))
        elif not (self.sloppy and self.choices.seldom()):
            lines.append(self.leave(depth))
        self.committed = before
        return lines

    def statement(self, depth: int) -> str:
        """Write a statement that does not leave the body."""
        choice = self.choices.below(4)
        call, result, failures = self.call()
        if choice == 0 or not depth or (choice > 1 and not call):
            self.bound += 1
            return f"let v{self.bound} = {self.value(self.choices.of([*VALUES]), 2)}"
        if choice == 1:
            inner = "\n".join(self.block(depth - 1))
            return f"if {self.value('bool', 2)} {{\n{inner}\n}}"
        self.bound += 1
        start = f"let {result}{self.bound} = " if result and self.choices.below(2) else ""
        text = start + self.filled(call, 1)
        self.committed |= call.startswith("commit")
        if not failures:
            return text
        arms = failures
        if choice == 2 and failures != ["InDoubt"]:
            arms = [*(arm for arm in failures if arm == "InDoubt"), "else problem"]
        return f"{text} else {{\n" + "\n".join(f"{arm} -> {self.leave(1)}" for arm in arms) + "\n}"

    def call(self) -> tuple[str, str, list[str]]:
        """Choose a call that is allowed here, if there is one."""
        allowed = [] if self.committed and not self.sloppy else [*CALLS]
        call = self.choices.of(allowed) if allowed else ""
        return (call, *CALLS.get(call, ("", [])))

    def match(self, depth: int) -> str:
        """Write a `match` whose arms leave the body."""
        call, result, failures = self.call()
        subject = self.choices.below(6)
        if subject > 3 and call:
            head, patterns = self.filled(call, 1), [f"ok {result}".strip(), *failures]
            self.committed |= call.startswith("commit")
        elif subject == 0:
            head, patterns = self.value("str?", 1), ["some x", "none"]
        elif subject == 1:
            head, patterns = self.value("bool", 1), ["true", "false"]
        elif subject == 2:
            head, patterns = self.value("int", 1), ["1 | 2", "-3", "else"]
        else:
            head, patterns = "order.shape", ["Circle(radius)", "Shape.Point | Square"]
        if self.sloppy and self.choices.seldom():
            patterns = patterns[:-1] if self.choices.below(2) else [*patterns, "else other"]
        arms = []
        for pattern in patterns:
            inner = self.block(depth)
            short = len(inner) == 1 and inner[0].startswith("goto")
            arms.append(f"{pattern} -> " + (inner[0] if short else "\n".join(["{", *inner, "}"])))
        return f"match {head} {{\n" + "\n".join(arms) + "\n}"

    def leave(self, depth: int) -> str:
        """Write a `goto` with what its target needs; most go to the next state."""
        following = self.states.index(self.name) + 1
        ahead = self.states[following : following + 1] * 3
        choice = self.choices.below(16)
        target = self.choices.of([*ahead, "Over", "Done"] if choice else self.states)
        if target in FINALS:
            self.ends[target] = None
            args = [self.value("str", depth)] if target == "Done" else []
        else:
            args = [self.value(type, depth) for _, type in self.fields[target]]
        self.targets[target] = None
        if args and self.sloppy and self.choices.seldom():
            args = [".."] if self.choices.below(2) else args[:-1]
        return f"goto {target}" + (f"({', '.join(args)})" if args else "")

    def value(self, type: str, depth: int, *, pure: bool = True) -> str:
        """Write an expression of a type or, if `sloppy`, sometimes of another one."""
        if self.sloppy and self.choices.seldom(60):
            type = self.choices.of([*VALUES])
        fields = [field for field, its in self.fields.get(self.name, ()) if its == type]
        if fields and self.choices.below(3) == 1:
            return self.choices.of(fields)
        ways = VALUES[type]
        if depth > 0 and self.choices.below(2):
            ways = MADE[type]
        if not pure:
            ways = [way for way in ways if "risk" not in way]
        return self.filled(self.choices.of(ways), depth - 1, pure=pure)

    def filled(self, template: str, depth: int, *, pure: bool = True) -> str:
        """Fill the placeholders of a template with values."""
        return _PLACE.sub(lambda place: self.value(place[1], depth, pure=pure), template)

    def promise(self) -> str:
        """Write a promise."""
        things = ["S0", "pay", "find", "book or give_back", *self.ends, *self.states]
        some, other = self.choices.of(things), self.choices.of(things)
        return self.choices.of(
            [
                "ensure every run ends",
                "ensure no wait is endless",
                "ensure pay at most once",
                f"ensure {some} only after {other}",
                f"ensure never {some} after {other}",
                f"ensure after {some} eventually {other}",
                "ensure every run ends within 30d",
            ]
        )


def written(choices: Choices) -> str:
    """Write a plausible contract."""
    return Writer(choices).contract()


# Units of a text: it is torn into these, and they are put together in another order.
_PIECES = re.compile(r'[ \t]+|\r?\n|[A-Za-z_]\w*|\d\w*|->|\?\?|//|\.\.|[=!<>]=|"(?:\\.|[^"\\\n])*"|#[^\n]*|.', re.DOTALL)  # fmt: skip
STRAY = [
    "(", ")", "{", "}", "[", "]", '"', ",", "->", "\n", "else", "in", "not", "#", "..", "|", "if", "??", "-", ".",
    "match", "goto ", "state ", "final ", "phase ", "on ", "after ", "ensure ", "\r", "\t", "\ufeff", "\u200b", "é",
    "\u0430", "0x", "1s1s", "9" * 30, "\\u{110000}", '"{', '}"', "secret ", "list[", "?", "commit ", "perform ",
    "opord: allow", "## ", "\u2028", "\x0c", "\U0001f600", "'", ";", "=", "==", "&&", "with {", "ok ", "some ", "_",
]  # fmt: skip


def pieces(text: str) -> list[str]:
    """Tear a text into tokens and the blanks between them; joined they are the text again."""
    return _PIECES.findall(text)


def damaged(text: str, other: str, choices: Choices) -> str:
    """Damage a text in up to five places; `other` is spliced in."""
    torn = pieces(text)
    for _ in range(1 + choices.below(5)):
        if not torn:
            break
        at, to = choices.below(len(torn)), choices.below(len(torn))
        kind = choices.below(8)
        if kind == 0:
            del torn[at]
        elif kind == 1:
            torn.insert(at, torn[to])
        elif kind == 2:
            torn[at], torn[to] = torn[to], torn[at]
        elif kind == 3:
            torn.insert(at, choices.of(STRAY))
        elif kind == 4:
            torn[at] = choices.of(STRAY)
        elif kind == 5:
            start, end = sorted((at, to))
            del torn[start : min(end, start + 60)]
        elif kind == 6:
            brackets = [i for i, piece in enumerate(torn) if piece in ("(", ")", "{", "}", "[", "]")]
            if brackets:
                del torn[choices.of(brackets)]
        else:
            spliced = pieces(other)
            start = choices.below(len(spliced)) if spliced else 0
            torn[at:at] = spliced[start : start + 1 + choices.below(80)]
    return "".join(torn)
