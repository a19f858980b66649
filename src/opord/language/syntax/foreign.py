"""What somebody meant who writes a word of another language: one next move for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_FAILURE = (
    "failures are handled where the call is: `let x = commit pay(id) else { Declined -> goto Refused }`"
)
_LOOP = "a step has no loops: let a state go to itself, `goto Packing(n + 1)`, until `lines[n]` is `none`"
_CASES = "write `match value { Variant -> … }`"
_RECORD = "a type with fields is a `record Name { field: str }`, one of several forms an `enum`"
_CODE = "code is a handler in Python; declare here what it takes and gives: `pure price(order: Order) -> int`"
_CONSTANT = "there are no constants of a file: write the value where it is used, or give it in the input"
_EXCEPTION = (
    "nothing is raised here: a step ends in a `goto`, as in `goto Rejected(reason)`; a handler raises"
)
_USE = 'types of another file: `use "types.opord" { Address }`'
_CALL = "write `perform` before an effect and `commit` before an action"
_NO_OUTPUT = "a step prints nothing: what happened is in the run's history"

_STATEMENTS: Final = {
    "for": _LOOP,
    "foreach": _LOOP,
    "while": _LOOP,
    "loop": _LOOP,
    "return": "a state ends in a `goto`; a run ends in a `final state`, and its fields are the result",
    "yield": "a state ends in a `goto`; a run ends in a `final state`, and its fields are the result",
    "break": _LOOP,
    "continue": _LOOP,
    "raise": _EXCEPTION,
    "throw": _EXCEPTION,
    "fail": _EXCEPTION,
    "try": _FAILURE,
    "except": _FAILURE,
    "catch": _FAILURE,
    "finally": _FAILURE,
    "switch": _CASES,
    "case": _CASES,
    "var": "bind a name with `let`",
    "const": "bind a name with `let`",
    "def": _CODE,
    "await": _CALL,
    "call": _CALL,
    "do": _CALL,
    "print": _NO_OUTPUT,
    "log": _NO_OUTPUT,
    "assert": "a promise about all runs is an `ensure` line; a condition of one run is an `if`",
    "pass": "a state that waits for its phase has an empty body, `{ }`",
    "elif": "write `else if`",
    "elsif": "write `else if`",
    "transition": "go to a state with `goto`",
    "next": "go to a state with `goto`",
    "sleep": "a state waits with `after 10s -> goto Next`",
    "timeout": "a state waits with `after 10s -> goto Next`",
    "timer": "a state waits with `after 10s -> goto Next`",
    "receive": "a state waits for an event with `on paid -> goto Next`",
    "retry": "a call tries again by itself where it is declared: `retry 3 times` in its braces",
    **dict.fromkeys(("emit", "send", "publish", "notify"), "what goes out is an action: `commit notify(id)`"),
    "wait": "a state waits with `after 10s -> goto Next`, or for an event: `on paid -> goto Next`",
}
"""By the first word of what should be a statement."""

_DECLARATIONS: Final = {
    **dict.fromkeys(("def", "fn", "func", "fun", "function", "async"), _CODE),
    **dict.fromkeys(("import", "from", "include", "package"), _USE),
    **dict.fromkeys(("class", "struct", "type", "message", "interface", "dataclass", "model"), _RECORD),
    **dict.fromkeys(("const", "let", "var", "val"), _CONSTANT),
    "workflow": "a file begins with `contract Name(input: Type) key input.id`",
    "machine": "a file begins with `contract Name(input: Type) key input.id`",
    "error": "write `failure Name { Variant(reason: str) }`",
    "exception": "write `failure Name { Variant(reason: str) }`",
    "signal": "write `event name(field: str)`",
    "task": "write `effect` for what may be repeated, `action` for what commits something",
    "activity": "write `effect` for what may be repeated, `action` for what commits something",
    "step": "write `state Name -> Next { … }`",
    "test": "tests are written in Python, with `opord.testing`",
}
"""By the first word of what should be a declaration."""

_BETWEEN: Final = {
    "elif": "write `else if`",
    "elsif": "write `else if`",
    ":": "a block stands in braces: `{ … }`",
    "then": "a block stands in braces: `if condition { … }`; `if a then b else c` is a value",
    "?": "write `if condition then one else other`",
    "is": "compare with `==`",
    "instanceof": "take the variants apart with `match`",
    "++": "nothing is changed in place: give a new value, `goto Packing(n + 1)`",
    "--": "nothing is changed in place: give a new value, `goto Packing(n - 1)`",
}
"""By the word at which reading stopped."""

_POLICIES: Final = {
    **dict.fromkeys(("retries", "attempts", "max_attempts"), "write `retry 3 times`"),
    "backoff": "it follows the number of attempts: `retry 5 times backoff 1s to 1m`",
    "deadline": "write `timeout 10s`",
    **dict.fromkeys(
        ("idempotent", "idempotency_key"), "write `key order.id`, or `key` for the run's own key"
    ),
    **dict.fromkeys(("on", "doubt"), "write `in doubt ask`, or another choice after `in doubt`"),
}
"""By the first word of what should be a policy."""

_DOUBTS: Final = {
    **dict.fromkeys(("retry", "again", "redo"), "repeat"),
    **dict.fromkeys(("ignore", "continue", "proceed"), "skip"),
    **dict.fromkeys(("fail", "raise", "goto"), "report"),
    **dict.fromkeys(("manual", "person", "human", "park", "wait"), "ask"),
    **dict.fromkeys(("lookup", "query", "perform"), "check"),
}
"""What is meant by the word after `in doubt`."""

_OUTCOMES: Final = {
    **dict.fromkeys(("ok", "done", "succeeded", "successful", "completed"), "success"),
    **dict.fromkeys(("failed", "error", "fail"), "failure"),
    **dict.fromkeys(("canceled", "cancel", "aborted", "abort"), "cancelled"),
}
"""What is meant by the word at the end of a final state."""

_GENERICS: Final = {
    "Optional": "what may be absent has a `?`: `note: str?`",
    "Maybe": "what may be absent has a `?`: `note: str?`",
    "Union": "one of several forms is an `enum`: `enum Shape { Circle(radius: float), Point }`",
    **dict.fromkeys(("List", "Sequence", "Array", "array", "Iterable", "set", "Set"), "write `list[str]`"),
    **dict.fromkeys(("dict", "Dict", "Map", "Mapping", "HashMap", "Record"), "write `map[str, int]`"),
    **dict.fromkeys(("tuple", "Tuple"), "several values together are a `record`"),
}
"""By the name before a `[` in a type."""


def statement_advice(word: str) -> str:
    """Return what to write in place of a statement that begins with a word; empty if unknown."""
    return _STATEMENTS.get(word, "")


def declaration_advice(word: str) -> str:
    """Return what to write in place of a declaration that begins with a word; empty if unknown."""
    return _DECLARATIONS.get(word, "")


def policy_advice(word: str) -> str:
    """Return what to write in place of a policy that begins with a word; empty if unknown."""
    return _POLICIES.get(word, "")


def meant_doubt(word: str) -> str | None:
    """Return the choice after `in doubt` that a word stands for; None if unknown."""
    return _DOUBTS.get(word)


def meant_outcome(word: str) -> str | None:
    """Return the outcome of a final state that a word stands for; None if unknown."""
    return _OUTCOMES.get(word)


def advice(line: Sequence[str], found: str, following: str) -> str:
    """Return what to write where reading stopped at `found`; empty if unknown.

    `line` has the tokens before it on its line, `following` is the token behind it.
    """
    before = line[-1] if line else ""
    if found == "//" or "//" in line:
        return "a comment begins with `#`"
    if before == "await":
        return _CALL
    if before == "->" and found in _STATEMENTS:
        return _STATEMENTS[found]
    if found == "[" and before in _GENERICS:
        return _GENERICS[before]
    if found == ":" and line[:1] == ["on"] and ")" not in line:
        return "the names stand for the event's parameters in their order, and may be others: `on paid(sum)`"
    if found in ("|", "or") and following in ("None", "none", "null"):
        return _GENERICS["Optional"]
    if found in ("+", "-") and before == found:
        return _BETWEEN[found * 2]
    if line and (headed := _in_header(line, found, following)):
        return headed
    if before == "f" and found.startswith('"'):
        return 'a text is filled in without an `f` before it: `"order {id}"`'
    return _BETWEEN.get(found, "")


def _in_header(line: Sequence[str], found: str, following: str) -> str:
    """Return what to write where the header of a declaration stopped; empty if unknown."""
    match line[0], found:
        case "event", "from" | "to" | "for":
            return "who may send an event stands after `by`: `event approve(note: str) by manager`"
        case "effect" | "action", ":":
            return "the result stands after `->`: `effect find(id: str) -> str`"
        case "contract", "," if "key" in line:
            return f'a key is one value: write both into a text, `key "{{{line[-1]}}}/{{{following}}}"`'
        case _:  # open: words of the contract's text
            return ""
