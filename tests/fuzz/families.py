"""Families of hostile texts. Each grows with a number; the time to check it must grow no faster."""

from __future__ import annotations

from collections.abc import Callable

Family = Callable[[int], str]

_ENDS = "final state Over success\n"
_HEAD = "contract C(a: int)\n"


def _acting(body: str, more: str = "") -> str:
    return f"{_HEAD}{more}initial state A -> Over {{\n{body}\ngoto Over\n}}\n{_ENDS}"


def _states(count: int, body: str, more: str = "") -> str:
    states = "".join(f"state S{i} -> S{i + 1} {{\n{body.format(i=i, next=i + 1)}\n}}\n" for i in range(count))
    return f"{_HEAD}{more}initial state A -> S0 {{\n  goto S0\n}}\n{states}final state S{count} success\n"


_CALLS = (
    "failure F { X, Y }\neffect look(i: int) -> int fails F\naction pay(i: int) -> int fails F { key }\n"
    "action tell(i: int) fails F { repeatable }\n"
)


def _sequential_ifs(n: int) -> str:
    one = "if perform_{i} > {i} {{ let x{i} = 1\n goto Over }}"
    lets = "\n".join(f"let perform_{i} = a + {i}\n" + one.format(i=i) for i in range(n))
    return _acting(lets)


def _sequential_calls(n: int) -> str:
    body = "\n".join(f"tell({i})" for i in range(0))
    body += "\n".join(f"if a > {i} {{ commit tell({i}) else {{ X | Y -> goto Over }}\n}}" for i in range(n))
    return _acting(body, _CALLS)


def _sequential_matches(n: int) -> str:
    body = "\n".join(
        f"match perform look({i}) {{\n ok x -> if a > x {{ commit pay({i}) else p -> goto Over\n }}\n X -> goto Over\n Y -> {{\n }}\n}}"
        for i in range(n)
    )
    return _acting(body, _CALLS)


def _dense(n: int) -> str:
    """As many moves as fit: every state goes to every other of a few hundred."""
    side = max(2, int(n**0.5))
    targets = [f"S{i}" for i in range(side)]
    moves = "\n".join(f"if a == {i} {{ goto {name} }}" for i, name in enumerate(targets))
    header = " | ".join([*targets, "Over"])
    states = "".join(
        f"{'initial ' if i == 0 else ''}state S{i} -> {header} {{\n{moves}\ngoto Over\n}}\n"
        for i in range(side)
    )
    return f"{_HEAD}{states}{_ENDS}"


def _phases(n: int) -> str:
    side = max(2, int(n**0.5))
    handlers = "\n".join(f"on e{i}(x) if x > {i} -> goto Over" for i in range(side))
    events = "\n".join(f"event e{i}(x: int)" for i in range(side))
    states = "\n".join(
        f"{'initial ' if i == 0 else ''}state S{i} -> S{(i + 1) % side} | Over {{\n after 5s -> goto S{(i + 1) % side}\n}}"
        for i in range(side)
    )
    return f"{_HEAD}{events}\nphase P {{\n{handlers}\n{states}\n}}\n{_ENDS}"


def _commit_cycle(n: int) -> str:
    states = "".join(
        f"state S{i} -> S{(i + 1) % n} | Over {{\n  match commit pay({i}) {{\n ok x -> goto S{(i + 1) % n}\n else -> goto Over\n }}\n}}\n"
        for i in range(n)
    )
    return f"{_HEAD}{_CALLS}initial state A -> S0 {{\n  goto S0\n}}\n{states}{_ENDS}"


def _actions_in_cycle(n: int) -> str:
    actions = "\n".join(f"action p{i}(i: int) -> int fails F" for i in range(n))
    states = "".join(
        f"state S{i} -> S{(i + 1) % n} | Over {{\n  match commit p{i}({i}) {{\n ok x -> goto S{(i + 1) % n}\n else -> goto Over\n }}\n}}\n"
        for i in range(n)
    )
    return f"{_HEAD}failure F {{ X }}\n{actions}\ninitial state A -> S0 {{\n  goto S0\n}}\n{states}{_ENDS}"


