"""Random contracts in which runs go round and count: in one field, in two, under other names."""

from __future__ import annotations

from random import Random

from opord.language import check_text

HEAD = """\
contract Counted(id: str, size: int, xs: list[int])
event go
effect peek(id: str) -> bool
effect more(id: str) -> int
pure most(id: str) -> int
"""
TRIES = 500


def counted_contract(rng: Random) -> str:
    """Write a contract with no error but a broken promise, and no wait that is endless."""
    for _ in range(TRIES):
        text = _Draft(rng).write()
        if all(error.place.line == text.count("\n") + 1 for error in check_text(text).errors):
            return text
    raise AssertionError(f"none of {TRIES} drafts was accepted")


class _Draft:
    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.names = [f"S{index}" for index in range(rng.choice([1, 2, 2, 3, 3, 4]))]
        width = rng.choice([1, 1, 2, 2, 3])
        self.fields = {
            name: rng.choice([["a", "b", "c"], ["a", "b", "c"], ["x", "y", "z"]])[:width]
            for name in self.names
        }
        self.exits: set[str] = set()

    def write(self) -> str:
        inside = self.names[: self.rng.choice([0, 0, 0, 1, 2, 3])]
        shared, shared_exits = self._shared(inside) if inside else ("", set())
        text = HEAD
        states = {name: self._state(name, shared_exits if name in inside else set()) for name in self.names}
        if inside:
            text += "phase P {\n" + shared + "".join(states[name] for name in inside) + "}\n"
        text += "".join(states[name] for name in self.names if name not in inside)
        return f"{text}final state Done success\nensure no wait is endless\nensure every run ends"

    def _shared(self, inside: list[str]) -> tuple[str, set[str]]:
        if len({tuple(self.fields[name]) for name in inside}) > 1:
            for name in inside:
                self.fields[name] = self.fields[inside[0]]
        self.exits = set()
        head = self.rng.choice(["after 10d", "after 10d", "at now + 10d"])
        goto = self._goto(inside[0], None)
        return f"{head} -> {goto}\n", self.exits

    def _state(self, name: str, shared: set[str]) -> str:
        self.exits = set(shared)
        if self.rng.random() < 0.55:
            body = self._body(name)
        else:
            body = f"after 1h {{\n{self._body(name, calls=False)}}}\n"
            if self.rng.random() < 0.3:
                body += f"on go -> {self._goto(name, None)}\n"
        first = name == self.names[0]
        fields = ", ".join(f"{field}: int{' = 0' if first else ''}" for field in self.fields[name])
        head = f"{'initial ' if first else ''}state {name}({fields})"
        return f"{head} -> {' | '.join(sorted(self.exits))} {{\n{body}}}\n"

    def _body(self, name: str, *, calls: bool = True) -> str:
        lines = ""
        outside = None
        if calls and self.rng.random() < 0.15:
            lines += "let v = perform more(id)\n"
            outside = "v"
        for _ in range(self.rng.choice([0, 1, 1, 2])):
            lines += f"if {self._condition(name, outside)} {{ {self._goto(name, outside, leaves=0.6)} }}\n"
        if calls and self.rng.random() < 0.4:
            lines += f"let yes = perform peek(id)\nif yes {{ {self._goto(name, outside)} }}\n"
        if self.rng.random() < 0.15:
            field = self.rng.choice(self.fields[name])
            return (
                lines + f"match xs[{field}] {{\nnone -> {self._goto(name, outside, leaves=0.7)}\n"
                f"some item -> {self._goto(name, outside)}\n}}\n"
            )
        return f"{lines}{self._goto(name, outside)}\n"

    def _condition(self, name: str, outside: str | None) -> str:
        fields = self.fields[name]
        field = self.rng.choice(fields)
        if self.rng.random() < 0.1:
            test = f"xs[{field}] == none"
        else:
            another = self.rng.choice(fields)
            limits = ["0", "3", "3", "size", "size", "len(xs)", another, another, f"{another} + 2"]
            op = self.rng.choice(["<", "<=", ">", ">=", ">=", ">=", "==", "!="])
            one = self.rng.choice([field, field, f"{field} + 1"])
            other = self.rng.choice(limits + ([outside] if outside else []))
            test = f"{one} {op} {other}" if self.rng.random() < 0.85 else f"{other} {op} {one}"
        chance = self.rng.random()
        if chance < 0.1:
            return f"not ({test})"
        if chance < 0.25:
            return f"{test} {self.rng.choice(['and', 'or'])} {self._condition(name, outside)}"
        return test

    def _goto(self, name: str, outside: str | None, *, leaves: float = 0.15) -> str:
        if self.rng.random() < leaves:
            self.exits.add("Done")
            return "goto Done"
        target = self.rng.choice(self.names)
        self.exits.add(target)
        args = [self._handed(name, index, outside) for index in range(len(self.fields[target]))]
        return f"goto {target}({', '.join(args)})"

    def _handed(self, name: str, index: int, outside: str | None) -> str:
        fields = self.fields[name]
        field = fields[index] if index < len(fields) else fields[0]
        chance = self.rng.random()
        if chance < 0.4:
            return field
        if chance < 0.8:
            return f"{field} {self.rng.choice(['+ 1', '+ 1', '+ 2', '- 1', '- 2'])}"
        others = [
            "0", "3", self.rng.choice(fields), f"min({field} + 1, 3)", f"max({field} - 1, 0)", f"-{field}",
            f"if {field} < 3 then {field} + 1 else {field} + 2", f"if {field} < 3 then {field} + 1 else {field}",
        ]  # fmt: skip
        return self.rng.choice(others + ([outside, f"{field} + {outside}"] if outside else []))