def _many_ends(n: int) -> str:
    states = "".join(
        f"state S{i} -> S{i + 1} | End{i} {{\n  match commit pay({i}) {{\n ok x -> goto S{i + 1}\n else -> goto End{i}\n }}\n}}\nfinal state End{i} failure\n"
        for i in range(n)
    )
    return f"{_HEAD}{_CALLS}initial state A -> S0 {{\n  goto S0\n}}\n{states}final state S{n} success\n"


def _spinning(n: int) -> str:
    states = "".join(
        f"state S{i}(x: int) -> S{(i + 1) % n} | Over {{\n  if x > 3 {{ goto Over }}\n goto S{(i + 1) % n}(x)\n}}\n"
        for i in range(n)
    )
    return f"{_HEAD}initial state A -> S0 {{\n  goto S0(1)\n}}\n{states}{_ENDS}"


def _restarting(n: int) -> str:
    events = "\n".join(f"event e{i}" for i in range(n))
    states = "".join(
        f"state S{i} -> S{(i + 1) % n} | B {{\n after 5s -> goto S{(i + 1) % n}\n on e{i} -> goto B\n}}\n"
        for i in range(n)
    )
    back = "".join(f"if a == {i} {{ goto S{i} }}\n" for i in range(n))
    names = " | ".join(f"S{i}" for i in range(n))
    return f"{_HEAD}{events}\ninitial state A -> S0 {{\n  goto S0\n}}\nstate B -> {names} | Over {{\n{back}goto Over\n}}\n{states}{_ENDS}"


def _restarting_by_a_chain(n: int) -> str:
    """Every wait comes back by many acting states.

    The chain can be entered at each of its states, and the last state comes first in the text.
    """
    events = "".join(f"event e{i}\n" for i in range(n))
    waits = "".join(
        f"state W{i} -> C{i} | Over {{\n on e{i} -> goto C{i}\n after 5s -> goto Over\n}}\n" for i in range(n)
    )
    chain = "".join(f"state C{i} -> C{i + 1} {{\n goto C{i + 1}\n}}\n" for i in reversed(range(n)))
    back = "".join(f"if a == {i} {{ goto W{i} }}\n" for i in range(n))
    last = f"state C{n} -> {' | '.join(f'W{i}' for i in range(n))} | Over {{\n{back}goto Over\n}}\n"
    return f"{_HEAD}{events}{last}{chain}{waits}initial state A -> C0 {{\n  goto C0\n}}\n{_ENDS}"


def _records_in_records(n: int) -> str:
    chain = "".join(f"record R{i} {{ inner: R{i + 1}, more: list[R{i + 1}] }}\n" for i in range(n))
    return _acting("let x = a", f"{chain}record R{n} {{ x: secret str }}\npure f(r: R0) -> int\n")


def _promises(n: int) -> str:
    lines = "".join(f"ensure S{i + 1} only after S{i}\n" for i in range(n - 1))
    return _states(n, "goto S{next}") + lines


_KEYED = (
    "contract C(a: str, k: int) key a\nfailure F { No }\nevent go\nevent stop\npure look(i: int) -> bool\n"
)


def _dense_keys(n: int, condition: str) -> str:
    """Every state commits under one key before it goes to any other."""
    side = max(2, int(n**0.5))
    names = [f"S{i}" for i in range(side)]
    moves = "\n".join(
        f"if {condition.format(i=i)} {{\ncommit pay(k) else {{ No -> goto {name} }}\ngoto {name}\n}}"
        for i, name in enumerate(names)
    )
    header = " | ".join([*names, "Over"])
    states = "".join(
        f"{'initial ' if i == 0 else ''}state S{i} -> {header} {{\n{moves}\ngoto Over\n}}\n"
        for i in range(side)
    )
    return f"{_KEYED}action pay(i: int) fails F {{ key a }}\n{states}{_ENDS}"


def _ring_of_keys(n: int) -> str:
    """One action for each ten states of a ring."""
    actions = max(1, n // 10)
    states = "".join(
        f"{'initial ' if i == 0 else ''}state S{i} -> S{(i + 1) % n} | Over {{\non go -> {{\n"
        f"commit pay{i // 10 % actions}({i})\ngoto S{(i + 1) % n}\n}}\non stop -> goto Over\n}}\n"
        for i in range(n)
    )
    return _KEYED + "".join(f"action pay{i}(i: int) {{ key a }}\n" for i in range(actions)) + states + _ENDS


def _ring_of_counted_keys(n: int) -> str:
    """A ring that counts its moves; each state has an action whose key reads the number."""
    states = "".join(
        f"{'initial ' if i == 0 else ''}state S{i}(n: int = 0) -> S{(i + 1) % n} | Over {{\non go -> {{\n"
        f"commit pay{i}(n)\ngoto S{(i + 1) % n}(n + 1)\n}}\non stop -> goto Over\n}}\n"
        for i in range(n)
    )
    return _KEYED + "".join(f'action pay{i}(i: int) {{ key "{{i}}" }}\n' for i in range(n)) + states + _ENDS


def _arms_of_keys(n: int) -> str:
    """An arm for each end of a commit, each to a state of its own that comes back."""
    variants = "".join(f"V{i}\n" for i in range(n))
    arms = "".join(f"V{i} -> goto S{i + 1}\n" for i in range(n))
    header = " | ".join(f"S{i + 1}" for i in range(n))
    states = "".join(
        f"state S{i + 1} -> S0 | Over {{\non go -> goto S0\non stop -> goto Over\n}}\n" for i in range(n)
    )
    return (
        f"{_KEYED}failure G {{\n{variants}}}\naction pay(i: int) fails G {{ key a }}\n"
        f"initial state S0 -> {header} {{\nmatch commit pay(1) {{\nok -> goto S1\n{arms}}}\n}}\n{states}{_ENDS}"
    )


FAMILIES: dict[str, Family] = {
    # Characters without a grammar
    "open parentheses": lambda n: _acting("let x = " + "(" * n),
    "closing parentheses": lambda n: _acting(")" * n),
    "open braces": lambda n: "{" * n,
    "closing braces": lambda n: _HEAD + "}" * n,
    "open brackets": lambda n: _acting("let x = " + "[" * n),
    "open texts": lambda n: _acting('let x = "{\n' * n),
    "texts in texts": lambda n: _acting("let x = " + '"{' * n),
    "quotes": lambda n: _acting('"' * n),
    "quotes by line": lambda n: _acting('goto B("\n' * n),
    "backslashes": lambda n: _acting('let x = "' + "\\q" * n + '"'),
    "unicode escapes": lambda n: _acting('let x = "' + "\\u{41}" * n + '"'),
    "braces in a text": lambda n: _acting('let x = "' + "{a}" * n + '"'),
    "broken braces in a text": lambda n: _acting('let x = "' + "{a b}" * n + '"'),
    "comments": lambda n: "# c\n" * n + _acting("let x = a"),
    "doc comments": lambda n: "## c\n" * n + _acting("let x = a"),
    "allows": lambda n: "# opord: allow unused because x\nrecord R { a: int }\n" * n,
    "blank lines": lambda n: "\n" * n,
    "blanks": lambda n: " " * n + "x",
    "form feeds": lambda n: "\x0c" * n,
    "returns": lambda n: _HEAD + "\r" * n,
    "returned lines": lambda n: _acting("let x = a\r\n" * n),
    "strange letters": lambda n: _acting("let é = а\n" * n),
    "zero widths": lambda n: _acting("let x = a\u200b\n" * n),
    "semicolons": lambda n: _acting("let x = a;" * n),
    "a long name": lambda n: _acting(f"let {'x' * n} = {'y' * n}"),
    "a long number": lambda n: _acting(f"let x = {'9' * n}"),
    "a long decimal": lambda n: _acting(f"let x = 1.{'9' * n}"),
    "a long duration": lambda n: _acting(f"let x = {'9' * n}s"),
    "a long chain of units": lambda n: _acting(f"let x = {'1s' * n}"),
    "a long text": lambda n: _acting(f'let x = "{"y" * n}"'),
    "a long comment": lambda n: _acting(f"# {'y' * n}"),
    # Nesting and rows
    "not": lambda n: _acting("let x = " + "not " * n + "true"),
    "minus": lambda n: _acting("let x = " + "- " * n + "1"),
    "plus": lambda n: _acting("let x = 1" + " + 1" * n),
    "or by line": lambda n: _acting("let x = true" + "\n or true" * n),
    "else nothing": lambda n: _acting("let x = a" + " ?? a" * n),
    "fields": lambda n: _acting("let x = a" + ".b" * n),
    "indexes": lambda n: _acting("let x = a" + "[0]" * n),
    "withs": lambda n: _acting("let x = a" + " with { b: 1 }" * n),
    "calls of calls": lambda n: _acting("let x = " + "abs(" * n + "1" + ")" * n),
    "choices": lambda n: _acting("let x = " + "if a then " * n),
    "else if": lambda n: _acting("if a > 1 { goto Over }" + " else if a > 1 { goto Over }" * n),
    "nested if": lambda n: _acting("if a > 1 {\n" * n + "}\n" * n),
    "nested match": lambda n: _acting("match a {\n 1 -> " * n),
    "types": lambda n: f"{_HEAD}record R {{ x: {'list[' * n}int{']' * n} }}\n",
    "optionals": lambda n: f"{_HEAD}record R {{ x: int{'?' * n} }}\n",
    "a long list": lambda n: _acting(f"let x = [{'1, ' * n}]"),
    "a long list by line": lambda n: _acting("let x = [" + "1,\n" * n + "]"),
    "a list of what does not fit": lambda n: _acting("let x = [" + '1, "a", ' * n + "]"),
    "arguments": lambda n: _acting(f"goto Over({'1, ' * n})"),
    "named arguments": lambda n: _acting("goto Over(" + ", ".join(f"x{i}: {i}" for i in range(n)) + ")"),
    "fields of a record": lambda n: _HEAD + "record R {\n" + "".join(f"x{i}: int\n" for i in range(n)) + "}",
    "the same field": lambda n: _HEAD + "record R {\n" + "x: int\n" * n + "}",
    "a made record": lambda n: _acting(
        "let x = R { " + ", ".join(f"x{i}: {i}" for i in range(n)) + " }",
        "record R {\n" + "".join(f"x{i}: int\n" for i in range(n)) + "}\n",
    ),
    "variants": lambda n: _acting(
        "match e {\n" + "".join(f"V{i} -> goto Over\n" for i in range(n)) + "}",
        "enum E {\n" + "".join(f"V{i}\n" for i in range(n)) + "}\npure f(e: E) -> E\n",
    ),
    "arms of a call": lambda n: _acting(
        "match perform look(1) {\nok -> goto Over\n" + "".join(f"V{i} -> goto Over\n" for i in range(n)) + "}",
        "failure F {\n" + "".join(f"V{i}\n" for i in range(n)) + "}\neffect look(i: int) fails F\n",
    ),
    "failures without arms": lambda n: _acting(
        "perform look(1)\n" * n,
        "failure F {\n" + "".join(f"V{i}\n" for i in range(n)) + "}\neffect look(i: int) fails F\n",
    ),
    "failures with else": lambda n: _acting(
        "perform look(1) else goto Over\n" * n,
        "failure F {\n" + "".join(f"V{i}\n" for i in range(n)) + "}\neffect look(i: int) fails F\n",
    ),
    "matches that leave out much": lambda n: _acting(
        "match look(1) {\nV1 -> goto Over\n}\n" * n,
        "enum E {\n" + "".join(f"V{i}\n" for i in range(n)) + "}\npure look(i: int) -> E\n",
    ),
    "shared handlers of many states": lambda n: (
        _HEAD + "".join(f"event e{i}\n" for i in range(n)) + "phase P {\n"
        + "".join(f"on e{i} -> goto Over\n" for i in range(n))
        + "".join(f"state S{i} -> S{i + 1} | Over {{\nafter 5s -> goto S{i + 1}\n}}\n" for i in range(n)) + "}\n"
        + f"initial state A -> S0 {{\n  goto S0\n}}\nfinal state S{n} success\n" + _ENDS
    ),
    "actions and bad ends": lambda n: (
        _HEAD + "".join(f"action p{i}(i: int)\n" for i in range(n))
        + "".join(f"state S{i} -> S{i + 1} | E{i} {{\n if a > 1 {{ goto E{i} }}\ncommit p{i}(1)\ngoto S{i + 1}\n}}\nfinal state E{i} failure\n" for i in range(n))
        + f"initial state A -> S0 {{\n  goto S0\n}}\nfinal state S{n} success\n"
    ),
    "allows and warnings": lambda n: _HEAD + "# opord: allow unused because x\nrecord R { a: int }\n" * (n // 2) + "".join(f"record Q{i} {{ a: int }}\n" for i in range(n // 2)),
    "literal arms": lambda n: _acting("match a {\n" + "".join(f"{i} -> goto Over\n" for i in range(n)) + "else -> goto Over\n}"),
    "one alternative of many": lambda n: _acting("match a {\n" + " | ".join(str(i) for i in range(n)) + " -> goto Over\nelse -> goto Over\n}"),
    "targets": lambda n: f"{_HEAD}initial state A -> {' | '.join(f'B{i}' for i in range(n))} {{\n goto B0\n}}\n",
    "the same target": lambda n: f"{_HEAD}initial state A -> Over{' | Over' * n} {{\n goto Over\n}}\n{_ENDS}",
    "parameters": lambda n: f"contract C({', '.join(f'a{i}: int' for i in range(n))})\n",
    "roles": lambda n: _HEAD + "role " + ", ".join(f"r{i}" for i in range(n)) + "\nevent e(x: int) by " + " | ".join(f"r{i}" for i in range(n)) + "\n",
    "lets": lambda n: _acting("".join(f"let x{i} = a\n" for i in range(n))),
    "the same let": lambda n: _acting("let x = a\n" * n),
    "lets of the one before": lambda n: _acting("let x0 = a\n" + "".join(f"let x{i + 1} = x{i}\n" for i in range(n))),
    # Mistakes
    "unknown names": lambda n: _acting("".join(f"let x{i} = some_{i}\n" for i in range(n))),
    "unknown types": lambda n: _HEAD + "".join(f"record R{i} {{ x: Q{i} }}\n" for i in range(n)),
    "unknown states": lambda n: _acting("".join(f"if a > {i} {{ goto B{i} }}\n" for i in range(n))),
    "unknown events": lambda n: _HEAD + "initial state A -> Over {\n" + "".join(f"on e{i} -> goto Over\n" for i in range(n)) + "}\n" + _ENDS,
    "unknown calls": lambda n: _acting("".join(f"perform c{i}(1)\n" for i in range(n))),
    "unknown policies": lambda n: _HEAD + "action a() {\n" + "".join(f"maybe {i}\n" for i in range(n)) + "}\n",
    "wrong types": lambda n: _acting(f'let x{0} = 1 + "a"\n' * n),
    "syntax errors": lambda n: _acting("let = 3\n" * n),
    "syntax errors on a line": lambda n: _acting("goto Over(" + "1 2, " * n + ")"),
    "duplicates": lambda n: _HEAD + "record R { x: int }\n" * n,
    "twice the same state": lambda n: _HEAD + "state A -> Over {\n goto Over\n}\n" * n + _ENDS,
    "unclosed states": lambda n: _HEAD + "state A -> B {\n  goto B\n" * n,
    "forgotten braces": lambda n: _HEAD + "state A -> B\n  goto B\n}\n" * n,
    "empty states": lambda n: _HEAD + "".join(f"state S{i} -> S{i + 1} {{\n}}\n" for i in range(n)),
    "unreachable states": lambda n: _HEAD + "".join(f"state S{i} -> S{i + 1} {{\n goto S{i + 1}\n}}\n" for i in range(n)),
    "states without an end": lambda n: _states(n, "goto S{next}").replace("final state", "state").replace(" success", " -> S0 {\n goto S0\n}"),
    "wrong headers": lambda n: _states(n, "goto A"),
    "commits after commits": lambda n: _acting("commit tell(1) else p -> goto Over\n" * n, _CALLS),
    "performs after a commit": lambda n: _acting("commit tell(1) else p -> goto Over\n" + "perform look(1) else p -> goto Over\n" * n, _CALLS),
    "after a goto": lambda n: _acting("goto Over\n" * n),
    "words with nothing": lambda n: "state record enum failure event role " * n,
    "arrows": lambda n: _HEAD + "-> " * n,
    "names in a row": lambda n: _HEAD + "x " * n,
    "uses": lambda n: 'use "absent.opord" { T }\n' * n + _HEAD,
    "unread types": lambda n: 'use "absent.opord" { T }\n' + _acting("".join(f"let x{i} = Some{i}\n" for i in range(n))),
    "a syntax error and unknown names": lambda n: _acting("let = 3\n" + "".join(f"let x{i} = some_{i}\n" for i in range(n))),
    "phases with a syntax error": lambda n: _HEAD + "".join(f"phase P{i} {{\n let = 3\nstate S{i} -> S{i} {{\n goto S{i}\n}}\n}}\n" for i in range(n)),
    "a phase with a syntax error": lambda n: _HEAD + "phase P {\n let = 3\n" + "".join(f"state S{i} -> S{i} {{\n goto S{i}\n}}\n" for i in range(n)) + "}\n",
    # Large and sound, or nearly so
    "states": lambda n: _states(n, "goto S{next}"),
    "waiting states": lambda n: _states(n, "on e{i} -> goto S{next}\n after 5s -> goto S{next}", "".join(f"event e{i}\n" for i in range(n))),
    "gotos": lambda n: _acting("".join(f"if a > {i} {{ goto Over }}\n" for i in range(n))),
    "events": lambda n: _HEAD + "".join(f"event e{i}(x: int)\n" for i in range(n)) + "initial state A -> Over {\n" + "".join(f"on e{i}(x) if x > 2 -> goto Over\n" for i in range(n)) + "}\n" + _ENDS,
    "guarded handlers of one event": lambda n: _HEAD + "event e(x: int)\ninitial state A -> Over {\n" + "".join(f"on e(x) if x > {i} -> goto Over\n" for i in range(n)) + "}\n" + _ENDS,
    "timers": lambda n: _HEAD + "initial state A -> Over {\n" + "".join(f"after {i}s -> goto Over\n" for i in range(n)) + "}\n" + _ENDS,
    "phases": _phases,
    "dense moves": _dense,
    "sequential ifs": _sequential_ifs,
    "sequential commits": _sequential_calls,
    "sequential matches": _sequential_matches,
    "commits round a cycle": _commit_cycle,
    "actions round a cycle": _actions_in_cycle,
    "ends after a commit": _many_ends,
    "spinning": _spinning,
    "restarting": _restarting,
    "restarting by a chain": _restarting_by_a_chain,
    "records in records": _records_in_records,
    "promises": _promises,
    "promises that do not hold": lambda n: _states(n, "goto S{next}") + "".join(f"ensure S{i} only after S{i + 1}\n" for i in range(n)),
    "promises that something comes": lambda n: _states(n, "goto S{next}") + "".join(f"ensure after S{i} eventually A\n" for i in range(n)),
    "promises of calls": lambda n: _commit_cycle(n) + "ensure pay at most once\n" * n,
    "promises to end": lambda n: _commit_cycle(n) + "ensure every run ends within 3d\n" * n,
    "keys in dense moves": lambda n: _dense_keys(n, "look({i})"),
    "keys in dense moves on the input": lambda n: _dense_keys(n, "k == {i}"),
    "keys round a ring": _ring_of_keys,
    "counted keys round a ring": _ring_of_counted_keys,
    "keys and arms": _arms_of_keys,
    "timers of a phase": lambda n: (
        _HEAD + "phase P {\n" + "".join(f"after {i + 1}s -> goto S{i}\n" for i in range(6))
        + "".join(f"state S{i} -> S{(i + 1) % n} | {' | '.join(f'S{k}' for k in range(6) if k != (i + 1) % n)} {{\nat now -> goto S{(i + 1) % n}\n}}\n" for i in range(n)) + "}\n"
        + "initial state A -> S0 {\n  goto S0\n}\n" + _ENDS + "ensure every run ends\nensure never A after S1\n"
    ),
}  # fmt: skip
"""The families by name. `n` of 10,000 makes each between 10 and 800 kilobytes."""
